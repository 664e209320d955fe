import type { LogFiles, LogKind } from '../ports.js';
import {
  logHeads,
  logStart,
  logVersion,
  makeRecord,
  recordKind,
  sealRecord,
  seeds,
  type LogOwner,
  type LogPlace,
  type RecordKind,
} from './log-records.js';

/** Appends records to the files of one kind. A file is known by the bytes that all before it have. */
export class LogWriter {
  private end: LogPlace = logStart;
  /** What the file goes on from that begins next. */
  private base: LogPlace = logStart;

  constructor(
    private readonly files: LogFiles,
    private readonly kind: LogKind,
    private readonly owner: () => LogOwner,
  ) {}

  /** Behind the last record. */
  get place(): LogPlace {
    return this.end;
  }

  /** Goes on behind this place. */
  continueAt(end: LogPlace): void {
    this.end = end;
    this.base = logStart;
  }

  /** What follows goes into another file. @param base what that file goes on from */
  nextFile(base = logStart): void {
    this.end = nextFile(this.end);
    this.base = base;
  }

  /** Takes over a record with room for its header in front. */
  append(kind: RecordKind, record: Buffer): void {
    if (this.end.offset === 0) {
      const { file } = this.end;
      const { base } = this;
      const head = logHeads.encode({ type: 'logHead', version: logVersion, ...this.owner(), file, base });
      this.write(recordKind.head, makeRecord(head));
    }
    this.write(kind, record);
  }

  private write(kind: RecordKind, record: Buffer): void {
    const { file, offset } = this.end;
    const sum = sealRecord(record, kind, seeds[this.kind](this.end));
    this.end = { file, offset: offset + record.length, sum };
    this.files.append(this.kind, file, record);
  }
}

/** Where the file behind this one begins. */
export function nextFile({ file, offset }: LogPlace): LogPlace {
  return { file: file + Math.max(offset, 1), offset: 0, sum: 0 };
}
