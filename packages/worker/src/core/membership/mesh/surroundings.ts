import type { Address } from '@wallaroo/protocol';
import type { MessageEncoder } from '../../codec/message-encoder.js';
import type { Frame } from '../../link/frame.js';
import type { Hello, Refusal } from '../../link/greeting.js';
import type { Timing } from '../../link/timing.js';
import type { PlantedBug } from '../../planted.js';
import type { Clock, LineLog, Network } from '../../ports.js';
import type { ControlMessage } from '../messages.js';
import type { Peer } from '../peer.js';
import type { Self } from './self.js';

/** What the mesh tells the member. */
export interface MeshEvents {
  /** A worker has greeted on its control connection and was welcomed. */
  greeted(peer: Peer): void;
  /** It has another incarnation than before: all that was agreed with its former life is void. */
  restarted(peer: Peer): void;
  /** A connection of the peer has come or gone. */
  changed(peer: Peer): void;
  /** The connection on which the peer speaks has ended. */
  fellSilent(peer: Peer): void;
  /** `peer` is undefined when it was the member that this worker asked to be let in. */
  refused(peer: Peer | undefined, refusal: Refusal): void;
  /** A worker asks to be let into the cluster; `answerJoiner` tells it. */
  joinRequested(hello: Hello, addresses: { readonly control: Address; readonly data: Address }): void;
  control(peer: Peer, message: ControlMessage): void;
  data(peer: Peer, frame: Frame): void;
  /** The peer is full, or is not. */
  full(peer: Peer, full: boolean): void;
  /** What the data link to the peer holds has changed. */
  held(peer: Peer, bytes: number): void;
}

export interface MeshSurroundings {
  readonly clock: Clock;
  readonly log: LineLog;
  readonly network: Network;
  readonly timing: Timing;
  readonly planted: ReadonlySet<PlantedBug>;
  newEncoder(): MessageEncoder;
  /** What is true of this worker now. */
  readonly self: () => Self;
}
