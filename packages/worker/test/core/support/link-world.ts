import { FrameSplitter, InvalidMessageError, OversizedFrameError } from '@wallaroo/protocol';
import { Boundary } from '../../../src/core/link/boundary.js';
import {
  frameBytesMax,
  frameKind,
  InvalidFrameError,
  makeFrame,
  readFrame,
  sealFrame,
  type Frame,
} from '../../../src/core/link/frame.js';
import { greetings, type Hello } from '../../../src/core/link/greeting.js';
import { frameFormat, Inbound } from '../../../src/core/link/inbound.js';
import { Receiver } from '../../../src/core/link/receiver.js';
import type { Timing } from '../../../src/core/link/timing.js';
import type { ConnectionId, Network } from '../../../src/core/ports.js';

const timing: Timing = {
  tickMs: 50,
  heartbeatMs: 500,
  silenceMs: 3000,
  retryMs: 100,
  startMs: 0,
  joinMs: 0,
};
const address = { host: 'there', port: 1 };
const ms = 1e6;

type End = 'sender' | 'receiver';

/** A connection: bytes on their way in both directions, and who has hung up. The buffers are those that were written. */
interface Connection {
  readonly id: ConnectionId;
  readonly to: Record<End, Buffer[]>;
  readonly open: Record<End, boolean>;
  connected: boolean;
  readonly splitter: FrameSplitter;
  inbound: Inbound | undefined;
  waiting: Hello | undefined;
}

/** Who is at the ends of a link: what the record of an epoch says. */
interface EpochView {
  readonly epoch: number;
  readonly sender: number;
  readonly receiver: number;
}

/** A frame as a test numbers it: over all sessions of one life of the sender. */
export interface Numbered {
  readonly life: number;
  readonly number: number;
}

/**
 * A sending and a receiving end of a link with a network between them that a test holds in its hands. It does
 * what the mesh and the data path do around the two ends, and nothing more.
 */
export class LinkWorld {
  now = 0;
  /** By life of the sender: frames sent, and those that it need not keep. */
  readonly sent: number[] = [0, 0];
  readonly forgotten: number[] = [0, 0];
  /** What the receiver has processed, by life of the receiver. */
  readonly processed: Numbered[][] = [[], []];
  /** The first number that a life of the receiver is to get from a life of the sender. */
  readonly expectedFirst = new Map<string, number>();
  /** From this one on, the receiver must not let the sender forget. */
  retained: Numbered | undefined;
  running = true;
  retaining = false;
  boundary: Boundary;
  receiver: Receiver;
  private view: EpochView = { epoch: 1, sender: 1, receiver: 1 };
  private senderView: EpochView | undefined;
  private receiverView: EpochView | undefined;
  private readonly connections: Connection[] = [];
  private lastConnection = 0;
  /** Frames of this life of the sender that were forgotten in earlier sessions. */
  private base = 0;

  constructor() {
    this.boundary = this.newBoundary();
    this.receiver = this.newReceiver();
    this.catchUp('sender');
    this.catchUp('receiver');
  }

  /** The oldest connection on which something can still happen. */
  private get live(): readonly Connection[] {
    return this.connections.filter(({ open }) => open.sender || open.receiver);
  }

  send(bytes: number): void {
    const life = this.view.sender;
    const payload = Buffer.alloc(8 + bytes, 0x5a);
    payload.writeUInt32BE(life, 0);
    payload.writeUInt32BE(++this.sent[life]!, 4);
    this.boundary.send(makeFrame(frameKind.batch, payload));
  }

  advance(milliseconds: number): void {
    this.now += milliseconds * ms;
    this.boundary.tick(this.now);
  }

  /** Lets dialled connections come about. */
  connect(): void {
    for (const connection of this.live) {
      if (connection.connected) continue;
      connection.connected = true;
      connection.open.receiver = true;
      connection.inbound = new Inbound(connection.id, 'data', 'h', this.now, (frame) =>
        this.fromSender(connection, frame),
      );
      if (this.boundary.connection === connection.id) this.boundary.connected(this.now);
    }
  }

  /** Lets up to `count` bytes of the oldest connections arrive at one end. */
  deliver(end: End, count: number): void {
    const other: End = end === 'sender' ? 'receiver' : 'sender';
    for (const connection of this.live) {
      const whole = Buffer.concat(connection.to[end]);
      const bytes = Buffer.from(whole.subarray(0, count));
      connection.to[end].length = 0;
      if (whole.length > bytes.length) connection.to[end].push(Buffer.from(whole.subarray(bytes.length)));
      if (connection.open[end] && bytes.length > 0) this.receive(connection, end, bytes);
      if (connection.connected && connection.to[end].length === 0 && !connection.open[other]) {
        this.closed(connection, end);
      }
    }
  }

  /** Everything on the way is lost, and both ends are told. */
  reset(): void {
    for (const connection of this.live) {
      connection.to.sender.length = 0;
      connection.to.receiver.length = 0;
      this.closed(connection, 'sender');
      this.closed(connection, 'receiver');
    }
  }

  /** One bit on its way changes. */
  damage(at: number): void {
    for (const { to } of this.live) {
      const bytes = to.receiver.at(at % Math.max(1, to.receiver.length));
      if (bytes === undefined || bytes.length === 0) continue;
      const damaged = Buffer.from(bytes);
      damaged[at % bytes.length] = damaged[at % bytes.length]! ^ (1 << (at & 7));
      to.receiver[at % to.receiver.length] = damaged;
    }
  }

  /** Processes frames that wait. */
  pump(count: number): void {
    for (let i = 0; i < count && this.running; i++) {
      const frame = this.receiver.peek();
      if (frame === undefined) return;
      this.process(frame.bytes, 0);
      this.receiver.shift();
    }
  }

  acknowledge(): void {
    this.receiver.acknowledge();
  }

  release(): void {
    this.retaining = false;
    this.retained = undefined;
    this.receiver.release();
  }

  /** A new epoch begins; either end learns of it when it catches up. */
  newEpoch(): void {
    this.view = { ...this.view, epoch: this.view.epoch + 1 };
  }

  /** One end is started again: it knows nothing, and the next epoch knows of its new life. */
  die(end: End): void {
    this.reset();
    this.view = { ...this.view, epoch: this.view.epoch + 1, [end]: this.view[end] + 1 };
    if (end === 'sender') {
      this.sent.push(0);
      this.forgotten.push(0);
      this.base = 0;
      this.senderView = undefined;
      this.boundary = this.newBoundary();
    } else {
      this.processed.push([]);
      this.retained = undefined;
      this.receiverView = undefined;
      this.receiver = this.newReceiver();
    }
  }

  catchUp(end: End): void {
    const { epoch, sender, receiver } = this.view;
    if (end === 'sender') {
      const former = this.senderView;
      if (former?.epoch === epoch) return;
      this.senderView = this.view;
      this.noteForgotten();
      if (former?.receiver !== receiver) this.base = this.forgotten[sender]!;
      // Only now is it settled what a new life of the receiver is to get: what the one before has not processed.
      const pair = `${receiver} ${sender}`;
      this.expectedFirst.set(pair, this.expectedFirst.get(pair) ?? this.base + 1);
      this.boundary.address = address;
      this.boundary.restart({ epoch, from: sender, to: receiver }, true);
    } else {
      if (this.receiverView?.epoch === epoch) return;
      this.receiverView = this.view;
      this.receiver.restart({ epoch, from: sender, to: receiver }, true);
      for (const connection of this.live) {
        const { waiting } = connection;
        connection.waiting = undefined;
        if (waiting !== undefined) this.guarded(connection, () => this.greet(connection, waiting));
      }
    }
  }

  /** Goes on until nothing changes any more. */
  settle(): void {
    this.running = true;
    this.release();
    this.catchUp('sender');
    this.catchUp('receiver');
    for (let round = 0; round < 200 && !this.settled; round++) {
      this.advance(round < 20 ? 50 : 500);
      this.connect();
      this.deliver('receiver', Infinity);
      this.pump(Infinity);
      this.acknowledge();
      this.deliver('sender', Infinity);
      this.noteForgotten();
    }
  }

  get settled(): boolean {
    this.noteForgotten();
    return !this.receiver.waiting && this.forgotten[this.view.sender] === this.sent[this.view.sender];
  }

  noteForgotten(): void {
    this.forgotten[this.view.sender] = this.base + this.boundary.acknowledged;
  }

  private newBoundary(): Boundary {
    const network: Network = {
      dial: (id) => {
        const connection: Connection = {
          id,
          to: { sender: [], receiver: [] },
          open: { sender: true, receiver: false },
          connected: false,
          inbound: undefined,
          waiting: undefined,
          splitter: new FrameSplitter(
            frameFormat(() => frameBytesMax),
            (bytes, start, end) => {
              if (boundary.connection === id) boundary.received(readFrame(bytes, start, end), this.now);
            },
          ),
        };
        this.connections.push(connection);
      },
      write: (id, bytes) => {
        const connection = this.connection(id);
        if (connection.open.sender) connection.to.receiver.push(bytes);
      },
      close: (id) => {
        const connection = this.connection(id);
        connection.open.sender = false;
        if (!connection.connected) connection.open.receiver = false;
      },
    };
    const boundary: Boundary = new Boundary(
      network,
      timing,
      {
        full: () => undefined,
        newConnection: () => ++this.lastConnection as ConnectionId,
        hello: () => ({
          protocol: 1,
          application: 'a',
          fingerprint: 'f',
          outline: [],
          cluster: 'c',
          name: 'sender',
          incarnation: boundary.session.from,
          life: 0,
          epoch: boundary.session.epoch,
          to: boundary.session.to,
          control: address,
          data: address,
          joining: 0,
          newest: { epoch: 1, records: 1 },
        }),
        welcomed: (welcome) => welcome.incarnation === boundary.session.to,
        refused: () => undefined,
        opened: () => undefined,
        held: () => undefined,
      },
      { epoch: 0, from: this.view.sender, to: 0 },
    );
    return boundary;
  }

  private newReceiver(): Receiver {
    const network: Network = {
      dial: () => undefined,
      write: (id, bytes) => {
        const connection = this.connection(id);
        if (connection.open.receiver) connection.to.sender.push(bytes);
      },
      close: (id) => {
        this.connection(id).open.receiver = false;
      },
    };
    return new Receiver(network);
  }

  private connection(id: ConnectionId): Connection {
    return this.connections.find((connection) => connection.id === id)!;
  }

  private receive(connection: Connection, end: End, bytes: Buffer): void {
    this.guarded(
      connection,
      () => {
        if (end === 'receiver') connection.inbound!.push(bytes);
        else connection.splitter.push(bytes);
      },
      end,
    );
  }

  private guarded(connection: Connection, work: () => void, end: End = 'receiver'): void {
    try {
      work();
    } catch (error) {
      const protocolError =
        error instanceof InvalidFrameError ||
        error instanceof InvalidMessageError ||
        error instanceof OversizedFrameError;
      if (!protocolError) throw error;
      this.closed(connection, end);
    }
  }

  /** One end of a connection learns that it is over, or hangs up. */
  private closed(connection: Connection, end: End): void {
    if (!connection.open[end]) return;
    connection.open[end] = false;
    connection.waiting = undefined;
    if (end === 'receiver') {
      if (this.receiver.connection === connection.id) this.receiver.detach();
    } else if (this.boundary.connection === connection.id) {
      this.boundary.closed(this.now);
    }
  }

  private fromSender(connection: Connection, frame: Frame): void {
    if (!connection.open.receiver) return;
    const { receiver } = this;
    if (frame.kind === frameKind.hello) {
      const hello = greetings.decode(frame.bytes, frame.start, frame.end);
      if (hello.type !== 'hello') throw new InvalidFrameError('no hello');
      return this.greet(connection, hello);
    }
    if (receiver.connection !== connection.id) {
      if (connection.waiting !== undefined) return;
      throw new InvalidFrameError('a frame before the greeting');
    }
    receiver.heardAt = this.now;
    if (frame.kind === frameKind.ping) return receiver.pong();
    if (!receiver.accept(frame)) return;
    if (receiver.waiting || !this.running) return receiver.hold(frame);
    this.process(frame.bytes, frame.start);
    receiver.passed();
  }

  private greet(connection: Connection, hello: Hello): void {
    const here = this.receiverView;
    const epoch = here?.epoch ?? 0;
    if (hello.epoch > epoch) {
      connection.waiting = hello;
      return;
    }
    const fits = hello.epoch === epoch && hello.incarnation === here?.sender && hello.to === here.receiver;
    const stamp = { epoch, from: this.view.receiver, to: hello.incarnation, route: 0, number: 0 };
    const answer = (kind: 2 | 3, body: Buffer) => {
      if (connection.open.receiver) connection.to.sender.push(sealFrame(makeFrame(kind, body), stamp));
    };
    if (!fits) {
      answer(
        frameKind.refusal,
        greetings.encode({ type: 'refusal', final: false, expelled: false, text: 'not now', incarnation: 0 }),
      );
      connection.open.receiver = false;
      return;
    }
    this.receiver.attach(connection.id, this.now);
    answer(
      frameKind.welcome,
      greetings.encode({
        type: 'welcome',
        cluster: 'c',
        name: 'receiver',
        incarnation: this.view.receiver,
        life: 0,
        received: this.receiver.received,
      }),
    );
    this.receiver.acknowledge();
  }

  private process(bytes: Buffer, start: number): void {
    const frame = { life: bytes.readUInt32BE(start), number: bytes.readUInt32BE(start + 4) };
    if (this.retaining && this.retained === undefined) this.retained = frame;
    if (this.retaining) this.receiver.retain();
    this.processed.at(-1)!.push(frame);
  }
}
