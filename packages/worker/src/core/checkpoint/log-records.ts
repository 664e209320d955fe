import {
  crc32,
  fieldBytes,
  fieldList,
  fieldStruct,
  fieldText,
  fieldU16,
  fieldU32,
  fieldU53,
  messageTable,
  type ByteWriter,
  type MessageOf,
} from '@wallaroo/protocol';
import type { LogKind } from '../ports.js';

/**
 * The records of an event log:
 *
 *     file    = records, one after the other
 *     record  = u32 length of what follows, u32 checksum, u8 kind, content
 *
 * The checksum is the CRC-32 of a seed, kind and content. In an event log the seed is the checksum before it (0 at
 * first): so that of the last record vouches for the whole file up to there, and a record of another file, or of a
 * former end of this one, shows. In a journal it is the place of the record, so that each can be read by itself.
 */
export const recordKind = {
  /** Whose file it is: a `logHead`. */
  head: 1,
  /** A checkpoint begins: a `logCut`. Messages on links that stand before it belong to a former one. */
  cut: 2,
  /** State of keys: u16 stage, key, state, again and again. */
  states: 3,
  /** A batch that was on its way when the checkpoint was cut: a `logBatch`. */
  inFlight: 4,
  /** What a sink has to hand on when everything goes back to the checkpoint: a `logOutput`. */
  output: 5,
  /**
   * Messages as they were read: u64 up to where the journal was on disk before, text32 the source, then runs: u53 number
   * of whoever sent them (0: nobody in particular), u32 length of what follows, then u32 length and bytes of each
   * message. In journals only.
   */
  input: 6,
} as const;

export type RecordKind = (typeof recordKind)[keyof typeof recordKind];

export const recordHeaderBytes = 9;
/** No record of ours is longer; one that says so is damaged. */
export const recordBytesMax = 256 * 1024 * 1024;
export const logVersion = 5;
/** More than the first record of a file, its `logHead`, can have. */
export const logHeadBytesMax = 4096;

/** Between two records of a file, with what the checksum of the next one begins with. */
export const logPlaceField = fieldStruct({ file: fieldU53, offset: fieldU53, sum: fieldU32 });

export const logHeads = messageTable({
  logHead: {
    tag: 1,
    fields: {
      version: fieldU16,
      cluster: fieldText,
      application: fieldText,
      worker: fieldText,
      /** Which of the files of the log it is. */
      file: fieldU53,
      /** An event log: up to where a file before it has the state of all keys that are not in this one; at 0: nowhere. */
      base: logPlaceField,
    },
  },
});

export const logCuts = messageTable({
  logCut: {
    tag: 1,
    fields: {
      checkpoint: fieldU53,
      /** Where each source stood. */
      positions: fieldList(fieldStruct({ source: fieldText, position: fieldBytes })),
      /** Where what the journal has for the sources, and was not processed yet, begins. */
      journal: logPlaceField,
    },
  },
});

export const logBatches = messageTable({
  logBatch: { tag: 1, fields: { from: fieldText, batch: fieldBytes } },
});

export const logOutputs = messageTable({
  logOutput: {
    tag: 1,
    /** `ends`: where each message ends in `bytes`, of sinks that are told so. `former`: see `SavedOutput`. */
    fields: {
      sink: fieldText,
      bytes: fieldBytes,
      ends: fieldList(fieldU32),
      former: fieldU53,
      formerBytes: fieldU32,
    },
  },
});

export type LogHead = MessageOf<typeof logHeads>;
export type LogCut = MessageOf<typeof logCuts>;

export const logPartFields = { file: fieldU53, offset: fieldU53, sum: fieldU32, journal: fieldU53 } as const;

export interface LogPlace {
  readonly file: number;
  readonly offset: number;
  readonly sum: number;
}

/** What a worker has on disk of a checkpoint: its event log up to a place. */
export interface LogPart extends LogPlace {
  /** The file of its journal in which begins what was not processed yet. */
  readonly journal: number;
}

export const logStart: LogPlace = { file: 0, offset: 0, sum: 0 };

/** Bytes that are no record, or not the one that must stand there. */
export class DamagedLogError extends Error {
  override readonly name: string = 'DamagedLogError';

  constructor(
    /** Of the record in its file. */
    readonly offset: number,
    why: string,
  ) {
    super(why);
  }
}

/** Whose a file is. */
export interface LogOwner {
  readonly cluster: string;
  readonly application: string;
  readonly worker: string;
}

/** @throws ForeignLogError when a file is not this worker's, or not the one that must stand here */
export function checkHead(head: LogHead, file: number, owner: LogOwner): void {
  const { version, cluster, worker } = head;
  if (version !== logVersion) throw new ForeignLogError(`it is of version ${version}`);
  if (cluster !== owner.cluster || worker !== owner.worker) {
    const where = cluster === owner.cluster ? 'this cluster' : 'another cluster';
    throw new ForeignLogError(`it belongs to the worker ${worker} of ${where}`);
  }
  if (head.file !== file) throw new ForeignLogError(`it is the file ${head.file} of this log`);
}

/** The disk has failed: what stands there is not known. */
export class LogDiskError extends DamagedLogError {
  override readonly name = 'LogDiskError';
}

/** Whole records, of another file. */
export class ForeignLogError extends DamagedLogError {
  override readonly name = 'ForeignLogError';

  constructor(why: string) {
    super(0, why);
  }
}

/** Completes a record whose content stands behind room for its header. @returns the checksum */
export function sealRecord(record: Buffer, kind: RecordKind, seed: number): number {
  record.writeUInt32BE(record.length - 4, 0);
  record.writeUInt32BE(seed, 4);
  record[8] = kind;
  const sum = crc32(record, 4);
  record.writeUInt32BE(sum, 4);
  return sum;
}

/** A record with a content of its own. */
export function makeRecord(content: Buffer): Buffer {
  const record = Buffer.allocUnsafeSlow(recordHeaderBytes + content.length);
  content.copy(record, recordHeaderBytes);
  return record;
}

/** Leaves room for the header of a record at the start of an empty writer. */
export function beginRecord(out: ByteWriter): void {
  out.reserve(recordHeaderBytes);
  out.length = recordHeaderBytes;
}

/** Takes the record that was gathered out of the writer; none when nothing stands behind its header. */
export function takeRecord(out: ByteWriter): Buffer | undefined {
  const { length } = out;
  out.length = 0;
  if (length <= recordHeaderBytes) return undefined;
  const record = Buffer.allocUnsafeSlow(length);
  out.buffer.copy(record, 0, 0, length);
  return record;
}

/** What the checksum of a record begins with, by what stands before it. */
export type Seed = (place: LogPlace) => number;

export const seeds = {
  events: ({ sum }: LogPlace) => sum,
  journal: ({ file, offset }: LogPlace) => (file + offset) % 0x1_0000_0000,
} as const satisfies Record<LogKind, Seed>;

/** Reads the records of a file piece by piece. */
export class RecordReader {
  private here: LogPlace;
  private rest: Buffer = nothing;

  constructor(
    start: LogPlace,
    private readonly seed: Seed,
    private readonly onRecord: (kind: number, bytes: Buffer, start: number, end: number) => void,
  ) {
    this.here = start;
  }

  /** Behind the last whole record. */
  get place(): LogPlace {
    return this.here;
  }

  /** Where the next piece begins. */
  get wanted(): number {
    return this.here.offset + this.rest.length;
  }

  /** Bytes of a record that has begun and not ended. */
  get incomplete(): number {
    return this.rest.length;
  }

  /** Takes over a piece. @throws DamagedLogError, and what the receiver of the records throws */
  push(piece: Buffer): void {
    const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, piece]) : piece;
    let at = 0;
    while (bytes.length - at >= recordHeaderBytes) {
      const { file, offset } = this.here;
      const length = recordLength(bytes, at);
      if (length === undefined) throw new DamagedLogError(offset, 'there is no record');
      if (bytes.length - at < length) break;
      const sum = checkedSum(bytes, at, length, this.seed(this.here));
      if (sum === undefined)
        throw new DamagedLogError(offset, 'the checksum of a record does not fit its bytes');
      this.here = { file, offset: offset + length, sum };
      this.onRecord(bytes[at + 8]!, bytes, at + recordHeaderBytes, at + length);
      at += length;
    }
    this.rest = at === bytes.length ? nothing : Buffer.from(bytes.subarray(at));
  }
}

/** The head of an event log, by its first bytes; undefined when they are none: whoever reads the file says so. */
export function headIn(start: Buffer, file: number): LogHead | undefined {
  const length = start.length < recordHeaderBytes ? undefined : recordLength(start, 0);
  if (length === undefined || length > start.length) return undefined;
  let head: LogHead | undefined;
  const reader = new RecordReader({ ...logStart, file }, seeds.events, (kind, bytes, from, to) => {
    if (kind === recordKind.head) head = logHeads.decode(bytes, from, to);
  });
  try {
    reader.push(Buffer.from(start.subarray(0, length)));
  } catch {
    return undefined;
  }
  return head;
}

/** Of a whole record, if there may be one. */
export function recordLength(bytes: Buffer, at: number): number | undefined {
  const length = bytes.readUInt32BE(at) + 4;
  return length < recordHeaderBytes || length > recordBytesMax ? undefined : length;
}

/** The checksum of a record; undefined when it does not fit. */
export function checkedSum(bytes: Buffer, at: number, length: number, seed: number): number | undefined {
  const sum = bytes.readUInt32BE(at + 4);
  bytes.writeUInt32BE(seed, at + 4);
  const fits = crc32(bytes, at + 4, at + length) === sum;
  bytes.writeUInt32BE(sum, at + 4);
  return fits ? sum : undefined;
}

const nothing = Buffer.alloc(0);
