import {
  FrameSplitter,
  InvalidMessageError,
  OversizedFrameError,
  ShortInputError,
  type Address,
} from '@wallaroo/protocol';
import type { MessageEncoder } from '../codec/message-encoder.js';
import { invariant } from '../invariant.js';
import { Boundary, type Resending, type Session } from '../link/boundary.js';
import {
  frameBytesMax,
  frameKind,
  greetingBytesMax,
  InvalidFrameError,
  makeFrame,
  readFrame,
  sealFrame,
  type Frame,
} from '../link/frame.js';
import { greetings, protocolVersion, type Hello, type Refusal, type Welcome } from '../link/greeting.js';
import { frameFormat, Inbound, type ChannelName } from '../link/inbound.js';
import { OutgoingBatch } from '../link/outgoing-batch.js';
import { noReceiverFaults, Receiver } from '../link/receiver.js';
import type { Timing } from '../link/timing.js';
import type { PlantedBug } from '../planted.js';
import type { Clock, ConnectionId, LineLog, Network } from '../ports.js';
import type { Fingerprint } from '../topology/fingerprint.js';
import { judge, type Standpoint } from './greeter.js';
import { controlMessages, type ControlMessage } from './messages.js';
import type { Peer } from './peer.js';

/** What the member tells the mesh about itself, whenever it is asked. */
export interface Self {
  readonly name: string;
  readonly application: string;
  readonly fingerprint: Fingerprint;
  readonly control: Address;
  readonly data: Address;
  readonly life: number;
  readonly incarnation: number;
  readonly cluster: string;
  readonly members: Standpoint['members'];
  readonly linked: Standpoint['linked'];
  readonly epoch: number;
  readonly vacancies: number | undefined;
  readonly joining: boolean;
  /** Nobody is let in: this worker is about to end, or has not yet on disk in which incarnation it lives. */
  readonly closed: boolean;
  expects(name: string): boolean;
}

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

interface Outbound {
  readonly peer: Peer;
  readonly channel: ChannelName;
  readonly splitter: FrameSplitter;
}

export interface MeshSurroundings {
  readonly clock: Clock;
  readonly log: LineLog;
  readonly network: Network;
  readonly timing: Timing;
  newEncoder(): MessageEncoder;
  readonly planted: ReadonlySet<PlantedBug>;
}

/** The peers of a worker and all connections with them: who may speak, and whose words are whose. */
export class Mesh {
  readonly peers = new Map<string, Peer>();
  private readonly outbound = new Map<ConnectionId, Outbound>();
  private readonly inbound = new Map<ConnectionId, Inbound>();
  private lastConnection = 0;
  /** The member that this worker asks to be let in. */
  private contacted:
    { readonly boundary: Boundary; readonly splitter: FrameSplitter | undefined } | undefined;
  /** What was logged of refusals, by name: a worker that tries again is not told of again. */
  private readonly refusals = new Map<string, string>();
  /** Since when workers have come whose names are taken. */
  private readonly claims = new Map<string, number>();

  constructor(
    private readonly surroundings: MeshSurroundings,
    private readonly selfNow: () => Self,
    private readonly events: MeshEvents,
  ) {}

  private get self(): Self {
    return this.selfNow();
  }

  /** The peer of a name, known or new. */
  peer(name: string): Peer {
    const known = this.peers.get(name);
    if (known !== undefined) return known;
    const peer = this.newPeer(name);
    this.peers.set(name, peer);
    return peer;
  }

  /** Nobody has heard of it for a while. */
  isAway(name: string): boolean {
    return this.peers.get(name)?.away ?? false;
  }

  /** The peer of a name that listens there, unless it is known to listen elsewhere. */
  dial(name: string, address: Address): void {
    this.peer(name).control.boundary.address ??= address;
  }

  /** Forgets a peer and hangs up. */
  forget(peer: Peer): void {
    this.peers.delete(peer.name);
    this.events.full(peer, false);
    this.events.held(peer, 0);
    for (const { boundary, receiver } of [peer.control, peer.data]) {
      boundary.hangUp(0);
      if (receiver.connection !== undefined) this.close(receiver.connection);
    }
  }

  send(peer: Peer, message: ControlMessage): void {
    peer.control.boundary.send(makeFrame(frameKind.control, controlMessages.encode(message)));
  }

  /** Asks the member that listens there to be let into its cluster, again and again until there is an answer. */
  contact(address: Address, count: number): void {
    const { network, timing } = this.surroundings;
    let splitter: FrameSplitter;
    const boundary: Boundary = new Boundary(
      network,
      timing,
      {
        newConnection: () => {
          const connection = ++this.lastConnection as ConnectionId;
          splitter = new FrameSplitter(
            frameFormat(() => greetingBytesMax),
            (bytes, start, end) =>
              boundary.received(readFrame(bytes, start, end), this.surroundings.clock.now()),
          );
          this.contacted = { boundary, splitter };
          return connection;
        },
        hello: () => ({ ...this.hello(boundary.session), joining: count }),
        welcomed: () => false,
        refused: (refusal) => this.events.refused(undefined, refusal),
        opened: () => undefined,
        full: () => undefined,
        held: () => undefined,
      },
      { epoch: 0, from: this.self.incarnation, to: 0 },
    );
    boundary.address = address;
    this.contacted = { boundary, splitter: undefined };
  }

  /** The answer has come another way: this worker is a member. */
  forgetContact(): void {
    this.contacted?.boundary.hangUp(0);
    this.contacted = undefined;
  }

  /** Tells a worker that asked to be let in: to wait, or why not. */
  answerJoiner(name: string, life: number, refusal: string): void {
    for (const inbound of [...this.inbound.values()]) {
      const { waiting, connection } = inbound;
      if (waiting?.name !== name || waiting.life !== life || waiting.joining === 0) continue;
      const final = refusal !== '';
      if (final) this.tellRefusal(inbound, waiting, refusal);
      this.answer(
        connection,
        frameKind.refusal,
        { type: 'refusal', final, expelled: false, text: refusal, incarnation: 0 },
        waiting,
      );
      this.close(connection);
    }
  }

  /** Answers greetings that waited for this worker to catch up. */
  caughtUp(): void {
    for (const inbound of [...this.inbound.values()]) {
      const { waiting } = inbound;
      if (waiting === undefined || waiting.joining > 0) continue;
      inbound.waiting = undefined;
      this.guarded(inbound.connection, () => this.greet(inbound, waiting));
    }
  }

  tick(now: number): void {
    const { silenceMs } = this.surroundings.timing;
    this.contacted?.boundary.tick(now);
    for (const peer of this.peers.values()) {
      peer.control.boundary.tick(now);
      peer.data.boundary.tick(now);
      for (const { receiver } of [peer.control, peer.data]) {
        // The dialling end notices first; this one only cleans up.
        if (receiver.connection !== undefined && now - receiver.heardAt > 2 * silenceMs * 1e6) {
          this.close(receiver.connection);
        }
      }
    }
    for (const inbound of [...this.inbound.values()]) {
      const { waiting, waitsSince } = inbound;
      // The leader has not answered; it may have died, and not know of the question. The worker will ask again.
      if (waiting !== undefined && waiting.joining > 0 && now - waitsSince > joinAnswerMs * 1e6) {
        this.answerJoiner(waiting.name, waiting.life, '');
      }
      if (inbound.peer !== undefined || inbound.waiting !== undefined) continue;
      if (now - inbound.acceptedAt > greetingMs * 1e6) {
        this.complain(inbound, `it has not greeted within ${greetingMs} ms`);
        this.close(inbound.connection);
      }
    }
  }

  accepted(connection: ConnectionId, channel: ChannelName, remoteHost: string): void {
    const now = this.surroundings.clock.now();
    const inbound = new Inbound(connection, channel, remoteHost, now, (frame) =>
      this.fromDialler(inbound, frame),
    );
    this.inbound.set(connection, inbound);
  }

  connected(connection: ConnectionId): void {
    const link = this.outbound.get(connection);
    const now = this.surroundings.clock.now();
    link?.peer[link.channel].boundary.connected(now);
    if (this.contacted?.boundary.connection === connection) this.contacted.boundary.connected(now);
  }

  received(connection: ConnectionId, bytes: Buffer): void {
    this.guarded(connection, () => {
      this.outbound.get(connection)?.splitter.push(bytes);
      const { contacted } = this;
      if (contacted?.boundary.connection === connection) contacted.splitter?.push(bytes);
      this.inbound.get(connection)?.push(bytes);
    });
    const inbound = this.inbound.get(connection);
    if (inbound?.peer === undefined) return;
    const peer = this.peers.get(inbound.peer);
    if (inbound.channel === 'control') peer?.control.receiver.acknowledge();
    else if (this.surroundings.planted.has('acknowledged before processed'))
      peer?.data.receiver.acknowledge();
  }

  closed(connection: ConnectionId): void {
    const { contacted } = this;
    if (contacted?.boundary.connection === connection)
      contacted.boundary.closed(this.surroundings.clock.now());
    const link = this.outbound.get(connection);
    if (link !== undefined) {
      this.outbound.delete(connection);
      const { boundary } = link.peer[link.channel];
      if (boundary.connection === connection) boundary.closed(this.surroundings.clock.now());
      this.events.changed(link.peer);
    }
    this.forgetInbound(connection);
  }

  private newPeer(name: string): Peer {
    const peer: Peer = {
      name,
      incarnation: 0,
      life: 0,
      addresses: undefined,
      control: { boundary: this.boundary(() => peer, 'control'), receiver: this.receiver('control') },
      data: { boundary: this.boundary(() => peer, 'data'), receiver: this.receiver('data') },
      batch: new OutgoingBatch(this.surroundings.newEncoder(), (frame) => peer.data.boundary.send(frame)),
      awaySince: undefined,
      away: false,
    };
    return peer;
  }

  private receiver(channel: ChannelName): Receiver {
    const { planted, network } = this.surroundings;
    if (channel === 'control' || planted.size === 0) return new Receiver(network, noReceiverFaults);
    return new Receiver(network, {
      keepsRepeated: planted.has('repeated frames are kept'),
      acknowledgesAtOnce: planted.has('acknowledged before processed'),
      anyIncarnation: planted.has('incarnations are not compared'),
      olderEpochs: planted.has('older epoch is not fenced'),
    });
  }

  private resending(channel: ChannelName): Resending {
    const { planted } = this.surroundings;
    if (channel === 'data' && planted.has('repeated frames are kept')) return 'all that is kept';
    return planted.has('nothing is sent again') ? 'nothing' : 'what is lacking';
  }

  private boundary(peerOf: () => Peer, channel: ChannelName): Boundary {
    const { network, timing } = this.surroundings;
    const session: Session = { epoch: 0, from: this.self.incarnation, to: 0 };
    const boundary: Boundary = new Boundary(
      network,
      timing,
      {
        newConnection: () => this.newConnection(peerOf(), channel),
        hello: () => this.hello(boundary.session),
        welcomed: (welcome) => this.welcomed(peerOf(), channel, boundary, welcome),
        refused: (refusal) => {
          if (channel === 'control') this.events.refused(peerOf(), refusal);
        },
        opened: () => this.events.changed(peerOf()),
        full: (full) => {
          if (channel === 'data') this.events.full(peerOf(), full);
        },
        held: (bytes) => {
          if (channel === 'data') this.events.held(peerOf(), bytes);
        },
      },
      session,
      this.resending(channel),
    );
    return boundary;
  }

  private newConnection(peer: Peer, channel: ChannelName): ConnectionId {
    const connection = ++this.lastConnection as ConnectionId;
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

  private hello(session: Session): Omit<Hello, 'type'> {
    const { name, application, fingerprint, cluster, incarnation, life, control, data } = this.self;
    return {
      protocol: protocolVersion,
      application,
      fingerprint: fingerprint.text,
      outline: fingerprint.outline,
      cluster,
      name,
      incarnation,
      life,
      epoch: session.epoch,
      to: session.to,
      control,
      data,
      joining: 0,
    };
  }

  private welcomed(peer: Peer, channel: ChannelName, boundary: Boundary, welcome: Welcome): boolean {
    if (welcome.name !== peer.name) {
      this.events.refused(peer, {
        type: 'refusal',
        final: true,
        expelled: false,
        text: `the worker at that address is ${welcome.name}, not ${peer.name}`,
        incarnation: 0,
      });
      return false;
    }
    if (channel === 'data') {
      const anyone = this.surroundings.planted.has('incarnations are not compared');
      return welcome.incarnation === boundary.session.to || anyone;
    }
    const reborn = peer.life !== 0 && peer.life !== welcome.life;
    // An incarnation that another life has had, or a later one: when it greets, it is told to take a new one.
    if (reborn && peer.incarnation >= welcome.incarnation && this.self.cluster !== '') return false;
    if (boundary.session.to === 0) this.noteLife(peer, welcome.incarnation, welcome.life);
    else if (boundary.session.to !== welcome.incarnation || peer.life !== welcome.life) {
      this.noteLife(peer, welcome.incarnation, welcome.life);
      return false;
    }
    return true;
  }

  /** A frame on a connection that a peer has dialled. */
  private fromDialler(inbound: Inbound, frame: Frame): void {
    const { connection, channel } = inbound;
    if (!this.inbound.has(connection)) return;
    if (frame.kind === frameKind.hello) {
      if (inbound.peer !== undefined) throw new InvalidFrameError('a second hello');
      const hello = greetings.decode(frame.bytes, frame.start, frame.end);
      if (hello.type !== 'hello') throw new InvalidFrameError(`a ${hello.type} where a hello must stand`);
      return this.greet(inbound, hello);
    }
    if (frame.kind === frameKind.ping && inbound.waiting !== undefined) {
      const stamp = { epoch: 0, from: this.self.incarnation, to: 0, route: 0, number: 0 };
      return this.surroundings.network.write(connection, sealFrame(makeFrame(frameKind.pong), stamp));
    }
    const peer = inbound.peer === undefined ? undefined : this.peers.get(inbound.peer);
    if (peer === undefined) throw new InvalidFrameError(`a frame of kind ${frame.kind} before the greeting`);
    const { receiver } = peer[channel];
    receiver.heardAt = this.surroundings.clock.now();
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
    if (this.self.closed) return this.close(connection);
    const verdict = judge(hello, channel, this.standpoint(hello));
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
        return this.events.joinRequested(hello, {
          control: reachable(hello.control, inbound.remoteHost),
          data: reachable(hello.data, inbound.remoteHost),
        });
      case 'refuse': {
        const { text, incarnation, expelled, taken } = verdict;
        const final = verdict.final && (!taken || this.insists(hello));
        // One that has left, and has not heard of it yet, is no news.
        if (final && !expelled) this.tellRefusal(inbound, hello, text);
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

  /**
   * Whether a worker has come again and again while its name stays taken. At first it may be that the other one is
   * dead, and its connection does not know yet.
   */
  private insists(hello: Hello): boolean {
    const now = this.surroundings.clock.now();
    const id = `${hello.life} ${hello.name}`;
    const since = this.claims.get(id) ?? now;
    if (this.claims.size > refusalsMax) this.claims.clear();
    this.claims.set(id, since);
    return now - since > 2 * this.surroundings.timing.silenceMs * 1e6;
  }

  private standpoint(hello: Hello): Standpoint {
    const { planted, timing, clock } = this.surroundings;
    const { name, cluster, fingerprint, incarnation, members, linked, epoch, vacancies, joining, expects } =
      this.self;
    const peer = this.peers.get(hello.name);
    const receiver = peer?.control.receiver;
    const alive =
      receiver?.connection !== undefined && clock.now() - receiver.heardAt < timing.silenceMs * 1e6;
    return {
      name,
      cluster,
      fingerprint,
      incarnation,
      members,
      linked,
      epoch,
      vacancies,
      joining,
      expects,
      known:
        peer === undefined || peer.incarnation === 0
          ? undefined
          : { incarnation: peer.incarnation, life: peer.life, alive },
      planted: {
        dropNewer: planted.has('newer epoch is dropped'),
        admitOlder: planted.has('older epoch is not fenced'),
        anyIncarnation: planted.has('incarnations are not compared'),
      },
    };
  }

  private welcome(inbound: Inbound, hello: Hello): void {
    const { channel, connection } = inbound;
    const peer = this.peer(hello.name);
    inbound.peer = hello.name;
    const { receiver } = peer[channel];
    if (channel === 'control') {
      peer.addresses = {
        control: reachable(hello.control, inbound.remoteHost),
        data: reachable(hello.data, inbound.remoteHost),
      };
      peer.control.boundary.address = peer.addresses.control;
      const reborn = peer.life !== 0 && peer.life !== hello.life;
      this.noteLife(peer, hello.incarnation, hello.life);
      const session = { epoch: 0, from: hello.incarnation, to: this.self.incarnation };
      if (reborn || receiver.session?.from !== session.from || receiver.session.to !== session.to) {
        receiver.restart(session, false);
      }
    }
    invariant(receiver.session !== undefined, 'a link that is greeted has a session');
    const former = receiver.connection;
    receiver.attach(connection, this.surroundings.clock.now());
    if (former !== undefined) this.inbound.delete(former);
    const { cluster, name, incarnation, life } = this.self;
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

  /** Learns in which incarnation a peer lives. */
  private noteLife(peer: Peer, incarnation: number, life: number): void {
    const reborn = peer.life !== 0 && peer.life !== life;
    peer.incarnation = incarnation;
    peer.life = life;
    const { boundary } = peer.control;
    const known = boundary.session.to !== 0;
    if (known && (reborn || boundary.session.to !== incarnation)) {
      boundary.restart({ epoch: 0, from: this.self.incarnation, to: incarnation }, false);
    } else {
      boundary.session.to = incarnation;
    }
    if (reborn) this.events.restarted(peer);
  }

  private answer(connection: ConnectionId, kind: 2 | 3, greeting: Welcome | Refusal, hello: Hello): void {
    const frame = makeFrame(kind, greetings.encode(greeting));
    const stamp = {
      epoch: hello.epoch,
      from: this.self.incarnation,
      to: hello.incarnation,
      route: 0,
      number: 0,
    };
    this.surroundings.network.write(connection, sealFrame(frame, stamp));
  }

  /** Bytes that are no frames of ours close their connection, with one line, and touch nothing else. */
  private guarded(connection: ConnectionId, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isProtocolError(error)) throw error;
      const inbound = this.inbound.get(connection);
      if (inbound !== undefined) this.complain(inbound, error.message);
      this.close(connection);
      const { contacted } = this;
      if (contacted?.boundary.connection === connection)
        contacted.boundary.closed(this.surroundings.clock.now());
      const link = this.outbound.get(connection);
      if (link === undefined) return;
      this.surroundings.log.write(
        'warning',
        'Links',
        `${link.channel} link to ${link.peer.name}: ${error.message}`,
      );
      this.outbound.delete(connection);
      const { boundary } = link.peer[link.channel];
      if (boundary.connection === connection) boundary.closed(this.surroundings.clock.now());
      this.events.changed(link.peer);
    }
  }

  private close(connection: ConnectionId): void {
    this.surroundings.network.close(connection);
    this.forgetInbound(connection);
  }

  private forgetInbound(connection: ConnectionId): void {
    const inbound = this.inbound.get(connection);
    if (inbound === undefined) return;
    this.inbound.delete(connection);
    const peer = inbound.peer === undefined ? undefined : this.peers.get(inbound.peer);
    if (peer === undefined || peer[inbound.channel].receiver.connection !== connection) return;
    peer[inbound.channel].receiver.detach();
    this.events.changed(peer);
    if (inbound.channel === 'control') this.events.fellSilent(peer);
  }

  private complain({ channel, remoteHost, peer }: Inbound, why: string): void {
    const from = peer === undefined ? remoteHost : `${peer} (${remoteHost})`;
    this.surroundings.log.line(`${this.self.name} ${channel}: closed a connection from ${from}: ${why}`);
  }

  private tellRefusal({ channel, remoteHost }: Inbound, hello: Hello, text: string): void {
    if (this.refusals.get(hello.name) === text) return;
    if (this.refusals.size > refusalsMax) this.refusals.clear();
    this.refusals.set(hello.name, text);
    this.surroundings.log.write(
      'error',
      'Membership',
      `${this.self.name} ${channel}: refused ${hello.name} (${remoteHost}): ${text}`,
    );
  }
}

const dataKinds: ReadonlySet<number> = new Set([
  frameKind.batch,
  frameKind.barrier,
  frameKind.state,
  frameKind.stateEnd,
  frameKind.checkpoint,
]);

/** A connection that says nothing for this long is closed. */
const greetingMs = 5000;
const joinAnswerMs = 2000;
const refusalsMax = 1000;

/** A worker that listens on every interface is reached where it came from. */
function reachable(address: Address, remoteHost: string): Address {
  const anywhere = address.host === '' || address.host === '0.0.0.0' || address.host === '::';
  return anywhere ? { host: remoteHost, port: address.port } : address;
}

function isProtocolError(error: unknown): error is Error {
  return (
    error instanceof InvalidFrameError ||
    error instanceof InvalidMessageError ||
    error instanceof OversizedFrameError ||
    error instanceof ShortInputError
  );
}
