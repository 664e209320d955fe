import { InvalidMessageError, ShortInputError } from '@wallaroo/protocol';
import {
  DamagedLogError,
  LogDiskError,
  logStart,
  RecordReader,
  seeds,
  type LogPlace,
} from '../checkpoint/log-records.js';
import { InvalidBatchError } from '../codec/message-decoder.js';
import type { Operations } from '../operations.js';
import type { LogFiles } from '../ports.js';

/** Read at once: a few milliseconds of work. */
const pieceBytes = 512 * 1024;
/** The disk reads ahead of what is being taken over by so many pieces. */
const piecesAhead = 4;

export interface LogReadingHost {
  readonly files: LogFiles;
  readonly operations: Operations;
  /** The content of a record. */
  record(kind: number, bytes: Buffer, start: number, end: number): void;
  done(): void;
  damaged(file: number, error: DamagedLogError): void;
}

/** Reads a file of an event log from its start up to a place, whose checksum vouches for all of it. */
export class LogReading {
  private readonly reader: RecordReader;
  /** Up to where the disk has been asked. */
  private asked = 0;
  private cancelled = false;

  constructor(
    private readonly host: LogReadingHost,
    private readonly end: LogPlace,
    /** What it is if the checksum at the place is another. */
    private readonly otherwise: string,
  ) {
    this.reader = new RecordReader({ ...logStart, file: end.file }, seeds.events, (...record) =>
      host.record(...record),
    );
    for (let piece = 0; piece < piecesAhead; piece++) this.readOn();
  }

  /** Behind the last whole record. */
  get place(): LogPlace {
    return this.reader.place;
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
    const failed = (why: string) => this.damaged(new LogDiskError(asked, why));
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
      if (this.cancelled) return;
      if (piece.length < wanted) {
        throw new DamagedLogError(reader.wanted, `the file ends here, and must have ${end.offset} bytes`);
      }
      this.readOn();
      if (reader.wanted < end.offset) return;
      const { offset, sum } = reader.place;
      if (sum !== end.sum || reader.incomplete > 0) throw new DamagedLogError(offset, this.otherwise);
      this.host.done();
    } catch (error) {
      if (!(error instanceof DamagedLogError) && !isDecoding(error)) throw error;
      const damage =
        error instanceof DamagedLogError ? error : new DamagedLogError(reader.place.offset, String(error));
      this.damaged(damage);
    }
  }

  private damaged(error: DamagedLogError): void {
    if (this.cancelled) return;
    this.cancel();
    this.host.damaged(this.end.file, error);
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
