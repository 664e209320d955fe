import type { Address } from '@wallaroo/protocol';
import type { ConnectionId, Network } from '../ports.js';
import { frameKind, makeFrame, sealFrame, type Frame } from './frame.js';
import { greetings, type Hello, type Refusal, type Welcome } from './greeting.js';
import { InvalidFrameError } from './frame.js';
import type { Timing } from './timing.js';

/**
 * The sending end of a link: numbers frames, keeps what is not acknowledged, and sends it again.
 *
 * 1. `waiting`: no connection; dials when it is time.
 * 2. `dialling`: waits for the connection.
 * 3. `greeting`: has said hello; waits for the welcome, which says up to where frames have arrived.
 * 4. `open`: what the peer lacks is sent again, then all that comes.
 *
 * A session is one pair of incarnations in one epoch; numbers run 1, 2, 3 ... within it, over any number of
 * connections.
 */
export type BoundaryState =
  | { readonly state: 'waiting'; readonly until: number }
  | { readonly state: 'dialling'; readonly connection: ConnectionId; readonly since: number }
  | { readonly state: 'greeting'; readonly connection: ConnectionId }
  | { readonly state: 'open'; readonly connection: ConnectionId };

export interface BoundaryHooks {
  newConnection(): ConnectionId;
  /** What to say on a new connection. */
  hello(): Omit<Hello, 'type'>;
  /** The peer has answered. Returns false when it is not whom this link is for: the connection is closed. */
  welcomed(welcome: Welcome): boolean;
  refused(refusal: Refusal): void;
  opened(): void;
  /** The peer is full, or is not: this worker is to take in less, or need not. */
  full(full: boolean): void;
  /** The bytes that are not acknowledged have become more or less. */
  held(bytes: number): void;
}

export interface Session {
  readonly epoch: number;
  readonly from: number;
  /** The incarnation of the peer; 0 until it has said so. */
  to: number;
}

/** What is sent when a connection has been made anew: what the peer lacks; other answers are planted. */
export type Resending = 'what is lacking' | 'all that is kept' | 'nothing';

export class Boundary {
  /** Where the peer listens; unknown at first for some. */
  address: Address | undefined;
  state: BoundaryState = { state: 'waiting', until: 0 };
  /** When the peer was last heard on this link's connection. */
  heardAt = 0;
  /** Bytes that the peer has not acknowledged. */
  unacknowledgedBytes = 0;
  /** Route version that frames are stamped with. */
  route = 0;
  private pingedAt = 0;
  private queue: Buffer[] = [];
  /** Number of the first frame in `queue`. */
  private firstNumber = 1;
  private retryMs: number;

  constructor(
    readonly network: Network,
    private readonly timing: Timing,
    private readonly hooks: BoundaryHooks,
    public session: Session,
    private readonly resending: Resending = 'what is lacking',
  ) {
    this.retryMs = timing.retryMs;
  }

  /** The number of the last frame given to this link in this session. */
  get sent(): number {
    return this.firstNumber + this.queue.length - 1;
  }

  get acknowledged(): number {
    return this.firstNumber - 1;
  }

  get open(): boolean {
    return this.state.state === 'open';
  }

  get connection(): ConnectionId | undefined {
    return this.state.state === 'waiting' ? undefined : this.state.connection;
  }

  /** Takes over a frame with kind and payload; it is kept until the peer has acknowledged it. */
  send(frame: Buffer): void {
    this.queue.push(frame);
    this.unacknowledgedBytes += frame.length;
    if (this.state.state === 'open') {
      this.network.write(this.state.connection, this.seal(frame, this.sent));
    }
    this.hooks.held(this.unacknowledgedBytes);
  }

  /** The peer has processed the frames up to this one, as it has said, or as follows from what others have: they are let go. */
  processed(number: number): void {
    const count = number - this.firstNumber + 1;
    if (count <= 0) return;
    for (let i = 0; i < count; i++) this.unacknowledgedBytes -= this.queue[i]!.length;
    this.queue = this.queue.slice(count);
    this.firstNumber += count;
    this.hooks.held(this.unacknowledgedBytes);
  }

  /** Begins a session: what is not acknowledged goes into it, or is forgotten. */
  restart(session: Session, keep: boolean): void {
    const renumbered = session.to !== this.session.to || session.from !== this.session.from || !keep;
    this.session = session;
    if (!keep) {
      this.queue = [];
      this.unacknowledgedBytes = 0;
      this.hooks.held(0);
    }
    if (renumbered) this.firstNumber = 1;
    this.hangUp(0);
  }

  /** Gives up the connection and dials again after `now`. */
  hangUp(now: number): void {
    if (this.state.state !== 'waiting') this.network.close(this.state.connection);
    this.state = { state: 'waiting', until: now };
    this.retryMs = this.timing.retryMs;
  }

  tick(now: number): void {
    switch (this.state.state) {
      case 'waiting':
        if (now >= this.state.until && this.address !== undefined) this.dial(now, this.address);
        return;
      case 'dialling':
        if (now - this.state.since >= ns(this.timing.silenceMs)) this.lost(now);
        return;
      case 'greeting':
      case 'open':
        if (now - this.heardAt >= ns(this.timing.silenceMs)) return this.lost(now);
        if (now - this.pingedAt < ns(this.timing.heartbeatMs)) return;
        this.pingedAt = now;
        this.network.write(this.state.connection, this.seal(makeFrame(frameKind.ping), 0));
    }
  }

  connected(now: number): void {
    if (this.state.state !== 'dialling') return;
    const { connection } = this.state;
    this.state = { state: 'greeting', connection };
    this.heardAt = now;
    this.pingedAt = now;
    const hello = greetings.encode({ type: 'hello', ...this.hooks.hello() });
    this.network.write(connection, this.seal(makeFrame(frameKind.hello, hello), 0));
  }

  /** What the peer sends on the connection that we dialled: answers only. @throws InvalidFrameError, InvalidMessageError */
  received(frame: Frame, now: number): void {
    this.heardAt = now;
    switch (frame.kind) {
      case frameKind.pong:
        return;
      case frameKind.acknowledgement:
        if (!this.open) return;
        this.hooks.full(frame.route === 1);
        if (frame.number > this.sent)
          throw new InvalidFrameError(`frame ${frame.number} acknowledged, ${this.sent} were sent`);
        return this.processed(frame.number);
      case frameKind.welcome:
      case frameKind.refusal:
        return this.answered(frame, now);
      default:
        throw new InvalidFrameError(`a frame of kind ${frame.kind} from the receiving end of a link`);
    }
  }

  /** The connection has ended. */
  closed(now: number): void {
    if (this.state.state === 'waiting') return;
    this.state = { state: 'waiting', until: now + ns(this.retryMs) };
    this.retryMs = Math.min(this.retryMs * 2, retryMsMax);
  }

  private dial(now: number, address: Address): void {
    const connection = this.hooks.newConnection();
    this.state = { state: 'dialling', connection, since: now };
    this.network.dial(connection, address);
  }

  private lost(now: number): void {
    if (this.state.state !== 'waiting') this.network.close(this.state.connection);
    this.closed(now);
  }

  private answered(frame: Frame, now: number): void {
    if (this.state.state !== 'greeting')
      throw new InvalidFrameError('a greeting in the middle of a connection');
    const { connection } = this.state;
    const greeting = greetings.decode(frame.bytes, frame.start, frame.end);
    if (greeting.type === 'welcome') {
      if (!this.hooks.welcomed(greeting)) return this.lost(now);
      // The hook may have begun another session, and so have hung up.
      if (this.connection !== connection) return;
      if (greeting.received > this.sent) {
        throw new InvalidFrameError(`${greeting.received} frames were received, ${this.sent} were sent`);
      }
      this.state = { state: 'open', connection };
      this.hooks.full(false);
      this.retryMs = this.timing.retryMs;
      this.sendAgain(connection, this.arrived(greeting.received));
      this.hooks.opened();
    } else if (greeting.type === 'refusal') {
      this.lost(now);
      this.hooks.refused(greeting);
    } else {
      throw new InvalidFrameError('a hello from the receiving end of a link');
    }
  }

  private arrived(received: number): number {
    switch (this.resending) {
      case 'what is lacking':
        return received;
      case 'all that is kept':
        return this.acknowledged;
      case 'nothing':
        return this.sent;
    }
  }

  /** What has arrived is not sent again; it is kept all the same until it has been processed. */
  private sendAgain(connection: ConnectionId, arrived: number): void {
    for (let i = Math.max(0, arrived - this.acknowledged); i < this.queue.length; i++) {
      // A copy: the old connection may still hold the bytes.
      const frame = Buffer.from(this.queue[i]!);
      this.queue[i] = frame;
      this.network.write(connection, this.seal(frame, this.firstNumber + i));
    }
  }

  private seal(frame: Buffer, number: number): Buffer {
    const { epoch, from, to } = this.session;
    return sealFrame(frame, { epoch, from, to, route: this.route, number });
  }
}

const retryMsMax = 1000;

function ns(milliseconds: number): number {
  return milliseconds * 1e6;
}
