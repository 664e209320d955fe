import { FrameSplitter } from '@wallaroo/protocol';
import { frameBytesMax, readFrame } from '../../link/frame.js';
import { frameFormat, type ChannelName } from '../../link/inbound.js';
import type { ConnectionId } from '../../ports.js';
import type { Peer } from '../peer.js';
import type { MeshEvents, MeshSurroundings } from './surroundings.js';

interface Outbound {
  readonly peer: Peer;
  readonly channel: ChannelName;
  readonly splitter: FrameSplitter;
}

/** The connections that this worker has dialled to its peers: frames go out on them, answers come back. */
export class Dialled {
  private readonly outbound = new Map<ConnectionId, Outbound>();
  private last = 0;

  constructor(
    private readonly surroundings: MeshSurroundings,
    private readonly events: Pick<MeshEvents, 'changed'>,
  ) {}

  /** A number for a connection that is about to be dialled, to a peer or to somebody else. */
  newNumber(): ConnectionId {
    return ++this.last as ConnectionId;
  }

  /** A new connection of a link, in place of the one before. */
  add(peer: Peer, channel: ChannelName): ConnectionId {
    const connection = this.newNumber();
    const splitter = new FrameSplitter(
      frameFormat(() => frameBytesMax),
      (bytes, start, end) => {
        const { boundary } = peer[channel];
        if (boundary.connection !== connection) return;
        boundary.received(readFrame(bytes, start, end), this.surroundings.clock.now());
      },
    );
    for (const [former, link] of this.outbound) {
      if (link.peer === peer && link.channel === channel) this.outbound.delete(former);
    }
    this.outbound.set(connection, { peer, channel, splitter });
    return connection;
  }

  connected(connection: ConnectionId): void {
    const link = this.outbound.get(connection);
    link?.peer[link.channel].boundary.connected(this.surroundings.clock.now());
  }

  received(connection: ConnectionId, bytes: Buffer): void {
    this.outbound.get(connection)?.splitter.push(bytes);
  }

  closed(connection: ConnectionId): void {
    const link = this.outbound.get(connection);
    if (link === undefined) return;
    this.outbound.delete(connection);
    const { boundary } = link.peer[link.channel];
    if (boundary.connection === connection) boundary.closed(this.surroundings.clock.now());
    this.events.changed(link.peer);
  }

  /** What has come on it is no answer of ours; the connection is closed already. */
  failed(connection: ConnectionId, why: string): void {
    const link = this.outbound.get(connection);
    if (link === undefined) return;
    this.surroundings.log.write('warning', 'Links', `${link.channel} link to ${link.peer.name}: ${why}`);
    this.closed(connection);
  }
}
