import { expect } from 'chai';
import fc from 'fast-check';
import { hashKey, slotOf } from '../../../src/core/slots/hash.js';

/** Fixed for ever: workers of all versions must agree. Computed with an independent program over UTF-8 bytes. */
const vectors: readonly (readonly [string, number])[] = [
  ['', 2872998923],
  ['a', 444641715],
  ['A', 1294499476],
  ['Z', 2637148244],
  ['key', 979252733],
  ['0000000', 3351096769],
  ['tcp-source-key', 2624090098],
  ['hello world', 3104069356],
  ['Dr. Whiskers', 2977410960],
  ['é', 2387039943],
  ['€ 5', 1453567430],
  ['漢字', 1862367541],
  ['😀', 855877642],
  [
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    3849703086,
  ],
];

/** The same hash, written over the bytes of the text. */
function overBytes(key: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

describe('the hash of keys', () => {
  for (const [key, hash] of vectors) {
    it(`of ${JSON.stringify(key)} is ${hash}`, () => expect(hashKey(key)).to.equal(hash));
  }

  it('is that of the UTF-8 bytes, for any text', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        expect(hashKey(key)).to.equal(overBytes(key));
      }),
    ));

  it('takes a lone surrogate as UTF-8 encoders do', () => {
    expect(hashKey('a\ud800b')).to.equal(overBytes('a\ud800b'));
  });

  it('deals keys evenly to slots', () => {
    const counts = new Array<number>(256).fill(0);
    for (let i = 0; i < 100_000; i++) counts[slotOf(`key-${String(i).padStart(8, '0')}`, 256)]!++;
    expect(Math.min(...counts)).to.be.greaterThan(300);
    expect(Math.max(...counts)).to.be.lessThan(490);
  });
});
