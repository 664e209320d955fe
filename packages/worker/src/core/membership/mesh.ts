import { InvalidMessageError, OversizedFrameError, ShortInputError, type Address } from '@wallaroo/protocol';
import { frameKind, InvalidFrameError, makeFrame } from '../link/frame.js';
import type { ChannelName } from '../link/inbound.js';
import type { ConnectionId } from '../ports.js';
import { Contact } from './mesh/contact.js';
import { Dialled } from './mesh/dialled.js';
import { Peers } from './mesh/peers.js';
import { Reception } from './mesh/reception.js';
import type { MeshEvents, MeshSurroundings } from './mesh/surroundings.js';
import { controlMessages, type ControlMessage } from './messages.js';
import type { Peer } from './peer.js';

/**
 * The peers of a worker and all connections with them: who may speak, and whose words are whose. Every link is a
 * connection of its own, dialled by the end that sends: those of this worker are in `Dialled`, those of others in
 * `Reception`.
 */
export class Mesh {
  private readonly everybody: Peers;
  private readonly dialled: Dialled;
  private readonly reception: Reception;
  /** The member that this worker asks to be let in. */
  private contacted: Contact | undefined;

  constructor(
    private readonly surroundings: MeshSurroundings,
    private readonly events: MeshEvents,
  ) {
    this.dialled = new Dialled(surroundings, events);
    this.everybody = new Peers(surroundings, events, this.dialled);
    this.reception = new Reception(surroundings, events, this.everybody);
  }

  get peers(): ReadonlyMap<string, Peer> {
    return this.everybody.byName;
  }

  /** The peer of a name, known or new. */
  peer(name: string): Peer {
    return this.everybody.peer(name);
  }

  /** Nobody has heard of it for a while. */
  isAway(name: string): boolean {
    return this.peers.get(name)?.away ?? false;
  }

  /** The peer of a name listens there, unless it is known to listen elsewhere. */
  dial(name: string, address: Address): void {
    this.peer(name).control.boundary.address ??= address;
  }

  /** Forgets a peer and hangs up. */
  forget(peer: Peer): void {
    this.everybody.byName.delete(peer.name);
    this.events.full(peer, false);
    this.events.held(peer, 0);
    for (const { boundary, receiver } of [peer.control, peer.data]) {
      boundary.hangUp(0);
      if (receiver.connection !== undefined) this.reception.close(receiver.connection);
    }
  }

  send(peer: Peer, message: ControlMessage): void {
    peer.control.boundary.send(makeFrame(frameKind.control, controlMessages.encode(message)));
  }

  /** Asks the member that listens there to be let into its cluster, again and again until there is an answer. */
  contact(address: Address, count: number): void {
    this.contacted = new Contact(this.surroundings, this.dialled, address, count, (refusal) =>
      this.events.refused(undefined, refusal),
    );
  }

  /** The answer has come another way: this worker is a member. */
  forgetContact(): void {
    this.contacted?.hangUp();
    this.contacted = undefined;
  }

  /** Tells a worker that asked to be let in: to wait, or why not. */
  answerJoiner(name: string, life: number, refusal: string): void {
    this.reception.answerJoiner(name, life, refusal);
  }

  /** Answers greetings that waited for this worker to catch up. */
  caughtUp(): void {
    this.reception.caughtUp((connection, work) => this.guarded(connection, work));
  }

  tick(now: number): void {
    const { silenceMs } = this.surroundings.timing;
    this.contacted?.tick(now);
    for (const peer of this.peers.values()) {
      peer.control.boundary.tick(now);
      peer.data.boundary.tick(now);
      for (const { receiver } of [peer.control, peer.data]) {
        // The dialling end notices first; this one only cleans up.
        if (receiver.connection !== undefined && now - receiver.heardAt > 2 * silenceMs * 1e6) {
          this.reception.close(receiver.connection);
        }
      }
    }
    this.reception.tick(now);
  }

  accepted(connection: ConnectionId, channel: ChannelName, remoteHost: string): void {
    this.reception.accepted(connection, channel, remoteHost);
  }

  connected(connection: ConnectionId): void {
    this.dialled.connected(connection);
    this.contacted?.connected(connection);
  }

  received(connection: ConnectionId, bytes: Buffer): void {
    this.guarded(connection, () => {
      this.dialled.received(connection, bytes);
      this.contacted?.received(connection, bytes);
      this.reception.received(connection, bytes);
    });
    this.reception.acknowledge(connection);
  }

  closed(connection: ConnectionId): void {
    this.contacted?.closed(connection);
    this.dialled.closed(connection);
    this.reception.closed(connection);
  }

  /** Bytes that are no frames of ours close their connection, with one line, and touch nothing else. */
  private guarded(connection: ConnectionId, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isProtocolError(error)) throw error;
      this.reception.failed(connection, error.message);
      this.contacted?.closed(connection);
      this.dialled.failed(connection, error.message);
    }
  }
}

function isProtocolError(error: unknown): error is Error {
  return (
    error instanceof InvalidFrameError ||
    error instanceof InvalidMessageError ||
    error instanceof OversizedFrameError ||
    error instanceof ShortInputError
  );
}
