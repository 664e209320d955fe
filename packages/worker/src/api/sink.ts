import type { Address } from '@wallaroo/protocol';
import type { Encoder } from './codec.js';

/**
 * Where messages leave the application. All sinks, ours too, are written against these interfaces.
 * A configuration is a value: the worker calls `open` once when it starts.
 */
export interface SinkConfig<T> {
  /** Short name of the kind, for plans and logs: `TCP`, `stdout`. */
  readonly kind: string;
  /** Tells the sink in plans, logs and tests; default: the kind and a number. */
  readonly name?: string;
  readonly encoder: Encoder<T>;
  /** True: `write` is told where each message ends. */
  readonly messageBoundaries?: boolean;
  /**
   * With resilience, `on-commit` hands output on only when the checkpoint it belongs to counts, so that what was handed
   * on is never computed again; default `at-once`. Without resilience there is no difference.
   */
  readonly deliver?: 'at-once' | 'on-commit';
  /** True: the sink takes part in checkpoints, by `transactions`, and keeps what it was given itself. */
  readonly transactional?: boolean;
  /** True: the sink takes the next address of `--out` that no sink before it took. */
  readonly needsAddress?: boolean;
  readonly open: (context: SinkContext) => RunningSink;
}

/** What the worker offers a sink. */
export interface SinkContext {
  readonly name: string;
  readonly application: string;
  readonly worker: string;
  /** With resilience: checkpoints are taken, and {@link SinkTransactions.restore} follows when the sink has started. */
  readonly resilience: boolean;
  /** From `--out`, for sinks that ask for one. */
  readonly address: Address | undefined;
  /** To be called whenever `unsentBytes` has become smaller. */
  drained(): void;
  log(severity: 'info' | 'warning' | 'error', text: string): void;
  /** The sink cannot go on: stops the worker with this error. */
  fail(error: Error): void;
}

/** For sinks that take part in checkpoints: what they hand on is handed on once, whatever happens. */
export interface SinkTransactions {
  /**
   * All that was written so far belongs to this checkpoint, unless it belongs to one up to `counted`, the newest that
   * counts (0: none). That one may not have been committed yet, which is then due at once. Resolves when it will
   * outlive a crash of this worker. If that fails, what was written belongs to the next checkpoint.
   */
  prepare(checkpoint: number, counted: number): Promise<void>;
  /** The checkpoint counts: hands on what belongs to it and to all before. */
  commit(checkpoint: number): void;
  /**
   * Where the sink stands, if it wants to be told by `restore`. Called when a checkpoint is cut, right before
   * `prepare`.
   */
  position?(): Uint8Array;
  /**
   * The cluster is at this checkpoint again (0: at the start): hands on what belongs to it and to all before, and
   * forgets the rest.
   */
  restore(checkpoint: number, position: Uint8Array | undefined): void | Promise<void>;
  /** Nothing goes back any more: `stop`, which follows, hands on all that was written. */
  release?(): void;
}

export interface RunningSink {
  readonly transactions?: SinkTransactions;
  /** Reaches for the outside. Resolves when the first attempt is over, rejects when no later one can help. */
  start(): Promise<void>;
  /** Bytes taken and not yet handed to the system. Sources are muted while it is above the worker's window. */
  readonly unsentBytes: number;
  /**
   * Takes over a batch of whole messages.
   * @param ends where each message ends in `bytes`, if `messageBoundaries` was asked for; valid during the call
   * @returns true when the sink is done with `bytes`, which the worker may then overwrite
   */
  write(bytes: Buffer, ends: readonly number[]): boolean;
  /** These workers have left the cluster and will not come back. */
  workersLeft?(workers: readonly string[]): void;
  /** Sends what is unsent, then closes. When `deadline` aborts, it closes at once. */
  stop(deadline: AbortSignal): Promise<void>;
}
