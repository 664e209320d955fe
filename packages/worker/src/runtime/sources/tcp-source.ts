import type { Socket } from 'node:net';
import { formatAddress, FrameSplitter, u32Frames, type Address, type FrameFormat } from '@wallaroo/protocol';
import type { Decoder } from '../../api/codec.js';
import { ApplicationError } from '../../api/errors.js';
import type { RunningSource, SourceConfig, SourceContext } from '../../api/source.js';
import { Listener } from '../listener.js';
import { LineSplitter } from './line-splitter.js';
import { TcpConnection, type Splitter } from './tcp-connection.js';
import { listenForClients, TcpConnections } from './tcp-connections.js';

export interface LineTcpSourceOptions<T> {
  readonly decoder: Decoder<T>;
  /** Connections served at the same time, default 10. Further ones wait. */
  readonly parallelism?: number;
  /** Longest payload in bytes, default 16384. `--in NAME@HOST:PORT:MAXSIZE` overrides it. */
  readonly maxSize?: number;
  /** Where to listen if `--in` does not say. */
  readonly address?: Address;
  /**
   * With resilience, what was read is on disk before it is processed, default true: a crash loses nothing of it.
   * Without it, what was read since the last checkpoint is gone after a crash.
   */
  readonly sourceJournal?: boolean;
}

export interface FramedTcpSourceOptions<T> extends LineTcpSourceOptions<T> {
  /** Bytes of the length in front of each payload: 1 to 8, default 4. */
  readonly headerLength?: number;
  /** How the length is written, default big-endian; or a function that reads it from the header at `start`. */
  readonly lengthFormat?: 'big-endian' | 'little-endian' | ((bytes: Buffer, start: number) => number);
}

/**
 * Listens for TCP connections that send length-prefixed frames.
 * Each payload, an empty one too, goes to the decoder. Nothing is ever sent back.
 * A frame longer than `maxSize`, and bytes that the decoder refuses, close the connection they came on.
 * @throws ApplicationError when the header's length is not 1 to 8
 */
export function framedTcpSource<T>(options: FramedTcpSourceOptions<T>): SourceConfig<T> {
  const { headerLength = 4, lengthFormat = 'big-endian' } = options;
  if (!Number.isInteger(headerLength) || headerLength < 1 || headerLength > 8) {
    throw new ApplicationError(`framedTcpSource: headerLength must be 1 to 8, not ${headerLength}`);
  }
  const payloadLength = lengthReader(headerLength, lengthFormat);
  return tcpSource(options, (payloadBytesMax, receive) => {
    return new FrameSplitter({ headerLength, payloadLength, payloadBytesMax }, receive);
  });
}

/**
 * Listens for TCP connections that send lines. The decoder gets each line without its end (LF or CR LF);
 * a last line without an end counts when the peer closes.
 */
export function lineTcpSource<T>(options: LineTcpSourceOptions<T>): SourceConfig<T> {
  return tcpSource(options, (maxSize, receive) => new LineSplitter(maxSize, receive));
}

function lengthReader(
  headerLength: number,
  format: NonNullable<FramedTcpSourceOptions<unknown>['lengthFormat']>,
): FrameFormat['payloadLength'] {
  if (typeof format === 'function') return format;
  if (format === 'big-endian' && headerLength === 4) return u32Frames(0).payloadLength;
  const [first, step] = format === 'big-endian' ? [0, 1] : [headerLength - 1, -1];
  return (bytes, at) => {
    let length = 0;
    for (let i = 0, place = at + first; i < headerLength; i++, place += step)
      length = length * 256 + bytes[place]!;
    return length;
  };
}

type MakeSplitter = (
  maxSize: number,
  receive: (bytes: Buffer, start: number, end: number) => void,
) => Splitter;

function tcpSource<T>(options: LineTcpSourceOptions<T>, makeSplitter: MakeSplitter): SourceConfig<T> {
  return {
    kind: 'TCP',
    decoder: options.decoder,
    journaled: options.sourceJournal ?? true,
    open: (context) => new TcpSource(context, options, makeSplitter),
  };
}

class TcpSource<T> implements RunningSource {
  readonly parallelism: number;
  address: Address | undefined;
  private readonly wanted: Address | undefined;
  private readonly maxSize: number;
  private readonly listener: Listener;
  private readonly connections = new TcpConnections();

  constructor(
    private readonly context: SourceContext<T>,
    options: LineTcpSourceOptions<T>,
    private readonly makeSplitter: MakeSplitter,
  ) {
    this.parallelism = options.parallelism ?? 10;
    this.maxSize = context.input?.maxSize ?? options.maxSize ?? 16384;
    this.wanted = context.input?.address ?? options.address;
    this.listener = new Listener({
      what: `${context.name} source`,
      connectionsMax: this.parallelism,
      onConnection: (socket) => this.connected(socket),
      onLimitReached: () =>
        context.log(
          'warning',
          `TCPSourceCoordinator: Already reached connection limit (${this.parallelism})`,
        ),
    });
    if (this.wanted !== undefined) {
      context.log(
        'info',
        `${context.name} source will listen (but not yet) on ${formatAddress(this.wanted)}`,
      );
      context.log('info', `${context.name} TCP Source max buffer size: ${this.maxSize}`);
    }
  }

  async start(): Promise<void> {
    this.address = await listenForClients(this.context, this.listener, this.wanted);
  }

  mute(): void {
    this.connections.mute();
  }

  unmute(): void {
    this.connections.unmute();
  }

  get clients(): number {
    return this.connections.size;
  }

  async drain(): Promise<void> {
    this.listener.close();
    while (this.connections.size > 0) await this.connections.allDone();
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.listener.close();
    await this.connections.stop(deadline);
  }

  private connected(socket: Socket): void {
    const { context } = this;
    const splitter = this.makeSplitter(this.maxSize, (bytes, start, end) =>
      context.receive(bytes, start, end, connection),
    );
    const connection = new TcpConnection(socket, splitter, context);
    this.connections.add(connection);
  }
}
