import { open } from 'node:fs/promises';
import { connectorMessageOverhead, connectorSourceFrameBytesMax } from '@wallaroo/protocol';
import { RecordCutShortError, RecordTooLongError } from '../errors.js';
import type { ReplayableStream, StreamRecord } from './replayable-stream.js';

export interface FileStreamOptions {
  /** The path when left out. */
  readonly name?: string;
  /** Taken from the name when left out. */
  readonly id?: bigint;
}

/** A record within a buffer, and where the one behind it begins. */
interface Found {
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

/** Undefined when the record is not complete. `isLast`: nothing comes behind these bytes. */
type Cut = (bytes: Buffer, at: number, isLast: boolean) => Found | undefined;

const chunkBytes = 65536;
const recordBytesMax = connectorSourceFrameBytesMax - connectorMessageOverhead;
const lineFeed = 0x0a;

/**
 * The lines of a file, without their line feeds; the last one may lack it. The id of a line is the position of
 * the byte behind its line feed. The file must not change while it is read, or between replays.
 * Replays throw errors of the file system, and RecordTooLongError beyond 16357 bytes.
 */
export function fileLines(path: string, options: FileStreamOptions = {}): ReplayableStream {
  return fileStream(path, options, cutLine);
}

/**
 * The records of a file in which a u32 length (big-endian) stands before each. A record is what follows the length;
 * its id is the position of the byte behind it. The file must not change while it is read, or between replays.
 * Replays throw errors of the file system, RecordTooLongError beyond 16357 bytes, RecordCutShortError.
 */
export function fileFrames(path: string, options: FileStreamOptions = {}): ReplayableStream {
  return fileStream(path, options, cutFrame);
}

function fileStream(path: string, { name = path, id }: FileStreamOptions, cut: Cut): ReplayableStream {
  return {
    name,
    ...(id !== undefined && { id }),
    replay: (after, signal) => records(path, Number(after ?? 0n), signal, cut),
  };
}

async function* records(
  path: string,
  start: number,
  signal: AbortSignal,
  cut: Cut,
): AsyncGenerator<StreamRecord, void> {
  const file = await open(path);
  try {
    /** What has been read and not cut, from byte `position` of the file on. */
    let held: Buffer = Buffer.alloc(0);
    let position = start;
    let isLast = false;
    while (!signal.aborted) {
      let at = 0;
      for (let found = cut(held, at, isLast); found !== undefined; found = cut(held, at, isLast)) {
        at = found.next;
        yield { id: BigInt(position + at), bytes: held.subarray(found.start, found.end) };
      }
      position += at;
      held = held.subarray(at);
      if (isLast && held.length > 0) throw new RecordCutShortError(path, position);
      if (isLast) return;
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, position + held.length);
      isLast = bytesRead === 0;
      held = Buffer.concat([held, chunk.subarray(0, bytesRead)]);
    }
  } finally {
    await file.close();
  }
}

function cutLine(bytes: Buffer, start: number, isLast: boolean): Found | undefined {
  const feed = bytes.indexOf(lineFeed, start);
  const end = feed < 0 ? bytes.length : feed;
  if (end - start > recordBytesMax) throw new RecordTooLongError(end - start, recordBytesMax);
  if (feed >= 0) return { start, end, next: end + 1 };
  return isLast && start < end ? { start, end, next: end } : undefined;
}

function cutFrame(bytes: Buffer, at: number): Found | undefined {
  if (bytes.length - at < 4) return undefined;
  const length = bytes.readUInt32BE(at);
  if (length > recordBytesMax) throw new RecordTooLongError(length, recordBytesMax);
  const start = at + 4;
  const end = start + length;
  return end <= bytes.length ? { start, end, next: end } : undefined;
}
