/** Times of the protocols between workers, in milliseconds. */
export interface Timing {
  /** The core is called so often. */
  readonly tickMs: number;
  /** A link that has nothing to send shows so often that it lives. */
  readonly heartbeatMs: number;
  /** A peer that is not heard for so long is taken for unreachable, and its connections are made anew. */
  readonly silenceMs: number;
  /** Pause before a connection is tried again; it doubles up to a second. */
  readonly retryMs: number;
  /** How long a worker waits for its cluster to form before it gives up; 0: for ever. */
  readonly startMs: number;
  /** How long joiners wait for the others of their round. */
  readonly joinMs: number;
}

export const defaultTiming: Timing = {
  tickMs: 50,
  heartbeatMs: 500,
  silenceMs: 3000,
  retryMs: 100,
  startMs: 300_000,
  joinMs: 60_000,
};
