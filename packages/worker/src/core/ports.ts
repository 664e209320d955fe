/** All that the core may ask of the world. Time, disk and network come in through these; nothing else does. */

export interface Clock {
  /** Nanoseconds since some fixed moment; never goes back. */
  now(): number;
}

export type Severity = 'emergency' | 'alert' | 'critical' | 'error' | 'warning' | 'notice' | 'info' | 'debug';

export interface Log {
  write(severity: Severity, category: string, text: string): void;
}

/** Where the encoded output of one sink goes. */
export interface OutputPort {
  /**
   * Takes over a batch of whole messages.
   * @returns true when the port is done with `bytes`, which may then be overwritten
   */
  write(bytes: Buffer, ends: readonly number[]): boolean;
}
