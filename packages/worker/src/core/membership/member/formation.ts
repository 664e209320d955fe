import { dealSlots } from '../../slots/table.js';
import { asEpoch, noCluster } from '../cluster-state.js';
import { StartTimeoutError } from '../errors.js';
import type { Peer } from '../peer.js';
import { arrival, waitsFor } from '../waiting.js';
import type { Parts } from './parts.js';

const waitingLogNs = 10e9;

/** How a worker comes to a cluster: it forms one, waits for one, asks to be let in, or returns to the one it was in. */
export class Formation {
  private readonly startedAt: number;
  private waitingToldAt: number;
  /** The life of each worker that has come while the cluster forms. */
  private readonly arrivals = new Map<string, number>();

  constructor(
    private readonly parts: Pick<
      Parts,
      'settings' | 'ports' | 'standing' | 'clusterLog' | 'keeper' | 'mesh' | 'attendance' | 'leader'
    >,
  ) {
    this.startedAt = parts.ports.clock.now();
    this.waitingToldAt = this.startedAt;
  }

  /** How many workers the cluster has room for that this one forms; undefined: it forms none, or has formed it. */
  get places(): number | undefined {
    const { settings, standing, clusterLog } = this.parts;
    const { role } = settings;
    const open = standing.phase === 'forming' && clusterLog.state.epoch === 0;
    return role.kind === 'initializer' && open ? role.workerCount - 1 : undefined;
  }

  start(): void {
    const { settings, ports, standing, mesh } = this.parts;
    const { role } = settings;
    if (standing.phase === 'returning') return this.comeBack();
    if (role.kind === 'joiner') ports.log.line('New worker preparing to join cluster');
    if (role.kind !== 'initializer' || role.workerCount > 1) this.tellAwaited();
    if (role.kind === 'worker') mesh.dial('initializer', role.initializer);
    if (role.kind === 'joiner') mesh.contact(role.contact, role.workerCount);
    this.formIfComplete();
  }

  /** Each life of a worker is told of once, however often its connection breaks. */
  greeted({ name, life }: Peer): void {
    const { ports, mesh } = this.parts;
    const { places } = this;
    if (places !== undefined && this.arrivals.get(name) !== life) {
      this.arrivals.set(name, life);
      ports.log.line(arrival(name, places - mesh.peers.size));
    }
    this.formIfComplete();
  }

  formIfComplete(): void {
    const { settings, ports, standing, mesh, attendance, leader } = this.parts;
    const { places } = this;
    if (places === undefined) return;
    const now = ports.clock.now();
    const workers = [...mesh.peers.values()];
    if (workers.length < places) return;
    if (!workers.every((peer) => attendance.present(peer, now))) return;
    const { log } = ports;
    for (const worker of workers) log.line(`Worker ${worker.name} control channel identified`);
    log.line('All worker control channels identified');
    for (const worker of workers) log.line(`Worker ${worker.name} data channel identified`);
    log.line('All worker data channels identified');
    log.line('Initializing application');
    const { control, data, plan } = settings;
    const { name, incarnation, life, cluster } = standing;
    const members = [
      { name, incarnation, life, control, data },
      ...workers.map(({ addresses, ...peer }) => ({
        name: peer.name,
        incarnation: peer.incarnation,
        life: peer.life,
        ...addresses!,
      })),
    ];
    const owners = dealSlots(plan.application.slots, members.length);
    log.line('Distributing local topologies to workers');
    standing.leader = name;
    leader.leadership.found(asEpoch({ ...noCluster, cluster, members, owners }, 1, members));
    log.line('Finished distributing');
  }

  /** A worker that was there before the cluster is formed is gone: its place is free again. */
  fellSilent(peer: Peer): void {
    if (this.places === undefined) return;
    this.parts.ports.log.line(`Worker ${peer.name} has gone before the cluster was complete.`);
    this.parts.mesh.forget(peer);
  }

  tick(now: number): void {
    const { settings, standing } = this.parts;
    if (standing.phase !== 'forming' && standing.phase !== 'returning') return;
    const { startMs } = settings.timing;
    if (standing.phase === 'forming' && startMs > 0 && now - this.startedAt > startMs * 1e6) {
      return standing.end(new StartTimeoutError(this.awaited(), startMs));
    }
    if (now - this.waitingToldAt < waitingLogNs) return;
    this.waitingToldAt = now;
    this.tellAwaited();
  }

  private comeBack(): void {
    const { settings, ports, standing, clusterLog, keeper, mesh } = this.parts;
    const { role } = settings;
    ports.log.line('Recovering from recovery files!');
    ports.log.line('Attempting to recover...');
    // The new incarnation is on disk before anybody hears of it.
    keeper.write(() => {
      standing.incarnationKept = true;
      // It may have moved since; what the operator says now is newer than the file.
      if (role.kind === 'worker') mesh.dial('initializer', role.initializer);
      const { members } = clusterLog.state;
      for (const member of members) {
        if (member.name !== standing.name) mesh.dial(member.name, member.control);
      }
      if (members.length > 1) this.tellAwaited();
    });
  }

  private tellAwaited(): void {
    this.parts.ports.log.line(`Waiting for ${this.awaited()}.`);
  }

  private awaited(): string {
    const { settings, ports, standing, clusterLog, mesh, attendance } = this.parts;
    const now = ports.clock.now();
    return waitsFor(settings.role, {
      returning: standing.phase === 'returning',
      missing: clusterLog.state.members
        .map(({ name }) => name)
        .filter((name) => name !== standing.name && !attendance.present(mesh.peer(name), now)),
      workers: [...mesh.peers.values()].map((peer) => ({
        name: peer.name,
        control: peer.addresses?.control,
        present: attendance.present(peer, now),
      })),
    });
  }
}
