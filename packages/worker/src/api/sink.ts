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
  /** True: the sink takes the next address of `--out` that no sink before it took. */
  readonly needsAddress?: boolean;
  readonly open: (context: SinkContext) => RunningSink;
}

/** What the worker offers a sink. */
export interface SinkContext {
  readonly name: string;
  /** From `--out`, for sinks that ask for one. */
  readonly address: Address | undefined;
  /** To be called whenever `unsentBytes` has become smaller. */
  drained(): void;
  log(severity: 'info' | 'warning' | 'error', text: string): void;
  /** The sink cannot go on: stops the worker with this error. */
  fail(error: Error): void;
}

export interface RunningSink {
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
  /** Sends what is unsent, then closes. When `deadline` aborts, it closes at once. */
  stop(deadline: AbortSignal): Promise<void>;
}
