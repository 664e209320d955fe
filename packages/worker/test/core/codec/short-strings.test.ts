import { expect } from 'chai';
import fc from 'fast-check';
import { ShortStrings, shortStringMax } from '../../../src/core/codec/short-strings.js';

const short = fc.string({ unit: 'binary-ascii', maxLength: shortStringMax });

describe('short strings', () => {
  it('are read as they stand, however many come and wherever they stand', () => {
    const strings = new ShortStrings();
    fc.assert(
      fc.property(fc.array(short, { maxLength: 50 }), fc.nat(5), (texts, offset) => {
        for (const text of [...texts, ...texts]) {
          const bytes = Buffer.concat([Buffer.alloc(offset, 0x61), Buffer.from(text), Buffer.from('a')]);
          expect(strings.read(bytes, offset, offset + text.length)).to.equal(text);
        }
      }),
    );
  });

  it('are read right when they share a place with others', () => {
    const strings = new ShortStrings();
    // Far more than there are places.
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 20_000; i++) {
        const bytes = Buffer.from(`key-${i}`, 'latin1');
        if (strings.read(bytes, 0, bytes.length) !== `key-${i}`) expect.fail(`key-${i} was read as another`);
      }
    }
  });

  it('tell texts of one another apart that differ in length only', () => {
    const strings = new ShortStrings();
    const bytes = Buffer.from('\0\0\0\0');
    for (const length of [0, 1, 2, 3, 4, 3, 2, 1, 0]) {
      expect(strings.read(bytes, 0, length)).to.equal('\0'.repeat(length));
    }
  });
});
