import type { ReplayableStream, StreamRecord } from './replayable-stream.js';

/** Reads one replay, record by record, in a way that can be interrupted while it waits. */
export class RecordReader {
  private readonly stopping = new AbortController();
  private readonly records: AsyncIterator<StreamRecord>;
  private wake: ((nothing: undefined) => void) | undefined;

  constructor(stream: ReplayableStream, after: bigint | undefined) {
    this.records = stream.replay(after, this.stopping.signal)[Symbol.asyncIterator]();
  }

  get stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Undefined when the records are at their end, or when {@link stop} was called. Errors of the replay come through. */
  next(): Promise<StreamRecord | undefined> {
    // Not Promise.race: a promise that lives as long as the replay would keep a reaction for each record.
    return new Promise((resolve, reject) => {
      if (this.stopped) return resolve(undefined);
      this.wake = resolve;
      this.records
        .next()
        .then(({ done, value }) => resolve(done ? undefined : (value as StreamRecord)), reject);
    });
  }

  /** Ends a {@link next} that waits. What the replay does afterwards, nobody hears. */
  stop(): void {
    if (this.stopped) return;
    this.stopping.abort();
    this.wake?.(undefined);
    // A generator that waits for its next record returns after that only: no reason to wait for it.
    this.records.return?.()?.catch(() => undefined);
  }
}
