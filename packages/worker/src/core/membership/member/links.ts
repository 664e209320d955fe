import type { Routing } from '../../slots/routing.js';
import type { OutgoingBatch } from '../../link/outgoing-batch.js';
import { routed, type ClusterState } from '../cluster-state.js';
import type { Mesh } from '../mesh.js';
import type { Peer } from '../peer.js';
import type { MemberRecord } from '../records.js';
import type { Standing } from './standing.js';

/** The links with the other members in effect: who they are, and in which session each link is. */
export class Links {
  constructor(
    private readonly standing: Standing,
    private readonly mesh: Mesh,
    private readonly routing: Routing,
    /** What was on its way belongs to the checkpoint: a new session begins with nothing. */
    private readonly resilience: boolean,
    /** A planted bug. */
    private readonly forgetsInFlight: boolean,
  ) {}

  /** The other members of the view. */
  get others(): readonly Peer[] {
    const peers: Peer[] = [];
    for (const { name } of this.standing.view.members) {
      if (name !== this.standing.name) peers.push(this.mesh.peer(name));
    }
    return peers;
  }

  /** Somebody is away: meanwhile nothing is processed, for its slots are nobody else's. */
  get broken(): boolean {
    // Asked at every call of the world: without a list of its own.
    for (const { name } of this.standing.view.members) {
      if (name !== this.standing.name && this.mesh.peer(name).away) return true;
    }
    return false;
  }

  /** Links with all members of the view, which was `before` until now; those that stand stay as they are. */
  renew(before: ClusterState): void {
    const { name, view, place } = this.standing;
    const batches = view.members.map((member) => {
      if (member.name === name) return undefined;
      const known =
        before.epoch === view.epoch && before.members.some((former) => former.name === member.name);
      return known ? this.mesh.peer(member.name).batch : this.restart(member, before);
    });
    // Slots on their way are counted where they go.
    this.routing.assign(routed(view).owners, place, batches);
  }

  private restart(member: MemberRecord, before: ClusterState): OutgoingBatch {
    const peer = this.mesh.peer(member.name);
    const { view, incarnation } = this.standing;
    const { epoch, routeVersion } = view;
    const former = before.members.find(({ name }) => name === member.name)?.incarnation;
    const stays = !this.resilience;
    // What was in flight to a worker that has died goes to its next life; so nothing of ours is lost with it.
    const keep = stays && (former === member.incarnation || !this.forgetsInFlight);
    peer.control.boundary.address = peer.addresses?.control ?? member.control;
    peer.data.boundary.address = peer.addresses?.data ?? member.data;
    peer.data.boundary.route = routeVersion;
    peer.data.boundary.restart({ epoch, from: incarnation, to: member.incarnation }, keep);
    if (!stays) peer.batch.clear();
    peer.data.receiver.restart({ epoch, from: member.incarnation, to: incarnation }, stays);
    return peer.batch;
  }
}
