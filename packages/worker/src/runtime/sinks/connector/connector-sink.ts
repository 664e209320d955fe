import { connect, type Socket } from 'node:net';
import { formatAddress, FrameSplitter, u32Frames, type Address } from '@wallaroo/protocol';
import type { Encoder } from '../../../api/codec.js';
import { ApplicationError } from '../../../api/errors.js';
import type { RunningSink, SinkConfig, SinkContext, SinkTransactions } from '../../../api/sink.js';
import { onOneLine } from '../../log.js';
import { whenAborted } from '../../when-aborted.js';
import { SinkSession } from './sink-session.js';

export interface ConnectorSinkOptions<T> {
  readonly encoder: Encoder<T>;
  /** What the sink wants to hear from its clients. */
  readonly cookie: string;
  /** Tells the sink in plans, logs and tests, and the sinks of a worker apart where they send to. */
  readonly name?: string;
  /** Where to connect, instead of the next address of `--out`. */
  readonly address?: Address;
}

const reconnectMs = 1000;
/** A receiver that does not answer at all is one that cannot be reached; the system would wait for minutes. */
const connectMsMax = 5000;
/** How long the sink may take to close its side, once all is said. */
const farewellMs = 1000;
/** Of what sinks say, nothing is long. */
const frameBytesMax = 1024 * 1024;
/** Sources are muted while more than this waits for its checkpoint. */
const keptBytesMax = 64 * 1024 * 1024;

/**
 * Sends output to a program that speaks the sink's side of the connector protocol. With resilience the two agree on
 * each checkpoint by two-phase commit: what the sink commits is there once, whatever dies.
 */
export function connectorSink<T>(options: ConnectorSinkOptions<T>): SinkConfig<T> {
  return {
    kind: 'Connector',
    encoder: options.encoder,
    transactional: true,
    needsAddress: options.address === undefined,
    ...(options.name !== undefined && { name: options.name }),
    open: (context) => {
      const address = options.address ?? context.address;
      if (address === undefined) {
        throw new ApplicationError(`Sink '${context.name}' has no address: give --out HOST:PORT`);
      }
      return new ConnectorSink(context, address, options.cookie);
    },
  };
}

class ConnectorSink implements RunningSink {
  readonly transactions?: SinkTransactions;
  private readonly session: SinkSession;
  private socket: Socket | undefined;
  private retry: NodeJS.Timeout | undefined;
  private outage = false;
  /** Nothing goes back any more: what is not committed counts as unsent. */
  private released = false;
  private stopped = false;

  constructor(
    private readonly context: SinkContext,
    private readonly address: Address,
    cookie: string,
  ) {
    const { application, worker, name: sink, resilience } = context;
    context.log('info', `Connecting to sink at ${formatAddress(address)}`);
    this.session = new SinkSession({
      cookie,
      application,
      worker,
      sink,
      resilience,
      send: (frame) => void this.socket!.write(frame),
      close: () => this.socket!.destroySoon(),
      warn: (text) => context.log('error', `Sink at ${formatAddress(address)}: ${onOneLine(text)}`),
    });
    if (resilience) this.transactions = this.makeTransactions();
  }

  start(): Promise<void> {
    // With resilience it begins where it is told to.
    if (this.context.resilience) return Promise.resolve();
    return new Promise((resolve) => this.connect(resolve));
  }

  get unsentBytes(): number {
    const { session, socket } = this;
    if (this.released) return session.keptBytes;
    if (this.stopped) return 0;
    const buffered = session.ready ? socket!.writableLength : 0;
    return session.waitingBytes + buffered + Math.max(0, session.keptBytes - keptBytesMax);
  }

  write(bytes: Buffer): boolean {
    this.session.write(bytes);
    return true;
  }

  workersLeft(workers: readonly string[]): void {
    this.session.workersLeft(workers);
  }

  async stop(deadline: AbortSignal): Promise<void> {
    // What belongs to no checkpoint that counts is made again by the next life.
    if (this.released || !this.context.resilience) await this.finished(deadline);
    this.stopped = true;
    clearTimeout(this.retry);
    const { socket } = this;
    if (socket === undefined || socket.destroyed) return;
    if (!this.session.ready || deadline.aborted) {
      socket.destroy();
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), farewellMs);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      whenAborted(deadline, () => socket.destroy());
      socket.end();
    });
  }

  private finished(deadline: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.session.finish(resolve);
      whenAborted(deadline, resolve);
    });
  }

  private makeTransactions(): SinkTransactions {
    const { session } = this;
    return {
      prepare: (checkpoint, counted) =>
        new Promise((resolve, reject) => {
          session.prepare(checkpoint, counted, (failure) => {
            if (failure === undefined) return resolve();
            reject(new Error(`${this.context.name} at ${formatAddress(this.address)}: ${failure}`));
          });
        }),
      commit: (checkpoint) => {
        session.commit(checkpoint);
        this.context.drained();
      },
      position: () => {
        const position = Buffer.alloc(8);
        position.writeBigUInt64BE(BigInt(session.offset));
        return position;
      },
      restore: (checkpoint, position) => {
        this.socket?.destroy();
        clearTimeout(this.retry);
        const offset = position === undefined ? 0n : Buffer.from(position).readBigUInt64BE();
        session.restore(checkpoint, Number(offset));
        this.context.drained();
        this.connect();
      },
      release: () => {
        this.released = true;
      },
    };
  }

  private connect(attempted?: () => void): void {
    const { context } = this;
    const at = formatAddress(this.address);
    const socket = connect({
      port: this.address.port,
      host: this.address.host || 'localhost',
      noDelay: true,
    });
    this.socket = socket;
    let reason = 'the sink closed the connection';
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer within ${connectMsMax} ms`)),
      connectMsMax,
    );
    const splitter = new FrameSplitter(u32Frames(frameBytesMax), (bytes, start, end) =>
      this.session.receive(bytes, start, end),
    );
    // One that was replaced says nothing any more.
    const current = () => this.socket === socket;
    socket.on('error', (error) => (reason = error.message));
    socket.once('connect', () => {
      clearTimeout(timer);
      if (!current()) return;
      socket.setKeepAlive(true, 30_000);
      this.session.connected();
      attempted?.();
    });
    socket.on('data', (chunk: Buffer) => {
      if (!current()) return;
      const { ready } = this.session;
      try {
        splitter.push(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
      if (!ready && this.session.ready) {
        if (this.outage) context.log('info', `Connected to sink at ${at}`);
        this.outage = false;
      }
      context.drained();
    });
    socket.on('drain', () => context.drained());
    socket.once('close', () => {
      clearTimeout(timer);
      if (!current()) return;
      this.session.lost(reason);
      attempted?.();
      if (this.stopped) return;
      if (!this.outage) {
        const again = `Trying again every ${reconnectMs} ms; output is kept.`;
        context.log('warning', `Sink at ${at} is unreachable (${reason}). ${again}`);
      }
      this.outage = true;
      this.retry = setTimeout(() => this.connect(), reconnectMs);
    });
  }
}
