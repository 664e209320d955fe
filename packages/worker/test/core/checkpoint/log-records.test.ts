import { expect } from 'chai';
import fc from 'fast-check';
import {
  DamagedLogError,
  logStart,
  makeRecord,
  recordHeaderBytes,
  recordKind,
  RecordReader,
  sealRecord,
  seeds,
  type LogPlace,
} from '../../../src/core/checkpoint/log-records.js';
import type { LogKind } from '../../../src/core/ports.js';

/** A file of records with these contents. */
function fileOf(contents: readonly Uint8Array[], kind: LogKind): Buffer {
  let place: LogPlace = logStart;
  return Buffer.concat(
    contents.map((content) => {
      const record = makeRecord(Buffer.from(content));
      const sum = sealRecord(record, recordKind.input, seeds[kind](place));
      place = { ...place, offset: place.offset + record.length, sum };
      return record;
    }),
  );
}

function read(pieces: readonly Buffer[], kind: LogKind): string[] {
  const found: string[] = [];
  const reader = new RecordReader(logStart, seeds[kind], (_, bytes, start, end) =>
    found.push(bytes.toString('hex', start, end)),
  );
  for (const piece of pieces) reader.push(Buffer.from(piece));
  return found;
}

const contents = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 8 });

for (const kind of ['events', 'journal'] as const) {
  describe(`records of the ${kind}`, () => {
    it('come back in pieces of any size', () =>
      fc.assert(
        fc.property(contents, fc.array(fc.integer({ min: 1, max: 50 })), (wanted, sizes) => {
          const file = fileOf(wanted, kind);
          const pieces: Buffer[] = [];
          let at = 0;
          for (const size of [...sizes, file.length]) {
            pieces.push(file.subarray(at, at + size));
            at += size;
          }
          expect(read(pieces, kind)).to.deep.equal(
            wanted.map((content) => Buffer.from(content).toString('hex')),
          );
        }),
      ));

    it('are damaged, or incomplete, when any bit of them is another', () =>
      fc.assert(
        fc.property(contents, fc.nat(), fc.nat(7), (wanted, position, bit) => {
          const file = fileOf(wanted, kind);
          file[position % file.length]! ^= 1 << bit;
          let found: string[] | undefined;
          try {
            found = read([file], kind);
          } catch (error) {
            expect(error).to.be.instanceOf(DamagedLogError);
          }
          // A length that has grown makes the rest look like the start of a record.
          if (found !== undefined) expect(found.length).to.be.lessThan(wanted.length);
        }),
      ));
  });
}

describe('a record of an event log', () => {
  it('vouches for all before it: it does not fit behind others', () => {
    const [one, two] = [Buffer.from('one'), Buffer.from('two')];
    const file = fileOf([one, two], 'events');
    const second = file.subarray(recordHeaderBytes + 3);
    expect(() => read([second], 'events')).to.throw(DamagedLogError);
  });
});
