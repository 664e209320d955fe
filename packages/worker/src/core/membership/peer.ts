import type { Address } from '@wallaroo/protocol';
import type { Boundary } from '../link/boundary.js';
import type { OutgoingBatch } from '../link/outgoing-batch.js';
import type { Receiver } from '../link/receiver.js';

/** Another worker as this one sees it: four ends of links, and what is known of its life. */
export interface Peer {
  readonly name: string;
  /** The incarnation that spoke to us last; 0: none has. */
  incarnation: number;
  /** Tells two processes apart that claim the same incarnation. */
  life: number;
  addresses: { readonly control: Address; readonly data: Address } | undefined;
  readonly control: Channel;
  readonly data: Channel;
  readonly batch: OutgoingBatch;
  /** Since when it has not been reachable; undefined while it is. */
  awaySince: number | undefined;
  /** Its absence has been told. */
  away: boolean;
}

/** Frames to the peer, frames from the peer: two links, two connections, each dialled by its sender. */
export interface Channel {
  readonly boundary: Boundary;
  readonly receiver: Receiver;
}
