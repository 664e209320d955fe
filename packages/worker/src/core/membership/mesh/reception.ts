import type { Address } from '@wallaroo/protocol';
import { invariant } from '../../invariant.js';
import { frameKind, InvalidFrameError, makeFrame, sealFrame, type Frame } from '../../link/frame.js';
import { greetings, type Hello, type Refusal, type Welcome } from '../../link/greeting.js';
import { Inbound, type ChannelName } from '../../link/inbound.js';
import type { ConnectionId } from '../../ports.js';
import { judge } from '../greeter.js';
import { controlMessages } from '../messages.js';
import type { Peers } from './peers.js';
import { standpointOf } from './standpoint.js';
import type { MeshEvents, MeshSurroundings } from './surroundings.js';
import { TurnedAway } from './turned-away.js';

/** A connection that says nothing for this long is closed. */
const greetingMs = 5000;
const joinAnswerMs = 2000;

const dataKinds: ReadonlySet<number> = new Set([
  frameKind.batch,
  frameKind.barrier,
  frameKind.state,
  frameKind.stateEnd,
  frameKind.checkpoint,
]);

/** The connections that others have dialled: who greets is welcomed, let wait or refused; then frames come in. */
export class Reception {
  private readonly inbound = new Map<ConnectionId, Inbound>();
  private readonly turnedAway: TurnedAway;

  constructor(
    private readonly surroundings: MeshSurroundings,
    private readonly events: Pick<
      MeshEvents,
      'greeted' | 'changed' | 'fellSilent' | 'joinRequested' | 'control' | 'data'
    >,
    private readonly peers: Peers,
  ) {
    this.turnedAway = new TurnedAway(surroundings);
  }

  accepted(connection: ConnectionId, channel: ChannelName, remoteHost: string): void {
    const now = this.surroundings.clock.now();
    const inbound = new Inbound(connection, channel, remoteHost, now, (frame) =>
      this.fromDialler(inbound, frame),
    );
    this.inbound.set(connection, inbound);
  }

  /** @throws InvalidFrameError and its like when the bytes are no frames of ours */
  received(connection: ConnectionId, bytes: Buffer): void {
    this.inbound.get(connection)?.push(bytes);
  }

  /** Says how far the peer has been heard, if that need not wait for the end of the turn. */
  acknowledge(connection: ConnectionId): void {
    const inbound = this.inbound.get(connection);
    if (inbound?.peer === undefined) return;
    const peer = this.peers.byName.get(inbound.peer);
    if (inbound.channel === 'control') peer?.control.receiver.acknowledge();
    else if (this.surroundings.planted.has('acknowledged before processed'))
      peer?.data.receiver.acknowledge();
  }

  /** What has come on it are no frames of ours. */
  failed(connection: ConnectionId, why: string): void {
    const inbound = this.inbound.get(connection);
    if (inbound !== undefined) this.complain(inbound, why);
    this.close(connection);
  }

  close(connection: ConnectionId): void {
    this.surroundings.network.close(connection);
    this.closed(connection);
  }

  closed(connection: ConnectionId): void {
    const inbound = this.inbound.get(connection);
    if (inbound === undefined) return;
    this.inbound.delete(connection);
    const peer = inbound.peer === undefined ? undefined : this.peers.byName.get(inbound.peer);
    if (peer === undefined || peer[inbound.channel].receiver.connection !== connection) return;
    peer[inbound.channel].receiver.detach();
    this.events.changed(peer);
    if (inbound.channel === 'control') this.events.fellSilent(peer);
  }

  tick(now: number): void {
    for (const inbound of [...this.inbound.values()]) {
      const { waiting, waitsSince } = inbound;
      // The leader has not answered; it may have died, and not know of the question. The worker will ask again.
      if (waiting !== undefined && waiting.joining > 0 && now - waitsSince > joinAnswerMs * 1e6) {
        const leader = this.surroundings.self().linked[0]?.name ?? 'the leader';
        this.turnAway(inbound, waiting, `${leader}, which decides who comes in, does not answer`, false);
      }
      if (inbound.peer !== undefined || inbound.waiting !== undefined) continue;
      if (now - inbound.acceptedAt > greetingMs * 1e6) {
        this.complain(inbound, `it has not greeted within ${greetingMs} ms`);
        this.close(inbound.connection);
      }
    }
  }

  /** Tells a worker that asked to be let in: to wait, or why not. */
  answerJoiner(name: string, life: number, refusal: string): void {
    for (const inbound of [...this.inbound.values()]) {
      const { waiting } = inbound;
      if (waiting?.name !== name || waiting.life !== life || waiting.joining === 0) continue;
      const final = refusal !== '';
      if (final) this.turnedAway.tell(inbound, waiting, refusal);
      this.turnAway(inbound, waiting, refusal, final);
    }
  }

  /** Answers greetings that waited for this worker to catch up, each of them within `guard`. */
  caughtUp(guard: (connection: ConnectionId, work: () => void) => void): void {
    for (const inbound of [...this.inbound.values()]) {
      const { waiting } = inbound;
      if (waiting === undefined || waiting.joining > 0) continue;
      inbound.waiting = undefined;
      guard(inbound.connection, () => this.greet(inbound, waiting));
    }
  }

  /** A frame on a connection that a peer has dialled. */
  private fromDialler(inbound: Inbound, frame: Frame): void {
    const { connection, channel } = inbound;
    const { network, clock } = this.surroundings;
    if (!this.inbound.has(connection)) return;
    if (frame.kind === frameKind.hello) {
      if (inbound.peer !== undefined) throw new InvalidFrameError('a second hello');
      const hello = greetings.decode(frame.bytes, frame.start, frame.end);
      if (hello.type !== 'hello') throw new InvalidFrameError(`a ${hello.type} where a hello must stand`);
      return this.greet(inbound, hello);
    }
    if (frame.kind === frameKind.ping && inbound.waiting !== undefined) {
      const { incarnation } = this.surroundings.self();
      const stamp = { epoch: 0, from: incarnation, to: 0, route: 0, number: 0 };
      return network.write(connection, sealFrame(makeFrame(frameKind.pong), stamp));
    }
    const peer = inbound.peer === undefined ? undefined : this.peers.byName.get(inbound.peer);
    if (peer === undefined) throw new InvalidFrameError(`a frame of kind ${frame.kind} before the greeting`);
    const { receiver } = peer[channel];
    receiver.heardAt = clock.now();
    if (frame.kind === frameKind.ping) return receiver.pong();
    const fits = channel === 'control' ? frame.kind === frameKind.control : dataKinds.has(frame.kind);
    if (!fits) {
      throw new InvalidFrameError(`a frame of kind ${frame.kind} on a ${channel} connection`);
    }
    if (!receiver.accept(frame)) return;
    if (channel === 'data') return this.events.data(peer, frame);
    receiver.passed();
    this.events.control(peer, controlMessages.decode(frame.bytes, frame.start, frame.end));
  }

  private greet(inbound: Inbound, hello: Hello): void {
    const { channel, connection } = inbound;
    if (this.surroundings.self().closed) return this.close(connection);
    const standpoint = standpointOf(this.surroundings, this.peers.byName.get(hello.name));
    const verdict = judge(hello, channel, standpoint);
    switch (verdict.verdict) {
      case 'wait':
        inbound.waiting = hello;
        return;
      case 'drop':
        // It is never answered: no epoch of this worker reaches that one.
        inbound.waiting = { ...hello, epoch: 0xffff_ffff };
        return;
      case 'join':
        inbound.waiting = hello;
        inbound.waitsSince = this.surroundings.clock.now();
        return this.events.joinRequested(hello, addressesOf(hello, inbound));
      case 'refuse': {
        const { text, incarnation, expelled, taken } = verdict;
        const final = verdict.final && (!taken || this.turnedAway.insists(hello));
        // One that has left, and has not heard of it yet, is no news.
        if (final && !expelled) this.turnedAway.tell(inbound, hello, text);
        this.answer(
          connection,
          frameKind.refusal,
          { type: 'refusal', final, expelled, text, incarnation },
          hello,
        );
        return this.close(connection);
      }
      case 'welcome':
        return this.welcome(inbound, hello);
    }
  }

  private welcome(inbound: Inbound, hello: Hello): void {
    const { channel, connection } = inbound;
    const peer = this.peers.peer(hello.name);
    inbound.peer = hello.name;
    const { receiver } = peer[channel];
    if (channel === 'control') {
      peer.addresses = addressesOf(hello, inbound);
      peer.control.boundary.address = peer.addresses.control;
      this.peers.noteLife(peer, hello.incarnation, hello.life);
      const session = { epoch: 0, from: hello.incarnation, to: this.surroundings.self().incarnation };
      if (receiver.session?.from !== session.from || receiver.session.to !== session.to)
        receiver.restart(session, false);
    }
    invariant(receiver.session !== undefined, 'a link that is greeted has a session');
    const former = receiver.connection;
    receiver.attach(connection, this.surroundings.clock.now());
    if (former !== undefined) this.inbound.delete(former);
    const { cluster, name, incarnation, life } = this.surroundings.self();
    this.answer(
      connection,
      frameKind.welcome,
      { type: 'welcome', cluster, name, incarnation, life, received: receiver.received },
      hello,
    );
    receiver.acknowledge();
    if (channel === 'control') this.events.greeted(peer);
    this.events.changed(peer);
  }

  private turnAway({ connection }: Inbound, hello: Hello, text: string, final: boolean): void {
    this.answer(
      connection,
      frameKind.refusal,
      { type: 'refusal', final, expelled: false, text, incarnation: 0 },
      hello,
    );
    this.close(connection);
  }

  private answer(connection: ConnectionId, kind: 2 | 3, greeting: Welcome | Refusal, hello: Hello): void {
    const { network, self } = this.surroundings;
    const frame = makeFrame(kind, greetings.encode(greeting));
    const stamp = {
      epoch: hello.epoch,
      from: self().incarnation,
      to: hello.incarnation,
      route: 0,
      number: 0,
    };
    network.write(connection, sealFrame(frame, stamp));
  }

  private complain({ channel, remoteHost, peer }: Inbound, why: string): void {
    const { log, self } = this.surroundings;
    const from = peer === undefined ? remoteHost : `${peer} (${remoteHost})`;
    log.line(`${self().name} ${channel}: closed a connection from ${from}: ${why}`);
  }
}

function addressesOf(
  hello: Hello,
  { remoteHost }: Inbound,
): { readonly control: Address; readonly data: Address } {
  return { control: reachable(hello.control, remoteHost), data: reachable(hello.data, remoteHost) };
}

/** A worker that listens on every interface is reached where it came from. */
function reachable(address: Address, remoteHost: string): Address {
  const anywhere = address.host === '' || address.host === '0.0.0.0' || address.host === '::';
  return anywhere ? { host: remoteHost, port: address.port } : address;
}
