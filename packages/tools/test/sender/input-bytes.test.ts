import { expect } from 'chai';
import fc from 'fast-check';
import { InputBytes, TruncatedInputError } from '../../src/sender/input-bytes.js';

/** An input that gives at most `step` bytes at a time. */
function inputOf(bytes: Buffer | string, step: number, capacity = 4): InputBytes {
  const all = Buffer.from(bytes as string);
  let at = 0;
  return new InputBytes((into, offset) => {
    const count = all.copy(into, offset, at, at + Math.min(step, into.length - offset));
    at += count;
    return count;
  }, capacity);
}

function all(next: () => Buffer | undefined): string[] {
  const found: string[] = [];
  for (let each = next(); each !== undefined; each = next()) found.push(each.toString('latin1'));
  return found;
}

const step = fc.integer({ min: 1, max: 12 });

describe('InputBytes', () => {
  it('takes lines with either end, the last one also without', () => {
    const input = inputOf('one\r\n\ntwo\nthree \r four', 3);
    expect(all(() => input.line())).to.deep.equal(['one', '', 'two', 'three \r four']);
    expect(input.line()).to.equal(undefined);
  });

  it('takes the same lines however the input comes', () => {
    const text = fc
      .array(fc.constantFrom('\n', '\r\n', '\r', 'a', 'bcdefgh'), { maxLength: 30 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, step, (content, size) => {
        const lines = content.split('\n');
        const last = lines.pop()!;
        const expected = lines.map((line) => line.replace(/\r$/, ''));
        if (last !== '') expected.push(last);
        const input = inputOf(content, size);
        expect(all(() => input.line())).to.deep.equal(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('takes so many bytes, in order, up to the end', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        step,
        (content, count, size) => {
          const bytes = Buffer.from(content.slice(0, content.length - (content.length % count)));
          const input = inputOf(bytes, size);
          const found = all(() => input.take(count));
          expect(found.join('')).to.equal(bytes.toString('latin1'));
          expect(found).to.have.length(bytes.length / count);
        },
      ),
    );
  });

  it('takes framed records, empty ones too', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 8 }), step, (records, size) => {
        const bytes = Buffer.concat(
          records.flatMap((record) => [Buffer.from([0, 0, 0, record.length]), record]),
        );
        const input = inputOf(bytes, size);
        expect(all(() => input.takeFramed())).to.deep.equal(
          records.map((record) => Buffer.from(record).toString('latin1')),
        );
      }),
    );
  });

  it('tells an end inside a record from an end', () => {
    expect(() => inputOf('abc', 2).take(4)).to.throw(TruncatedInputError, 'has 3 bytes instead of 4');
    expect(() => inputOf('\0\0', 1).takeFramed()).to.throw(TruncatedInputError);
    expect(() => inputOf('\0\0\0\x05', 4).takeFramed()).to.throw(TruncatedInputError, 'lacks its 5 bytes');
    expect(() => inputOf('\0\0\0\x05abc', 4).takeFramed()).to.throw(TruncatedInputError);
  });

  it('does not believe a length before the bytes are there', () => {
    expect(() => inputOf(Buffer.from([255, 255, 255, 255, 1]), 5).takeFramed()).to.throw(TruncatedInputError);
  });
});
