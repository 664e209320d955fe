import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAddress, type Address } from '@wallaroo/protocol';
import { ClosedError, ConnectorError } from '../errors.js';
import type { ReplayableStream } from './replayable-stream.js';
import { SourceConnection, type Ack, type Ending } from './source-connection.js';
import { StreamSender } from './stream-sender.js';

export interface ConnectorSourceOptions {
  /** Where workers listen for this source. All are tried in turn; one is enough. */
  readonly addresses: readonly Address[];
  /** The same as the worker's. */
  readonly cookie: string;
  /** Names for the worker's log; nothing depends on them. */
  readonly program?: string;
  readonly instance?: string;
  /** For the connection and the worker's Ok together; 10 000 when left out. */
  readonly connectTimeoutMs?: number;
  /** Wait between two attempts to connect: doubled after each that brought nothing. 100 and 10 000 when left out. */
  readonly reconnectDelayMs?: { readonly min: number; readonly max: number };
  /** Wait before asking again for a stream that another connection holds; 1 000 when left out. */
  readonly refusedRetryMs?: number;
}

export interface ConnectorSourceEvents {
  connected: [address: Address];
  /** An attempt failed, or a connection is over; the next attempt follows. PeerRefusedError: the worker says why. */
  disconnected: [address: Address, error: Error];
  /** The worker asked to connect again, to this address (`undefined`: to the same). */
  restarted: [address: string | undefined];
  /** The worker takes the records behind `after`; `undefined`: from the first one. */
  opened: [stream: string, after: bigint | undefined];
  /** Another connection holds the stream. It is asked for again. */
  refused: [stream: string];
  /** The cluster has kept all up to `id`, and will not ask for it again. */
  acked: [stream: string, id: bigint];
  /** The whole stream has been acknowledged, its end included. */
  finished: [stream: string];
  /** The replay threw, or gave what cannot be sent. The stream is given up. */
  failed: [stream: string, error: Error];
}

interface Entry {
  readonly sender: StreamSender;
  readonly done: { readonly resolve: () => void; readonly reject: (error: Error) => void };
}

/**
 * Brings streams to the connector source of a cluster, at least once and in the order of each stream. A worker
 * drops what it has seen, so with checkpoints each record counts once.
 *
 * Lost connections are made again, for ever, until `close` or `destroy`. What the workers have not
 * acknowledged comes from the stream's replay again.
 *
 *     const source = new ConnectorSource({ addresses: [{ host: '127.0.0.1', port: 7100 }], cookie: 'secret' });
 *     source.start();
 *     await source.addStream(fileLines('votes.txt')); // until all of it is safe in the cluster
 *     await source.close();
 */
export class ConnectorSource extends EventEmitter<ConnectorSourceEvents> {
  private readonly entries = new Map<bigint, Entry>();
  private readonly runs = new Set<Promise<void>>();
  private readonly ending = new AbortController();
  private connection: SourceConnection | undefined;
  private loop: Promise<void> | undefined;
  private closing = false;
  /** Where the last Restart pointed to. */
  private preferred: Address | undefined;
  /** Attempts and connections since the last one that brought a worker's acknowledgement. */
  private failures = 0;

  /** @throws TypeError when there is no address */
  constructor(private readonly options: ConnectorSourceOptions) {
    super();
    if (options.addresses.length === 0) throw new TypeError('a connector source needs an address');
  }

  /** Begins to connect. */
  start(): this {
    this.loop ??= this.connectAgainAndAgain();
    return this;
  }

  /**
   * Resolves when the stream has ended and all of it is acknowledged. Rejects with the error of the replay,
   * RecordOrderError, RecordTooLongError, or ClosedError after `destroy`.
   * @throws TypeError when a stream of this id is there already; ClosedError after `close`
   */
  addStream(stream: ReplayableStream): Promise<void> {
    if (this.closing || this.ending.signal.aborted) throw new ClosedError('the source is closed');
    const sender = new StreamSender(
      stream,
      {
        opened: (name, after) => void this.emit('opened', name, after),
        refused: (name) => void this.emit('refused', name),
      },
      this.options.refusedRetryMs ?? 1000,
    );
    if (this.entries.has(sender.id)) throw new TypeError(`the stream '${stream.name}' is there already`);
    const promise = new Promise<void>((resolve, reject) => {
      this.entries.set(sender.id, { sender, done: { resolve, reject } });
    });
    // Who listens to events only need not look at the promise.
    promise.catch(() => undefined);
    if (this.connection) this.send(this.entries.get(sender.id)!, this.connection);
    return promise;
  }

  /**
   * Ends every stream behind the records that were sent so far, and resolves when the workers have acknowledged
   * them. It waits for that as long as it takes; `destroy` ends the waiting.
   */
  async close(): Promise<void> {
    this.closing = true;
    for (const { sender } of this.entries.values()) sender.close();
    if (this.loop === undefined) return this.destroy();
    this.endIfDone();
    await this.loop;
  }

  /** Drops the connection. What is not acknowledged stays so; a later source goes on there. */
  destroy(): void {
    this.ending.abort();
    const gone = new ClosedError('the source was destroyed');
    for (const { done } of this.entries.values()) done.reject(gone);
    this.entries.clear();
  }

  private async connectAgainAndAgain(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      const address = this.nextAddress();
      const ending = await this.connectOnce(address);
      if (signal.aborted) break;
      if (ending.why === 'restart') {
        this.preferred = restartAddress(ending.address, address) ?? this.preferred;
        this.failures = 0;
        this.emit('restarted', ending.address || undefined);
      } else {
        this.emit('disconnected', address, ending.error);
        this.failures++;
        await delay(this.pauseMs(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Resolves when the connection is over and nothing more comes from it. */
  private async connectOnce(address: Address): Promise<Ending> {
    const { cookie, program = '', instance = '', connectTimeoutMs = 10_000 } = this.options;
    try {
      const connection = await SourceConnection.open(
        address,
        { cookie, program, instance },
        connectTimeoutMs,
        this.ending.signal,
        (ack) => this.acknowledge(ack),
      );
      this.connection = connection;
      this.emit('connected', address);
      for (const entry of this.entries.values()) this.send(entry, connection);
      this.endIfDone();
      const ending = await connection.ended;
      this.connection = undefined;
      await Promise.all(this.runs);
      return ending;
    } catch (error) {
      return { why: 'lost', error: error as Error };
    }
  }

  private send(entry: Entry, connection: SourceConnection): void {
    const { sender, done } = entry;
    const run = sender.run(connection).then(
      () => {
        this.drop(entry);
        done.resolve();
        this.emit('finished', sender.name);
      },
      (error: Error) => {
        // A connection that is lost is no fault of the stream: it goes on in the next one.
        if (connection.signal.aborted && isConnectionError(error)) return;
        this.drop(entry);
        done.reject(error);
        this.emit('failed', sender.name, error);
      },
    );
    const tracked = run.finally(() => {
      this.runs.delete(tracked);
      this.endIfDone();
    });
    this.runs.add(tracked);
  }

  private drop({ sender }: Entry): void {
    this.entries.delete(sender.id);
  }

  private endIfDone(): void {
    if (this.closing && this.entries.size === 0) this.ending.abort();
  }

  private acknowledge({ positions }: Ack): void {
    this.failures = 0;
    for (const { stream, pointOfReference } of positions) {
      const sender = this.entries.get(stream)?.sender;
      if (sender === undefined) continue;
      const before = sender.acked;
      sender.acknowledge(pointOfReference);
      if (sender.acked !== undefined && sender.acked !== before)
        this.emit('acked', sender.name, sender.acked);
    }
  }

  private nextAddress(): Address {
    const { addresses } = this.options;
    const candidates = this.preferred ? [this.preferred, ...addresses] : addresses;
    return candidates[this.failures % candidates.length]!;
  }

  private pauseMs(): number {
    const { min, max } = this.options.reconnectDelayMs ?? { min: 100, max: 10_000 };
    const pause = Math.min(max, min * 2 ** Math.min(this.failures - 1, 30));
    // Not all clients of a worker that comes back at the same moment.
    return pause * (0.5 + Math.random() / 2);
  }
}

function isConnectionError(error: Error): boolean {
  return (
    error instanceof ConnectorError && ['CONNECTION_LOST', 'PEER_REFUSED', 'PEER_FAULT'].includes(error.code)
  );
}

/** Undefined when the text names no address. A worker that listens on every interface is where it was before. */
function restartAddress(text: string, current: Address): Address | undefined {
  if (text === '') return current;
  try {
    const address = parseAddress(text);
    const everywhere = ['', '0.0.0.0', '::'].includes(address.host);
    return everywhere ? { host: current.host, port: address.port } : address;
  } catch {
    return undefined;
  }
}
