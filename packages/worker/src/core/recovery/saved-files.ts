import { InvalidMessageError } from '@wallaroo/protocol';
import type { LogKind } from '../ports.js';
import { ClusterFileError, readClusterFile, type ClusterFileContent } from '../membership/cluster-file.js';
import { ClusterLog } from '../membership/cluster-log.js';
import {
  checkedSum,
  checkHead,
  DamagedLogError,
  ForeignLogError,
  headIn,
  logHeads,
  logStart,
  recordHeaderBytes,
  recordKind,
  recordLength,
  RecordReader,
  seeds,
  type LogOwner,
} from '../checkpoint/log-records.js';

/** Who wants to use files. */
export interface FileUser {
  readonly name: string;
  readonly application: string;
  readonly fingerprint: string;
}

/** The start of a log, and how long it is; undefined when it is not there. */
export type LogStartOf = (
  kind: LogKind,
  file: number,
) => { readonly start: Buffer; readonly bytes: number } | undefined;

/** @throws ClusterFileError, InvalidMessageError when a topology is not for this worker */
export function readTopology(topology: Buffer, user: FileUser): ClusterFileContent {
  const content = readClusterFile(topology);
  if (content.name !== user.name) throw new ClusterFileError(`it belongs to the worker ${content.name}`);
  if (content.application !== user.application) {
    throw new ClusterFileError(`it belongs to the application '${content.application}'`);
  }
  if (content.fingerprint !== user.fingerprint) {
    throw new ClusterFileError(
      'it was written by another version of the application: its stages or slots differ',
    );
  }
  return content;
}

/**
 * Tells of logs which cannot be those of this worker, have lost what its checkpoint needs, or have lost a file or its
 * end in the middle, by their first records and lengths alone: all of their bytes are checked when they are read.
 * @param damaged called for the first one that is found
 */
export function checkLogs(
  { records, application, name: worker }: ClusterFileContent,
  logs: readonly { readonly kind: LogKind; readonly file: number }[],
  startOf: LogStartOf,
  damaged: (kind: LogKind, file: number, error: DamagedLogError) => void,
): void {
  const { cluster, checkpoint } = ClusterLog.returning(records, worker).state;
  const owner = { cluster, application, worker };
  const part = checkpoint?.parts.find(({ name }) => name === worker);
  for (const { kind, file } of logs) {
    const error = faultOf(kind, file, startOf(kind, file)?.start ?? nothing, owner);
    if (error instanceof ForeignLogError) return damaged(kind, file, error);
  }
  if (part !== undefined) {
    const { file, offset } = part;
    const log = startOf('events', file);
    if ((log?.bytes ?? 0) < offset) {
      const why = `the file ends here, and must have ${offset} bytes`;
      return damaged('events', file, new DamagedLogError(log?.bytes ?? 0, why));
    }
    // Another one that was only begun counts for nothing.
    const error = offset > 0 ? faultOf('events', file, log!.start, owner) : undefined;
    if (error !== undefined) return damaged('events', file, error);
    const base = offset > 0 ? headIn(log!.start, file)!.base : logStart;
    const bytes = startOf('events', base.file)?.bytes ?? 0;
    if (bytes < base.offset) {
      const why = `the file ends here, and must have ${base.offset} bytes`;
      return damaged('events', base.file, new DamagedLogError(bytes, why));
    }
  }
  const journal = logs.filter(({ kind }) => kind === 'journal').map(({ file }) => file);
  // Where it must begin, if there is any of it.
  const first = part?.journal ?? 0;
  if (!journal.includes(first)) journal.push(first);
  journal.sort((one, other) => one - other);
  const gap = gapIn(journal, (file) => startOf('journal', file));
  if (gap !== undefined) damaged('journal', gap.file, gap.error);
}

/** The first place where bytes of a journal are missing that were on disk, by what any later file knows. */
function gapIn(
  files: readonly number[],
  startOf: (file: number) => ReturnType<LogStartOf>,
): { readonly file: number; readonly error: DamagedLogError } | undefined {
  let gap: ReturnType<typeof gapIn>;
  let next = Infinity;
  let synced = 0;
  for (const file of files.toReversed()) {
    const { start, bytes } = startOf(file) ?? { start: nothing, bytes: 0 };
    if (file + bytes < Math.min(next, synced)) {
      const why = `the journal ends here, and goes on at ${next - file}: bytes between are missing`;
      gap = { file, error: new DamagedLogError(bytes, why) };
    }
    next = file;
    synced = Math.max(synced, syncedBefore(start));
  }
  return gap;
}

/** Up to where a journal was on disk when the first messages of this file were written; 0 if that cannot be told. */
function syncedBefore(start: Buffer): number {
  if (start.length < recordHeaderBytes) return 0;
  const at = recordLength(start, 0) ?? start.length;
  const known = start.length >= at + recordHeaderBytes + 8 && start[at + 8] === recordKind.input;
  return known ? Number(start.readBigUInt64BE(at + recordHeaderBytes)) : 0;
}

function faultOf(kind: LogKind, file: number, start: Buffer, owner: LogOwner): DamagedLogError | undefined {
  const reader = new RecordReader(
    { file, offset: 0, sum: 0 },
    seeds[kind],
    (kindOfRecord, bytes, from, to) => {
      if (kindOfRecord === recordKind.head) checkHead(logHeads.decode(bytes, from, to), file, owner);
    },
  );
  try {
    const length = start.length < recordHeaderBytes ? undefined : recordLength(start, 0);
    if (length === undefined || length > start.length) return new DamagedLogError(0, 'there is no record');
    reader.push(start.subarray(0, length));
    return undefined;
  } catch (error) {
    if (error instanceof DamagedLogError) return strayBy(kind, file, start, owner) ?? error;
    throw error;
  }
}

/** A record that began another file, and is whole: its checksum fits the place that it names. */
function strayBy(kind: LogKind, file: number, start: Buffer, owner: LogOwner): ForeignLogError | undefined {
  if (start[recordHeaderBytes - 1] !== recordKind.head) return undefined;
  const length = recordLength(start, 0)!;
  try {
    const head = logHeads.decode(start, recordHeaderBytes, length);
    const place = { ...logStart, file: head.file };
    if (checkedSum(start, 0, length, seeds[kind](place)) !== undefined) checkHead(head, file, owner);
  } catch (error) {
    if (error instanceof ForeignLogError) return error;
    if (!(error instanceof InvalidMessageError)) throw error;
  }
  return undefined;
}

const nothing = Buffer.alloc(0);
