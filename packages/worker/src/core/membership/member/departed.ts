import type { ClusterState } from '../cluster-state.js';
import type { Parts } from './parts.js';

const departureNs = 2e9;

/** Workers that are members no more, or were not let in. Their connections stay a moment, so that they hear of it. */
export class Departed {
  /** Until when, by name. */
  private readonly until = new Map<string, number>();

  constructor(
    private readonly parts: Pick<
      Parts,
      'ports' | 'standing' | 'clusterLog' | 'mesh' | 'links' | 'streams' | 'leader'
    >,
  ) {}

  /** Lets go of a worker, though not at once. */
  add(name: string): void {
    this.until.set(name, this.parts.ports.clock.now() + departureNs);
  }

  /** It is to come in again. */
  remove(name: string): void {
    this.until.delete(name);
  }

  /** Others than this worker have left, by a record that has taken effect. */
  left(before: ClusterState, names: readonly string[]): void {
    const { ports, standing, links, streams, leader } = this.parts;
    const wasLeader = before.members[0]!.name;
    links.renew(before);
    ports.ends.workersLeft(names);
    for (const gone of names) this.add(gone);
    if (wasLeader !== standing.name) standing.leader = standing.view.members[0]!.name;
    streams.membersLeft(names, wasLeader);
    if (wasLeader === standing.name) return leader.leadership.release(names);
    if (standing.leader !== standing.name || !names.includes(wasLeader)) return;
    // The leader has left in order: the next one goes on where it stood.
    leader.inherit(standing.view.epoch, standing.view.members);
  }

  tick(now: number): void {
    const { clusterLog, mesh, leader } = this.parts;
    for (const [name, until] of this.until) {
      if (now < until) continue;
      this.until.delete(name);
      const peer = mesh.peers.get(name);
      const member = clusterLog.state.members.some((one) => one.name === name);
      if (peer !== undefined && !member && !leader.expects(name)) mesh.forget(peer);
    }
  }
}
