import { expect } from 'chai';
import fc from 'fast-check';
import { crc32 } from '../src/index.js';

/** The definition, bit by bit. */
function slowCrc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

describe('the checksum', () => {
  it('is the one of IEEE 802.3', () => {
    expect(crc32(Buffer.from('123456789'))).to.equal(0xcbf43926);
    expect(crc32(Buffer.alloc(0))).to.equal(0);
  });

  it('agrees with its definition over any part of a buffer', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(), fc.nat(), (bytes, one, other) => {
        const [start = 0, end = 0] = [one % (bytes.length + 1), other % (bytes.length + 1)].sort(
          (a, b) => a - b,
        );
        const expected = slowCrc32(bytes.subarray(start, end));
        expect(crc32(Buffer.from(bytes), start, end)).to.equal(expected);
      }),
    ));

  it('differs when any single bit does', () => {
    const bytes = Buffer.from('a frame between two workers');
    const whole = crc32(bytes);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7));
      expect(crc32(damaged)).not.to.equal(whole);
    }
  });
});
