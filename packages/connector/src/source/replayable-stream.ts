/** One message on its way to a worker. */
export interface StreamRecord {
  /**
   * Its place in the stream: the point of reference from which a replay goes on behind it. Ids increase.
   * From 1 to 2^64 - 2; begin at 1 or later, since 0 stands for "before the first record".
   */
  readonly id: bigint;
  /** What the worker's decoder gets. A worker takes an empty one as "no data", and only notes the id. */
  readonly bytes: Uint8Array;
  /** As your decoder understands it; 0 when left out. Workers may ignore it. */
  readonly eventTime?: bigint;
  /** At most 65535 bytes; none when left out. Workers may ignore it. */
  readonly key?: Uint8Array;
}

/** A stream that can be read again from any of its records. */
export interface ReplayableStream {
  /** Known to the workers: a stream of the same name goes on where the one before it stopped. */
  readonly name: string;
  /** Taken from the name when left out. Never 0. */
  readonly id?: bigint;
  /**
   * The records behind `after`, in order; all of them when `after` is undefined. The end of the records is the
   * end of the stream. Called again after each connection that was lost. The signal says that nobody wants more
   * of this replay: stop waiting for records then.
   */
  replay(after: bigint | undefined, signal: AbortSignal): AsyncIterable<StreamRecord>;
}
