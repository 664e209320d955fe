import type { Address } from '@wallaroo/protocol';
import type { Decoder } from './codec.js';

/**
 * Where messages enter the application. All sources, ours too, are written against these interfaces.
 * A configuration is a value: the worker calls `open` once when it starts.
 */
export interface SourceConfig<T> {
  /** Short name of the kind, for plans and logs: `TCP`, `generator`. */
  readonly kind: string;
  /** For sources that receive bytes: what {@link SourceContext.receive} decodes with. */
  readonly decoder?: Decoder<T>;
  /**
   * True: with resilience, what `receive` is given is on disk before it is processed, and is processed again after a
   * crash. For sources that cannot be asked again.
   */
  readonly journaled?: boolean;
  /** True: `--in` may bring a cookie and credits, {@link SourceInput.connector}. */
  readonly takesConnectorInput?: boolean;
  readonly open: (context: SourceContext<T>) => RunningSource;
}

/** What the worker offers a source. */
export interface SourceContext<T> {
  /** The name of the pipeline. */
  readonly name: string;
  /** What `--in` says for this source. */
  readonly input: SourceInput | undefined;
  /** With resilience: checkpoints are taken. */
  readonly resilience: boolean;
  /** True while a sink or a link downstream is full. Stop at the next message when it turns true. */
  readonly muted: boolean;
  /**
   * Processes a message to completion, before it returns.
   * Call it as often as there are messages; output is flushed when the turn of the event loop ends.
   */
  push(message: T): void;
  /**
   * Decodes one frame with the source's decoder, then as {@link push}.
   *
   * With a journal the frame is decoded only once it is on disk. Then the bytes, and the four in front of them, must
   * stay as they are until the turn of the event loop ends, and `client` is told if the decoder refuses them.
   * @throws DecodeError when the decoder refuses the bytes: close the connection they came from
   */
  receive(bytes: Buffer, start: number, end: number, client?: SourceClient): void;
  /**
   * For sources whose clients bring numbered streams, which may go on at another worker of the cluster: asks for one.
   * `answer` is called once, with the number of the last message that the cluster has (2^64 - 1: none), or
   * without when another worker holds the stream; never if `restore` comes before, which ends all holding.
   */
  claim(stream: bigint, answer: (position: bigint | undefined) => void): void;
  /** This worker holds the stream no more. With resilience a checkpoint counts that has this position. */
  release(stream: bigint, position: bigint): void;
  /** Any value that a message may be, as bytes, for {@link RunningSource.position}; and back. */
  pack(value: unknown): Uint8Array;
  unpack(bytes: Uint8Array): unknown;
  /** Writes a line to the worker's log: plain for `info`, with severity and category otherwise. */
  log(severity: 'info' | 'warning' | 'error', text: string): void;
  /** The source cannot go on: stops the worker with this error. */
  fail(error: Error): void;
}

/** Whom a source receives frames from. */
export interface SourceClient {
  /** The decoder has refused a frame: close the connection. Nothing is processed that has come behind that frame. */
  refuse(error: Error): void;
}

export interface SourceInput {
  readonly address: Address;
  /** Bytes, the optional last part of `NAME@HOST:PORT:MAXSIZE`. */
  readonly maxSize?: number;
  /** The last parts of `NAME@HOST:PORT:COOKIE:MAX_CREDITS:REFILL_CREDITS`. */
  readonly connector?: ConnectorInput;
}

/** What `--in` may say of a connector source; it counts more than what the application says. */
export interface ConnectorInput {
  readonly cookie: string;
  readonly maxCredits: number;
  readonly refillCredits: number;
}

/**
 * The hold that the worker has on an open source. It is muted at first: nothing may be pushed before
 * `unmute`. `mute` and `unmute` may still come while it stops.
 */
export interface RunningSource {
  /** Opens listeners and the like. Resolves when messages could come; rejects when they never will. */
  start(): Promise<void>;
  /** Where it listens, with the real port, once it has started. */
  readonly address?: Address | undefined;
  /** Connections that can exist at the same time. */
  readonly parallelism: number;
  /** Connections that exist. A worker with clients does not leave its cluster unless it is asked to wait for them. */
  readonly clients?: number;
  mute(): void;
  unmute(): void;
  /**
   * Takes nothing new, pushes whole messages that it has read (waiting while it is muted), lets go of all it holds.
   * When `deadline` aborts, it lets go at once.
   */
  stop(deadline: AbortSignal): Promise<void>;
  /**
   * For sources that can be asked again for what they have pushed: where the source stands. Called between two
   * messages when a checkpoint is cut.
   */
  position?(): Uint8Array;
  /** As {@link position}, of the streams that this worker holds, by stream: the cluster keeps it for all workers. */
  positionsOfStreams?(): ReadonlyMap<bigint, bigint>;
  /**
   * With resilience: what is pushed next is what followed this position, or the very first message if there is none.
   * Called before the first `unmute`, and again, while the source is muted, when the cluster goes back to a checkpoint.
   */
  restore?(position: Uint8Array | undefined): void | Promise<void>;
  /** What was pushed before this position will never be asked for again. */
  committed?(position: Uint8Array): void;
  /**
   * This worker leaves the cluster: clients are to go on at another one, whose source listens at this address (none:
   * at any other). Resolves when they have been told so, and all they may rely on; `stop` follows, perhaps before.
   */
  handOver?(successor: Address | undefined): Promise<void>;
  /** Lets nobody else in; resolves when all clients have ended. `stop` follows, then or when the time is up. */
  drain?(): Promise<void>;
}
