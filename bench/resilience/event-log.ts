import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  logStart,
  recordKind,
  RecordReader,
  seeds,
} from '../../packages/worker/dist/core/checkpoint/log-records.js';
import { median } from '../harness/statistics.js';

export interface LogFigures {
  readonly checkpoints: number;
  /** Of the checkpoint in the middle, by size: some write everything, and not all do their whole part under load. */
  readonly bytesPerCheckpoint: number;
}

/** What stands in the newest event log of a folder. */
export function readEventLog(folder: string): LogFigures {
  const name = readdirSync(folder)
    .filter((file) => file.endsWith('.evlog'))
    .sort()
    .at(-1);
  if (name === undefined) throw new Error(`there is no event log in ${folder}`);
  const cuts: number[] = [];
  const reader: RecordReader = new RecordReader(logStart, seeds.events, (kind, _, start, end) => {
    if (kind === recordKind.cut) cuts.push(reader.place.offset - (end - start));
  });
  reader.push(readFileSync(join(folder, name)));
  const sizes = cuts.slice(1).map((cut, index) => cut - cuts[index]!);
  if (sizes.length === 0) throw new Error('the event log has one checkpoint, too few to say what it takes');
  return { checkpoints: sizes.length, bytesPerCheckpoint: median(sizes) };
}
