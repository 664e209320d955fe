import type { Address } from '@wallaroo/protocol';
import type { StreamPosition } from './streams/stream-position.js';

/**
 * All that the core may ask of the world. Time, disk and network come in through these; nothing else does.
 *
 * A call of a port that returns nothing is a wish: it is carried out after the call into the core during
 * which it was made, in the order in which it was made, and what comes of it is told by a later call into the
 * core. So a process may die between any two wishes, and a simulator can see to it that it does.
 */

export interface Clock {
  /** Nanoseconds since some fixed moment; never goes back. */
  now(): number;
}

export interface Random {
  /** A whole number from 0 to 2^32 - 1. */
  u32(): number;
}

export type Severity = 'emergency' | 'alert' | 'critical' | 'error' | 'warning' | 'notice' | 'info' | 'debug';

export interface Log {
  write(severity: Severity, category: string, text: string): void;
}

/** A log that also takes lines without severity and category. */
export interface LineLog extends Log {
  line(text: string): void;
}

/** Where the encoded output of one sink goes, once the ends are open. */
export interface OutputPort {
  /**
   * Takes over a batch of whole messages.
   * @returns true when the port is done with `bytes`, which may then be overwritten
   */
  write(bytes: Buffer, ends: readonly number[]): boolean;
}

/** One connection between two workers. The core numbers those that it dials from 1 up, the world those that it accepts from -1 down. */
export type ConnectionId = number & { readonly connectionId: unique symbol };

/**
 * Connections to other workers: ordered streams of bytes, as TCP has them.
 * The core is told of them by `connected`, `accepted`, `received` and `closed`.
 */
export interface Network {
  /** `connected` follows, or `closed`. */
  dial(connection: ConnectionId, address: Address): void;
  /** Takes over `bytes`. */
  write(connection: ConnectionId, bytes: Buffer): void;
  /** No call about this connection follows. What was written before may or may not arrive. */
  close(connection: ConnectionId): void;
}

/** The files of this worker. */
export interface Storage {
  /**
   * Puts the record of the cluster in place of the one before, whole or not at all, also when the power goes.
   * `stored` follows when it is on disk, `storeFailed` when it cannot be.
   */
  store(operation: number, record: ClusterFile): void;
  /** Removes all files of this worker; `stored` follows. */
  remove(operation: number): void;
}

/**
 * The append-only files of this worker: its event log and the journal of its sources. A file is known by a number;
 * later files have greater ones. What is asked for of one kind happens in the order in which it is asked for.
 */
export interface LogFiles {
  /**
   * `bytes` go behind all that the file has. A file begins with its first bytes. They stay as they are until a `sync`
   * or a `cutOff` that follows is answered.
   */
  append(kind: LogKind, file: number, bytes: Buffer): void;
  /**
   * `stored` follows when all that was appended to the file is on disk, `storeFailed` when it cannot be, or when the one
   * is gone that it goes on from.
   */
  sync(operation: number, kind: LogKind, file: number, base?: number): void;
  /**
   * `logRead` follows, with at most `length` bytes from `offset` on, fewer at the end of the file only; or
   * `storeFailed`. A file that is not there has no bytes.
   */
  read(operation: number, kind: LogKind, file: number, offset: number, length: number): void;
  /** Cuts a file off behind `length` bytes and removes all later ones. `stored` follows, on disk, or `storeFailed`. */
  cutOff(operation: number, kind: LogKind, file: number, length: number): void;
  /** Removes the files before this one, but for the one that is `kept`, some time. */
  removeBefore(kind: LogKind, file: number, kept?: number): void;
}

export type LogKind = 'events' | 'journal';

/** What a worker keeps to find its cluster again. */
export interface ClusterFile {
  /** Opaque: what `readClusterFile` understands. */
  readonly topology: Buffer;
  /** The same facts for people and for older tools. */
  readonly workers: readonly string[];
  readonly addresses: readonly { readonly name: string; readonly control: Address; readonly data: Address }[];
  readonly control: Address;
  readonly data: Address;
  /** The newest checkpoint that counts, 0: none; and the newest epoch. */
  readonly checkpoint: number;
  readonly epoch: number;
}

/** The sources and sinks of this worker. */
export interface Ends {
  /** Opens sinks and sources. Nothing is pushed before `flow(true)`. `endsOpened` follows. */
  open(): void;
  /** Sources may push messages, or may not. Asked anew only when it changes. */
  flow(on: boolean): void;
  /** Sources take nothing new and push what they have read. `sourcesEnded` follows. */
  endSources(): void;
  /**
   * As `endSources`, but clients that are connected may send what they still have until they end, for a
   * limited time; nobody else is let in.
   */
  drainSources(): void;
  /** Sinks send all they have. `sinksFlushed` follows. */
  flushSinks(): void;
  /**
   * A checkpoint is being cut: where each source and sink stands that can be taken back to where it stood. Sources
   * acknowledge up to there when it is committed.
   */
  positions(checkpoint: number): ReadonlyMap<string, Buffer>;
  /**
   * A checkpoint is being cut: how far the streams have come that this worker holds. The cluster keeps it: whoever
   * claims such a stream later goes on behind the newest checkpoint that counts.
   */
  streams(): readonly StreamPosition[];
  /** Whether a sink of this worker takes part in checkpoints. */
  readonly transactional: boolean;
  /**
   * All that sinks were given so far belongs to this checkpoint, unless it belongs to one up to `counted`, the newest
   * that counts, of which the sinks may not have been told yet: they let that out first. `sinksPrepared` follows when
   * it will outlive a crash, `prepareFailed` when it will not: once all sinks have answered.
   */
  prepare(checkpoint: number, counted: number): void;
  /** The checkpoint is recorded: sinks let out what belongs to it and to all before, sources acknowledge. */
  commit(checkpoint: number): void;
  /**
   * Everything goes back to a checkpoint, or to the start (0): sources and sinks to these positions; sinks let out
   * what belongs to it and forget the rest. `endsRestored` follows. What was asked for before is void.
   */
  restore(checkpoint: number, positions: ReadonlyMap<string, Buffer>): void;
  /** These workers have left the cluster. */
  workersLeft(names: readonly string[]): void;
}
