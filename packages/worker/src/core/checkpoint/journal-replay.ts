import type { Operations } from '../operations.js';
import type { LogFiles } from '../ports.js';
import {
  checkedSum,
  checkHead,
  DamagedLogError,
  ForeignLogError,
  logHeadBytesMax,
  LogDiskError,
  logHeads,
  recordHeaderBytes,
  recordKind,
  recordLength,
  RecordReader,
  seeds,
  type LogOwner,
  type LogPlace,
} from './log-records.js';
import { nextFile } from './log-writer.js';

const pieceBytes = 1024 * 1024;
/** More than ever waits for the disk at once. */
const unsyncedBytesMax = 16 * 1024 * 1024;

export interface ReplayHost {
  readonly files: LogFiles;
  readonly operations: Operations;
  /** A file that is not followed by another one has less. */
  readonly fileBytes: number;
  owner(): LogOwner;
  /** The content of a record of messages, and what is behind it. */
  record(behind: LogPlace, bytes: Buffer, start: number, end: number): void;
  /** Pieces have come, or may be asked for. */
  wake(): void;
  /** What was written by a former life cannot be brought to the disk: to be asked to read on again later. */
  unsynced(why: string): void;
  /** All is read. `torn`: bytes behind the end, of what was being written when the power went. */
  ended(end: LogPlace, torn: number): void;
  damaged(file: number, error: DamagedLogError): void;
}

/** How far a journal goes, over all its files: a file is known by the bytes that all before it have. */
export function journalBytes({ file, offset }: LogPlace): number {
  return file + offset;
}

/**
 * Reads a journal from a place to its end, piece by piece, as it is asked to.
 *
 * A process may have died, and with it the system, while records were on their way to the disk: any of them may be
 * missing, and others behind it be there. Each record says up to where the journal was on disk when it was written.
 * So what is no record is damage if a record behind it says that it was there, and an end otherwise.
 *
 * What a former life has written may be in the memory of the system only: it goes to the disk before it is processed.
 */
export class JournalReplay {
  private reader: RecordReader;
  private reading = true;
  private cancelled = false;
  /** All that stands in this file is on the disk. */
  private synced: number | undefined;

  constructor(
    private readonly host: ReplayHost,
    from: LogPlace,
    /** Where it ends, if this process has written all that follows; otherwise where the files end. */
    private readonly until: LogPlace | undefined,
  ) {
    this.reader = this.readerFrom(from);
    if (from.offset > 0) this.checkBefore(from);
    else this.begin();
  }

  /** Behind the last record that was read. */
  get place(): LogPlace {
    return this.reader.place;
  }

  /** Asks for the next piece, unless one is on its way. */
  readOn(): void {
    if (this.reading) return;
    const { reader, until } = this;
    const { file } = reader.place;
    const limit = until?.file === file ? until.offset - reader.wanted : Infinity;
    if (limit <= 0) {
      this.reading = true;
      return this.host.ended(reader.place, 0);
    }
    this.reading = true;
    if (this.synced !== file) return this.sync(file);
    this.read(file, reader.wanted, Math.min(pieceBytes, limit), (piece) => {
      this.reading = false;
      this.took(piece);
    });
  }

  /** Nothing more comes of it. */
  cancel(): void {
    this.cancelled = true;
  }

  private begin(): void {
    this.reading = false;
    this.host.wake();
  }

  /** What stands before a place has been on disk; if it is not there, neither is what followed it. */
  private checkBefore({ file, offset }: LogPlace): void {
    this.read(file, offset - 1, 1, (last) => {
      if (last.length === 0) {
        const why = `the file ends before, and must have ${offset} bytes`;
        return this.host.damaged(file, new DamagedLogError(offset, why));
      }
      this.read(file, 0, Math.min(offset, logHeadBytesMax), (start) => {
        try {
          const reader = this.readerFrom({ file, offset: 0, sum: 0 });
          reader.push(start.subarray(0, recordLength(start, 0)));
          if (reader.place.offset === 0) throw new DamagedLogError(0, 'there is no record');
          this.begin();
        } catch (error) {
          if (!(error instanceof DamagedLogError)) throw error;
          this.host.damaged(file, error);
        }
      });
    });
  }

  private sync(file: number): void {
    const { host } = this;
    const done = () => {
      if (this.cancelled) return;
      this.synced = file;
      this.begin();
    };
    const failed = (why: string) => {
      if (this.cancelled) return;
      this.reading = false;
      host.unsynced(why);
    };
    host.files.sync(host.operations.begin(done, failed), 'journal', file);
  }

  private took(piece: Buffer): void {
    const { reader, host } = this;
    try {
      reader.push(piece);
    } catch (error) {
      if (!(error instanceof DamagedLogError)) throw error;
      return this.failed(error);
    }
    if (piece.length > 0) return host.wake();
    const { place, incomplete } = reader;
    if (incomplete > 0)
      return this.failed(new DamagedLogError(place.offset, 'the file ends within a record'));
    if (place.offset < host.fileBytes) return this.endsHere(place);
    this.reader = this.readerFrom(nextFile(place));
    host.wake();
  }

  private failed(error: DamagedLogError): void {
    const { place } = this.reader;
    this.reading = true;
    if (error instanceof ForeignLogError || this.until !== undefined)
      return this.host.damaged(place.file, error);
    this.endsHere(place, error);
  }

  /** No record stands at this place: has one ever been on disk? Whatever stands behind it may know. */
  private endsHere(place: LogPlace, error?: DamagedLogError): void {
    const { host } = this;
    this.reading = true;
    let torn = 0;
    const lookBehind = (at: LogPlace): void =>
      this.read(at.file, at.offset, unsyncedBytesMax, (rest) => {
        const synced = rest.length === unsyncedBytesMax ? Infinity : syncedBy(rest, at);
        if (synced > journalBytes(place)) {
          const missing = new DamagedLogError(
            place.offset,
            'the journal ends here, and bytes behind are missing',
          );
          return host.damaged(place.file, error ?? missing);
        }
        if (at === place) torn = rest.length;
        else if (rest.length === 0) return host.ended(place, torn);
        lookBehind(nextFile({ ...at, offset: at.offset + rest.length }));
      });
    lookBehind(place);
  }

  private readerFrom(place: LogPlace): RecordReader {
    const reader: RecordReader = new RecordReader(place, seeds.journal, (kind, bytes, start, end) => {
      if (kind === recordKind.input) return this.host.record(reader.place, bytes, start, end);
      if (kind !== recordKind.head) throw new ForeignLogError(`a record of kind ${kind}`);
      checkHead(logHeads.decode(bytes, start, end), place.file, this.host.owner());
    });
    return reader;
  }

  private read(file: number, offset: number, length: number, then: (bytes: Buffer) => void): void {
    const { files, operations } = this.host;
    const read = (bytes: Buffer) => {
      if (!this.cancelled) then(bytes);
    };
    const failed = (why: string) => {
      if (!this.cancelled) this.host.damaged(file, new LogDiskError(offset, why));
    };
    files.read(
      operations.begin(() => undefined, failed, read),
      'journal',
      file,
      offset,
      length,
    );
  }
}

/** Up to where the journal was on disk, by the records among these bytes; 0 when there is none. */
function syncedBy(bytes: Buffer, { file, offset }: LogPlace): number {
  let synced = 0;
  for (let at = 0; at + recordHeaderBytes + 8 <= bytes.length;) {
    const length = bytes[at + 8] === recordKind.input ? recordLength(bytes, at) : undefined;
    const seed = seeds.journal({ file, offset: offset + at, sum: 0 });
    const whole = length !== undefined && at + length <= bytes.length;
    if (whole && checkedSum(bytes, at, length, seed) !== undefined) {
      synced = Math.max(synced, Number(bytes.readBigUInt64BE(at + recordHeaderBytes)));
      at += length;
    } else at++;
  }
  return synced;
}
