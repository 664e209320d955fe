import type { Address } from '@wallaroo/protocol';

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

/** What a worker keeps to find its cluster again. */
export interface ClusterFile {
  /** Opaque: what `readClusterFile` understands. */
  readonly topology: Buffer;
  /** The same facts for people and for older tools. */
  readonly workers: readonly string[];
  readonly addresses: readonly { readonly name: string; readonly control: Address; readonly data: Address }[];
  readonly control: Address;
  readonly data: Address;
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
}
