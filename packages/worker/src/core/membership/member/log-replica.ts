import type { CurrentEpoch } from './current-epoch.js';
import type { Parts } from './parts.js';

/**
 * This worker's replica of the control log, as whoever leads has it written: a leader gathers promises, appends
 * records, and when they are on disk at every member they take effect. Whoever has promised a later epoch fences.
 */
export class LogReplica {
  /** The highest epoch promised to a leader. */
  private promisedEpoch = 0;

  constructor(
    private readonly parts: Pick<
      Parts,
      'settings' | 'ports' | 'standing' | 'clusterLog' | 'keeper' | 'mesh' | 'post' | 'leader'
    >,
    private readonly currentEpoch: CurrentEpoch,
  ) {}

  gather(from: string, epoch: number): void {
    const { standing, clusterLog, post } = this.parts;
    if (epoch <= this.promisedEpoch) return this.fence(from);
    if (standing.finishing) return;
    this.promise(from, epoch);
    standing.phase = 'gathering';
    post.send(from, { type: 'promise', epoch, records: clusterLog.bytes });
  }

  append(from: string, epoch: number, index: number, record: Buffer): void {
    this.put(from, epoch, index, () => this.parts.clusterLog.put(index, record));
  }

  /** A joiner gets all of the log. */
  install(from: string, epoch: number, index: number, records: readonly Buffer[]): void {
    const { settings, ports, standing, clusterLog, mesh } = this.parts;
    if (!standing.outside || settings.role.kind !== 'joiner') return;
    ports.log.line('***Received cluster information!***');
    mesh.forgetContact();
    standing.joining = true;
    this.put(from, epoch, index, () => clusterLog.replace(records));
  }

  commit(epoch: number, index: number): void {
    const { standing, clusterLog } = this.parts;
    if (clusterLog.state.epoch !== epoch || epoch < this.promisedEpoch || index >= clusterLog.length) return;
    if (standing.phase === 'finishing') return;
    // An epoch that counts this worker among its members already: it gets ready as all others do.
    if (index === 0) standing.joining = false;
    for (const record of clusterLog.commit(index)) this.currentEpoch.effect(record);
    // A joiner finds itself in the middle of an epoch, by one record that stands for all before it.
    if (standing.joining && standing.view.epoch === 0) this.currentEpoch.begin();
  }

  private put(from: string, epoch: number, index: number, work: () => void): void {
    const { standing, clusterLog, keeper, post } = this.parts;
    if (epoch < this.promisedEpoch) return this.fence(from);
    if (standing.finishing) return;
    this.promise(from, epoch);
    work();
    standing.cluster = clusterLog.state.cluster;
    this.forgetFormerLives();
    keeper.write(() => post.send(from, { type: 'appended', epoch, index }));
  }

  private fence(from: string): void {
    this.parts.post.send(from, { type: 'fenced', epoch: this.promisedEpoch });
  }

  private promise(to: string, epoch: number): void {
    const { standing, leader } = this.parts;
    this.promisedEpoch = epoch;
    standing.leader = to;
    leader.leadership.heardOf(epoch);
    if (to !== standing.name) leader.resign();
  }

  /**
   * Whoever is new by this record may live for the first time, whatever lives of its name were seen before. So may one
   * that has an incarnation which was another life's before.
   */
  private forgetFormerLives(): void {
    const { clusterLog, mesh } = this.parts;
    const { state, effective } = clusterLog;
    for (const { name, incarnation, life } of state.members) {
      const peer = mesh.peers.get(name);
      if (peer === undefined || peer.life === 0) continue;
      const isNew = !effective.members.some((member) => member.name === name);
      const former = peer.incarnation > incarnation && isNew;
      if (former || (peer.incarnation === incarnation && peer.life !== life)) mesh.forget(peer);
    }
  }
}
