import {
  connectorMessages,
  connectorSourceVersion,
  InvalidMessageError,
  type ConnectorMessage,
} from '@wallaroo/protocol';
import { isNamed } from '../../api/errors.js';
import type { Position, SourceStreams, Stream, StreamHolder } from './source-streams.js';

type MessageOf<Type> = Extract<ConnectorMessage, { type: Type }>;

export interface SessionHost {
  readonly cookie: string;
  readonly maxCredits: number;
  readonly refillCredits: number;
  /** Ends of streams are acknowledged when a checkpoint counts; otherwise at once. */
  readonly resilience: boolean;
  readonly streams: SourceStreams;
  /** Where this client reaches this source. */
  address(): string;
  send(message: ConnectorMessage): void;
  /** Closes the connection behind what was sent. Nothing more is handed to the session. */
  close(): void;
  /** Processes a message. @throws DecodeError */
  deliver(bytes: Buffer, start: number, end: number): void;
  warn(text: string): void;
}

const messageTag = 5;
/** Tag, stream, id, event time, length of the key. */
const messageHeadBytes = 27;
const undecodable = 'Unable to decode message';
const outOfTurn = 'Bad protocol FSM state';

/**
 * A client of a connector source, from its connection on:
 *
 *     connected   its Hello is checked          -> streaming, or over
 *     streaming   Notify, Message, Eos          -> over, by its fault, or by `restart`
 *     over        the connection closes
 *
 * Everything else that it sends is answered with an Error, and the connection ends.
 */
export class SourceSession implements StreamHolder {
  private state: 'connected' | 'streaming' | 'over' = 'connected';
  private credits = 0;
  /** Streams that this client brings. */
  private readonly streams = new Map<bigint, Stream>();
  /** The one of the last message: mostly that of the next one too. */
  private current: Stream | undefined;

  constructor(private readonly host: SessionHost) {}

  /** One frame: tag and body. */
  receive(bytes: Buffer, start: number, end: number): void {
    if (this.state === 'over') return;
    if (this.state === 'streaming') {
      this.pay();
      // Nearly all that comes: read in place.
      if (bytes[start] === messageTag && end - start >= messageHeadBytes) {
        return this.onMessage(bytes, start, end);
      }
    }
    let message: ConnectorMessage;
    try {
      message = connectorMessages.decode(bytes, start, end);
    } catch (error) {
      if (!(error instanceof InvalidMessageError)) throw error;
      return this.fail(undecodable);
    }
    this.handle(message);
  }

  safe(positions: readonly Position[], ended: readonly Stream[]): void {
    this.acknowledge(positions);
    for (const stream of ended) this.release(stream);
  }

  /** A checkpoint counts: credits come back, and what is told of streams has been. */
  refill(): void {
    if (this.state === 'streaming') this.acknowledge([]);
  }

  /** The client is to connect again, there or here. */
  restart(address = this.host.address()): void {
    if (this.state === 'streaming') this.host.send({ type: 'restart', address });
    this.end();
  }

  /** The client has greeted, and may have sent what counts. */
  get begun(): boolean {
    return this.state === 'streaming';
  }

  /** The connection is gone. */
  closed(): void {
    this.state = 'over';
    for (const stream of [...this.streams.values()]) this.release(stream);
  }

  private handle(message: ConnectorMessage): void {
    switch (message.type) {
      case 'hello':
        return this.onHello(message);
      case 'notify':
        return this.state === 'streaming' ? this.onNotify(message) : this.fail(outOfTurn);
      case 'eos':
        return this.state === 'streaming' ? this.onEos(message) : this.fail(outOfTurn);
      // One that could be read is out of turn: others do not come here.
      case 'message':
        return this.fail(outOfTurn);
      case 'error':
        this.host.warn(`Received ERROR msg from client: ${message.text}`);
        return this.end();
      default:
        return this.fail(`Invalid message: ${wireNames[message.type]}`);
    }
  }

  private onHello({ version, cookie }: MessageOf<'hello'>): void {
    const { host } = this;
    if (this.state !== 'connected') return this.fail(outOfTurn);
    if (version !== connectorSourceVersion) return this.fail(`Unknown protocol version: ${version}`);
    if (cookie !== host.cookie) return this.fail(`Bad cookie: ${cookie}, wanted: ${host.cookie}`);
    this.state = 'streaming';
    this.credits = host.maxCredits;
    host.send({ type: 'ok', credits: host.maxCredits });
  }

  private onNotify({ stream: id, pointOfReference }: MessageOf<'notify'>): void {
    const { host } = this;
    host.streams.claim(id, this, (stream) => {
      if (this.state === 'over') {
        if (stream !== undefined) host.streams.release(stream);
        return;
      }
      if (stream !== undefined) this.streams.set(id, stream);
      host.send({
        type: 'notifyAck',
        success: stream !== undefined,
        stream: id,
        pointOfReference: stream?.lastSeen ?? pointOfReference,
      });
    });
  }

  private onMessage(bytes: Buffer, start: number, end: number): void {
    const payload = start + messageHeadBytes + bytes.readUInt16BE(start + messageHeadBytes - 2);
    if (payload > end) return this.fail(undecodable);
    const stream = this.streamAt(bytes, start + 1);
    if (stream === undefined || stream.ended) {
      const [which, id] = [bytes.readBigUInt64BE(start + 1), bytes.readBigUInt64BE(start + 9)];
      return this.fail(`Bad/unregistered stream_id ${which} with message_id ${id}`);
    }
    const [high, low] = [u32(bytes, start + 9), u32(bytes, start + 13)];
    if (stream.hasSeen(high, low)) return;
    if (payload < end) {
      try {
        this.host.deliver(bytes, payload, end);
      } catch (error) {
        if (!isNamed(error, 'DecodeError')) throw error;
        this.host.warn((error as Error).message);
        return this.fail(undecodable);
      }
    }
    stream.saw(high, low);
  }

  private streamAt(bytes: Buffer, at: number): Stream | undefined {
    const { current } = this;
    if (current?.idHigh === u32(bytes, at) && current.idLow === u32(bytes, at + 4)) return current;
    return (this.current = this.streams.get(bytes.readBigUInt64BE(at)));
  }

  private onEos({ stream: id }: MessageOf<'eos'>): void {
    const stream = this.streams.get(id);
    if (stream === undefined || stream.ended) return this.fail(undecodable);
    if (this.host.resilience) {
      stream.ended = true;
      return;
    }
    const positions = [{ stream: id, pointOfReference: stream.lastSeen }];
    this.host.send({ type: 'ack', credits: 0, positions });
    this.release(stream);
  }

  private release(stream: Stream): void {
    this.streams.delete(stream.id);
    this.current = undefined;
    this.host.streams.release(stream);
  }

  /** Clients without credit are not told off: they cannot know what is on its way. */
  private pay(): void {
    if (this.credits > 0) this.credits--;
    if (this.credits <= this.host.refillCredits) this.acknowledge([]);
  }

  private acknowledge(positions: readonly Position[]): void {
    const { maxCredits } = this.host;
    const credits = maxCredits - this.credits;
    if (credits === 0 && positions.length === 0) return;
    this.credits = maxCredits;
    this.host.send({ type: 'ack', credits, positions });
  }

  private fail(text: string): void {
    this.host.warn(`${text}. Closed connection.`);
    this.host.send({ type: 'error', text: text.slice(0, textCharactersMax) });
    this.end();
  }

  private end(): void {
    this.closed();
    this.host.close();
  }
}

/** Of a frame whose length has been checked. */
function u32(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** What a client has sent may be repeated to it, but not without bound. */
const textCharactersMax = 10_000;

/** As peers of other makes know these messages. */
const wireNames = {
  ok: 'ok',
  notifyAck: 'notify_ack',
  ack: 'ack',
  restart: 'restart',
  workersLeft: 'workers_left',
} as const;
