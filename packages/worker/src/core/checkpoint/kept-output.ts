import type { OutputPort } from '../ports.js';

export interface OutputBatch {
  readonly bytes: Buffer;
  /** Where each message ends, if the sink is told so. */
  readonly ends: readonly number[];
}

/** What a restore of a checkpoint has to let out. */
export interface SavedOutput extends OutputBatch {
  /** So many of the first bytes belong to this checkpoint or to older ones: they may have been let out before. */
  readonly former: number;
  readonly formerBytes: number;
}

export interface KeptOutputHost {
  /** Output is held until the checkpoint it belongs to counts. */
  readonly holds: boolean;
  /** Bytes that the sink has not handed on. */
  unsent(): number;
  /** A planted bug: what belongs to an older checkpoint than the one that counts is not let out. */
  readonly onlyThat: boolean;
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
 * computed again. How far it has been handed on outlives the process, too: what was on its way when that died goes out
 * again, and nothing older.
 */
export class KeptOutput implements OutputPort {
  /** Held back. */
  private batches: OutputBatch[] = [];
  private parts: Part[] = [];
  /** Let out, the newest last; of older ones nothing is unsent. */
  private sending: OutputBatch[] = [];
  /** The newest checkpoint whose output is, or was, in the hands of this process. */
  private letOut = 0;
  /** Bytes that are held back. */
  heldBytes = 0;
  /** Of what was let out, something has to be handed on yet. */
  private handingOn = false;

  constructor(
    private readonly port: OutputPort,
    private readonly host: KeptOutputHost,
    /** The newest checkpoint whose output has been handed on, with that of all before it. */
    public handedOn = 0,
  ) {}

  get holds(): boolean {
    return this.host.holds;
  }

  /** The sink has handed on something. @returns true when that is all that was let out, which is worth keeping */
  settle(): boolean {
    if (!this.handingOn || this.host.unsent() > 0) return false;
    this.handingOn = false;
    this.handedOn = this.letOut;
    return true;
  }

  write(bytes: Buffer, ends: readonly number[]): boolean {
    if (this.host.holds) {
      this.batches.push({ bytes: Buffer.from(bytes), ends: [...ends] });
      this.heldBytes += bytes.length;
      return true;
    }
    const done = this.port.write(bytes, ends);
    if (this.host.unsent() > 0) {
      this.sending.push({ bytes: Buffer.from(bytes), ends: [...ends] });
      this.forgetSent();
    }
    return done;
  }

  /** What has come since the last cut belongs to this checkpoint. @returns what a restore would have to let out */
  cut(checkpoint: number): SavedOutput {
    const { batches, parts } = this;
    this.batches = [];
    if (this.host.holds) this.parts = [...parts, { checkpoint, batches }];
    else this.letOut = checkpoint;
    this.forgetSent();
    // What belongs to a checkpoint that never counted, or does not yet, has to be on disk with this one.
    const waiting = parts.filter((part) => part.batches.length > 0);
    const former = [...this.sending, ...waiting.flatMap((part) => part.batches)];
    return {
      ...joined([...former, ...batches]),
      former: waiting.at(-1)?.checkpoint ?? this.letOut,
      formerBytes: this.host.holds ? bytesOf(former) : 0,
    };
  }

  commit(checkpoint: number): void {
    const { onlyThat } = this.host;
    const due = this.parts.filter((part) =>
      onlyThat ? part.checkpoint === checkpoint : part.checkpoint <= checkpoint,
    );
    this.parts = this.parts.filter((part) => part.checkpoint > checkpoint);
    for (const part of due) {
      this.letOut = part.checkpoint;
      for (const batch of part.batches) this.hand(batch);
    }
    this.countHeld();
  }

  /** Everything goes back to a checkpoint, to which this belongs: unless this process has let it out, it goes now. */
  restore(checkpoint: number, saved: SavedOutput): void {
    this.batches = [];
    // Some of what is on disk with it may have been let out since: this process knows better.
    if (this.parts.some((part) => part.checkpoint === checkpoint)) this.commit(checkpoint);
    this.parts = [];
    this.countHeld();
    if (checkpoint <= this.letOut) return;
    this.letOut = checkpoint;
    if (this.handedOn >= checkpoint) return;
    const batch = this.handedOn >= saved.former ? without(saved, saved.formerBytes) : saved;
    if (batch.bytes.length > 0) this.hand(batch);
  }

  /** The end is clean: nothing is ever computed again. */
  release(): void {
    this.commit(Infinity);
    for (const batch of this.batches) this.hand(batch);
    this.batches = [];
  }

  private countHeld(): void {
    this.heldBytes = bytesOf([...this.parts.flatMap((part) => part.batches), ...this.batches]);
  }

  private hand(batch: OutputBatch): void {
    if (this.host.holds) this.handingOn = true;
    this.sending.push(batch);
    this.port.write(batch.bytes, batch.ends);
    this.forgetSent();
  }

  private forgetSent(): void {
    let left = this.host.unsent();
    let first = this.sending.length;
    while (first > 0 && left > 0) left -= this.sending[--first]!.bytes.length;
    if (first > 0) this.sending = this.sending.slice(first);
  }
}

function bytesOf(batches: readonly OutputBatch[]): number {
  return batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** What follows the first bytes. */
function without({ bytes, ends }: OutputBatch, first: number): OutputBatch {
  return {
    bytes: bytes.subarray(first),
    ends: ends.filter((end) => end > first).map((end) => end - first),
  };
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
