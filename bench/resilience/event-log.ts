import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageDecoder } from '../../packages/worker/dist/core/codec/message-decoder.js';
import { MessagePack } from '../../packages/worker/dist/core/codec/message-pack.js';
import {
  logStart,
  recordKind,
  RecordReader,
  seeds,
} from '../../packages/worker/dist/core/checkpoint/log-records.js';

export interface LogFigures {
  readonly checkpoints: number;
  /** What stands in the checkpoints after the first one, for each entry in them. */
  readonly bytesPerEntry: number;
}

/** What stands in the newest event log of a folder, which an application with one stage of text keys has written. */
export function readEventLog(folder: string): LogFigures {
  const name = readdirSync(folder)
    .filter((file) => file.endsWith('.evlog'))
    .sort()
    .at(-1);
  if (name === undefined) throw new Error(`there is no event log in ${folder}`);
  let [checkpoints, entries, from] = [0, 0, 0];
  const decoder = new MessageDecoder(new MessagePack([]), undefined);
  const reader: RecordReader = new RecordReader(logStart, seeds.events, (kind, bytes, start, end) => {
    if (kind === recordKind.cut && ++checkpoints === 2) from = reader.place.offset;
    if (kind !== recordKind.states || checkpoints < 2) return;
    decoder.beginBatch(bytes, start, end);
    while (!decoder.done) {
      decoder.u16();
      decoder.rareText();
      decoder.u8();
      decoder.value();
      entries++;
    }
  });
  reader.push(readFileSync(join(folder, name)));
  if (entries === 0) throw new Error('the event log has one checkpoint, too few to say what it takes');
  return { checkpoints, bytesPerEntry: (reader.place.offset - from) / entries };
}
