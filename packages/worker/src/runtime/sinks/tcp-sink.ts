import { connect, type Socket } from 'node:net';
import { formatAddress, type Address } from '@wallaroo/protocol';
import type { Encoder } from '../../api/codec.js';
import { ApplicationError } from '../../api/errors.js';
import type { RunningSink, SinkConfig, SinkContext } from '../../api/sink.js';

export interface TcpSinkOptions<T> {
  readonly encoder: Encoder<T>;
  /** Tells the sink in plans, logs and tests. */
  readonly name?: string;
  /**
   * With resilience, `on-commit` holds output until its checkpoint counts, so that what is sent is never computed
   * again; it comes later by up to the time between two checkpoints. Default `at-once`: after a crash, what was made
   * since the last checkpoint is sent again.
   */
  readonly deliver?: 'at-once' | 'on-commit';
  /** Where to connect, instead of the next address of `--out`. */
  readonly address?: Address;
}

const reconnectMs = 250;
/** Small batches that wait are joined up to this size. */
const blockBytesMax = 8 * 1024;
/** A receiver that does not answer at all is one that cannot be reached; the system would wait for minutes. */
const connectMsMax = 5000;
/** How long the peer may take to close its side, or to show that it talks, after ours was closed. */
const lingerMs = 250;

/**
 * Sends encoded messages over one TCP connection, as they are, without anything added.
 * While nobody answers it tries again every 250 ms; what is unsent is kept, and the sources are muted
 * when that grows beyond the worker's window. What the system had taken when a connection broke is not
 * sent again; a batch that it had not taken whole is, so that a message may arrive twice but none is cut.
 */
export function tcpSink<T>(options: TcpSinkOptions<T>): SinkConfig<T> {
  return {
    kind: 'TCP',
    encoder: options.encoder,
    needsAddress: options.address === undefined,
    ...(options.name !== undefined && { name: options.name }),
    ...(options.deliver !== undefined && { deliver: options.deliver }),
    open: (context) => {
      const address = options.address ?? context.address;
      if (address === undefined) {
        throw new ApplicationError(`Sink '${context.name}' has no address: give --out HOST:PORT`);
      }
      return new TcpSink(context, address);
    },
  };
}

class TcpSink implements RunningSink {
  unsentBytes = 0;
  private socket: Socket | undefined;
  private connected = false;
  private outage = false;
  private stopped = false;
  private retry: NodeJS.Timeout | undefined;
  /** Batches that the system has not taken. The first is being written while `writing`. */
  private readonly queue: Buffer[] = [];
  private writing = false;
  private whenEmpty: (() => void) | undefined;

  constructor(
    private readonly context: SinkContext,
    private readonly address: Address,
  ) {
    context.log('info', `Connecting to sink at ${formatAddress(address)}`);
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.connect(resolve));
  }

  write(bytes: Buffer): boolean {
    if (this.queue.length > 0 || !this.open) {
      this.enqueue(bytes);
      return true;
    }
    if (this.taken(bytes)) return true;
    this.queue.push(bytes);
    this.unsentBytes += bytes.length;
    return false;
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.queue.length > 0 && !deadline.aborted) {
      await new Promise<void>((resolve) => {
        this.whenEmpty = resolve;
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.stopped = true;
    clearTimeout(this.retry);
    const { socket } = this;
    if (socket === undefined || socket.destroyed) return;
    if (!this.connected || deadline.aborted) {
      socket.destroy();
      return;
    }
    // Closing on a peer that talks would reset the connection, and take from it what it has not read yet. One
    // that is silent need not close its side: ours is through when the system has taken the end.
    const closeOnSilence = () => socket.bytesRead === 0 && socket.destroy();
    let linger: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      deadline.addEventListener('abort', () => socket.destroy(), { once: true });
      socket.end(() => (linger = setTimeout(closeOnSilence, lingerMs)));
    });
    clearTimeout(linger);
  }

  private connect(attempted?: () => void): void {
    // A limit of one byte makes every write that the system does not take at once end in 'drain'.
    const options = {
      port: this.address.port,
      host: this.address.host || 'localhost',
      noDelay: true,
      writableHighWaterMark: 1,
    };
    const socket = connect(options);
    this.socket = socket;
    let reason = 'the receiver closed the connection';
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer within ${connectMsMax} ms`)),
      connectMsMax,
    );
    socket.on('error', (error) => (reason = error.message));
    socket.once('connect', () => {
      clearTimeout(timer);
      this.connected = true;
      socket.resume();
      if (this.outage) this.context.log('info', `Connected to sink at ${formatAddress(this.address)}`);
      this.outage = false;
      this.sendNext();
      attempted?.();
    });
    socket.once('close', () => {
      clearTimeout(timer);
      this.connected = false;
      this.writing = false;
      if (!this.stopped) {
        this.lost(reason);
        this.retry = setTimeout(() => this.connect(), reconnectMs);
      }
      attempted?.();
    });
  }

  private lost(reason: string): void {
    if (this.outage) return;
    this.outage = true;
    const at = formatAddress(this.address);
    this.context.log(
      'warning',
      `Sink at ${at} is unreachable (${reason}). Trying again every ${reconnectMs} ms; output is kept.`,
    );
  }

  private sendNext(): void {
    while (this.open && this.queue.length > 0 && this.taken(this.queue[0]!)) this.dequeue();
    this.context.drained();
  }

  private readonly onDrain = () => {
    if (!this.writing) return;
    this.writing = false;
    this.dequeue();
    this.sendNext();
  };

  /** From the end of the peer to 'close', writes would go nowhere without a word. */
  private get open(): boolean {
    return this.connected && this.socket!.writable;
  }

  /** Writes to the open socket. True when the system has taken all of it; otherwise 'drain' will tell. */
  private taken(bytes: Buffer): boolean {
    const socket = this.socket!;
    socket.write(bytes);
    if (socket.writableLength === 0 && socket.errored === null) return true;
    this.writing = true;
    socket.once('drain', this.onDrain);
    return false;
  }

  /** Keeps a copy, in blocks: a small batch must not hold a big buffer. */
  private enqueue(bytes: Buffer): void {
    this.unsentBytes += bytes.length;
    const last = this.queue.length - 1;
    const beingWritten = last === 0 && this.writing;
    if (last >= 0 && !beingWritten && this.queue[last]!.length + bytes.length <= blockBytesMax) {
      this.queue[last] = Buffer.concat([this.queue[last]!, bytes]);
    } else {
      this.queue.push(Buffer.from(bytes));
    }
  }

  private dequeue(): void {
    this.unsentBytes -= this.queue.shift()!.length;
    if (this.queue.length === 0) this.whenEmpty?.();
  }
}
