import type { OutputPort } from '../ports.js';

export interface OutputBatch {
  readonly bytes: Buffer;
  /** Where each message ends, if the sink is told so. */
  readonly ends: readonly number[];
}

/** What has come since the checkpoint before, and waits for this one, or a later one, to count. */
interface Part {
  readonly checkpoint: number;
  readonly batches: readonly OutputBatch[];
}

/**
 * Output of a sink that is not lost with the worker: what the sink has not handed on when a checkpoint is cut is on
 * disk with it, and is handed on after a crash.
 *
 * If it is held, output is let out only when the checkpoint it belongs to counts: what was handed on is then never
 * computed again.
 */
export class KeptOutput implements OutputPort {
  /** Held back. */
  private batches: OutputBatch[] = [];
  private parts: Part[] = [];
  /** Let out, the newest last; of older ones nothing is unsent. */
  private sending: OutputBatch[] = [];
  /** The newest checkpoint whose output is, or was, in the hands of this process. */
  private letOut = 0;

  constructor(
    private readonly port: OutputPort,
    private readonly holds: boolean,
    /** Bytes that the sink has not handed on. */
    private readonly unsent: () => number,
  ) {}

  write(bytes: Buffer, ends: readonly number[]): boolean {
    if (this.holds) {
      this.batches.push({ bytes: Buffer.from(bytes), ends: [...ends] });
      return true;
    }
    const done = this.port.write(bytes, ends);
    if (this.unsent() > 0) {
      this.sending.push({ bytes: Buffer.from(bytes), ends: [...ends] });
      this.forgetSent();
    }
    return done;
  }

  /** What has come since the last cut belongs to this checkpoint. @returns what a restore would have to let out */
  cut(checkpoint: number): OutputBatch {
    const { batches, parts } = this;
    this.batches = [];
    if (this.holds) this.parts = [...parts, { checkpoint, batches }];
    else this.letOut = checkpoint;
    this.forgetSent();
    // What belongs to a checkpoint that never counted, or does not yet, has to be on disk with this one.
    return joined([...this.sending, ...parts.flatMap((part) => part.batches), ...batches]);
  }

  commit(checkpoint: number): void {
    const due = this.parts.filter((part) => part.checkpoint <= checkpoint);
    this.parts = this.parts.filter((part) => part.checkpoint > checkpoint);
    for (const part of due) {
      this.letOut = part.checkpoint;
      for (const batch of part.batches) this.hand(batch);
    }
  }

  /** Everything goes back to a checkpoint, to which this belongs: unless this process has let it out, it goes now. */
  restore(checkpoint: number, batch: OutputBatch): void {
    this.batches = [];
    // Some of what is on disk with it may have been let out since: this process knows better.
    if (this.parts.some((part) => part.checkpoint === checkpoint)) this.commit(checkpoint);
    this.parts = [];
    if (checkpoint <= this.letOut) return;
    this.letOut = checkpoint;
    if (batch.bytes.length > 0) this.hand(batch);
  }

  /** The end is clean: nothing is ever computed again. */
  release(): void {
    this.commit(Infinity);
    for (const batch of this.batches) this.hand(batch);
    this.batches = [];
  }

  private hand(batch: OutputBatch): void {
    this.sending.push(batch);
    this.port.write(batch.bytes, batch.ends);
    this.forgetSent();
  }

  private forgetSent(): void {
    let left = this.unsent();
    let first = this.sending.length;
    while (first > 0 && left > 0) left -= this.sending[--first]!.bytes.length;
    if (first > 0) this.sending = this.sending.slice(first);
  }
}

function joined(batches: readonly OutputBatch[]): OutputBatch {
  let length = 0;
  const ends: number[] = [];
  for (const batch of batches) {
    for (const end of batch.ends) ends.push(length + end);
    length += batch.bytes.length;
  }
  return { bytes: Buffer.concat(batches.map(({ bytes }) => bytes)), ends };
}
