import { InvalidMessageError, ShortInputError } from '@wallaroo/protocol';
import type { OutputBatch } from '../checkpoint/kept-output.js';
import {
  checkHead,
  DamagedLogError,
  logBatches,
  logCuts,
  logHeads,
  logOutputs,
  recordKind,
  RecordReader,
  seeds,
  type LogCut,
  type LogOwner,
  type LogPlace,
} from '../checkpoint/log-records.js';
import { InvalidBatchError } from '../codec/message-decoder.js';
import { frameKind } from '../link/frame.js';
import type { HeldFrame } from '../link/receiver.js';
import type { Operations } from '../operations.js';
import type { LogFiles } from '../ports.js';

/** Read at once: a few milliseconds of work. */
const pieceBytes = 512 * 1024;
/** The disk reads ahead of what is being taken over by so many pieces. */
const piecesAhead = 4;

export interface RestoreHost {
  readonly files: LogFiles;
  readonly operations: Operations;
  owner(): LogOwner;
  /** Takes over the entries of a record, where this worker is to have them; says how many there were. */
  states(bytes: Buffer, start: number, end: number): number;
  done(restored: Restored): void;
  damaged(file: number, error: DamagedLogError): void;
}

/** What a worker had when a checkpoint was cut, but for its state. */
export interface Restored {
  readonly positions: LogCut['positions'];
  readonly journal: LogPlace;
  /** What was on its way from each member. */
  readonly inFlight: ReadonlyMap<string, readonly HeldFrame[]>;
  readonly outputs: ReadonlyMap<string, OutputBatch>;
  readonly entries: number;
}

/** Reads a worker's part of a checkpoint from its event log, up to the place that the control log names. */
export class Restore {
  private readonly reader: RecordReader;
  private cut: LogCut | undefined;
  private readonly inFlight = new Map<string, HeldFrame[]>();
  private readonly outputs = new Map<string, OutputBatch>();
  private entries = 0;
  /** Up to where the disk has been asked. */
  private asked = 0;
  private cancelled = false;

  constructor(
    private readonly host: RestoreHost,
    private readonly checkpoint: number,
    private readonly end: LogPlace,
  ) {
    this.reader = new RecordReader({ file: end.file, offset: 0, sum: 0 }, seeds.events, (...record) =>
      this.take(...record),
    );
    for (let piece = 0; piece < piecesAhead; piece++) this.readOn();
  }

  /** Nothing more comes of it. */
  cancel(): void {
    this.cancelled = true;
  }

  private readOn(): void {
    const { asked, end } = this;
    const length = Math.min(pieceBytes, end.offset - asked);
    if (length === 0 && asked > 0) return;
    this.asked = asked + length;
    const { files, operations } = this.host;
    const failed = (why: string) => this.damaged(new DamagedLogError(asked, why));
    const read = (bytes: Buffer) => {
      if (!this.cancelled) this.took(bytes, length);
    };
    const operation = operations.begin(() => undefined, failed, read);
    files.read(operation, 'events', end.file, asked, length);
  }

  private took(piece: Buffer, wanted: number): void {
    const { reader, end } = this;
    try {
      reader.push(piece);
      if (piece.length < wanted) {
        throw new DamagedLogError(reader.wanted, `the file ends here, and must have ${end.offset} bytes`);
      }
      this.readOn();
      if (reader.wanted < end.offset) return;
      const { cut } = this;
      if (reader.place.sum !== end.sum || reader.incomplete > 0 || cut?.checkpoint !== this.checkpoint) {
        throw new DamagedLogError(
          reader.place.offset,
          `the log is not the one of checkpoint ${this.checkpoint}`,
        );
      }
      this.finish(cut);
    } catch (error) {
      if (!(error instanceof DamagedLogError) && !isDecoding(error)) throw error;
      const damage =
        error instanceof DamagedLogError ? error : new DamagedLogError(reader.place.offset, String(error));
      this.damaged(damage);
    }
  }

  private finish({ positions, journal }: LogCut): void {
    const { files, operations } = this.host;
    const { inFlight, outputs, entries, end } = this;
    const done = () => {
      if (!this.cancelled) this.host.done({ positions, journal, inFlight, outputs, entries });
    };
    const failed = (why: string) => this.damaged(new DamagedLogError(end.offset, why));
    // What stands behind it never counted.
    files.cutOff(operations.begin(done, failed), 'events', end.file, end.offset);
  }

  private damaged(error: DamagedLogError): void {
    if (this.cancelled) return;
    this.cancel();
    this.host.damaged(this.end.file, error);
  }

  private take(kind: number, bytes: Buffer, start: number, end: number): void {
    switch (kind) {
      case recordKind.head: {
        return checkHead(logHeads.decode(bytes, start, end), this.end.file, this.host.owner());
      }
      case recordKind.cut:
        this.cut = logCuts.decode(bytes, start, end);
        this.inFlight.clear();
        this.outputs.clear();
        return;
      case recordKind.states:
        this.entries += this.host.states(bytes, start, end);
        return;
      case recordKind.inFlight: {
        const { from, batch } = logBatches.decode(bytes, start, end);
        const frame = { kind: frameKind.batch, route: 0, bytes: batch };
        const known = this.inFlight.get(from);
        if (known === undefined) this.inFlight.set(from, [frame]);
        else known.push(frame);
        return;
      }
      case recordKind.output: {
        const { sink, ...output } = logOutputs.decode(bytes, start, end);
        this.outputs.set(sink, output);
        return;
      }
      default:
        throw new DamagedLogError(this.reader.place.offset, `a record of kind ${kind}`);
    }
  }
}

/** Bytes whose checksum fits, and that say nothing we know. */
function isDecoding(error: unknown): boolean {
  return (
    error instanceof InvalidMessageError ||
    error instanceof ShortInputError ||
    error instanceof InvalidBatchError
  );
}
