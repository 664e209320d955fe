import { expect } from 'chai';
import fc from 'fast-check';
import { ByteReader, ByteWriter, ShortInputError } from '../src/index.js';

/** One thing to write, and how Node's own Buffer writes it. */
interface Write {
  readonly what: string;
  readonly on: (writer: ByteWriter) => unknown;
  readonly expected: Buffer;
}

function allocated(size: number, fill: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(size);
  fill(buffer);
  return buffer;
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({ unit: 'binary-ascii', minLength: 30, maxLength: 300 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    .map((units) => String.fromCharCode(...units)),
);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const whole = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -20, max: 20 }));

const write: fc.Arbitrary<Write> = fc.oneof(
  fc.integer({ min: 0, max: 255 }).map((value) => ({
    what: `u8 ${value}`,
    on: (writer: ByteWriter) => writer.u8(value),
    expected: Buffer.from([value]),
  })),
  fc.integer({ min: 0, max: 0xffff }).map((value) => ({
    what: `u16 ${value}`,
    on: (writer: ByteWriter) => writer.u16(value),
    expected: allocated(2, (buffer) => buffer.writeUInt16BE(value)),
  })),
  u32.map((value) => ({
    what: `u32 ${value}`,
    on: (writer: ByteWriter) => writer.u32(value),
    expected: allocated(4, (buffer) => buffer.writeUInt32BE(value)),
  })),
  fc.integer().map((value) => ({
    what: `i32 ${value}`,
    on: (writer: ByteWriter) => writer.u32(value),
    expected: allocated(4, (buffer) => buffer.writeInt32BE(value)),
  })),
  fc.maxSafeNat().map((value) => ({
    what: `u53 ${value}`,
    on: (writer: ByteWriter) => writer.u53(value),
    expected: allocated(8, (buffer) => buffer.writeBigUInt64BE(BigInt(value))),
  })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({
    what: `u64 ${value}`,
    on: (writer: ByteWriter) => writer.u64(value),
    expected: allocated(8, (buffer) => buffer.writeBigUInt64BE(value)),
  })),
  fc.float().map((value) => ({
    what: `f32 ${value}`,
    on: (writer: ByteWriter) => writer.f32(value),
    expected: allocated(4, (buffer) => buffer.writeFloatBE(value)),
  })),
  fc.double().map((value) => ({
    what: `f64 ${value}`,
    on: (writer: ByteWriter) => writer.f64(value),
    expected: allocated(8, (buffer) => buffer.writeDoubleBE(value)),
  })),
  text.map((value) => ({
    what: `text ${JSON.stringify(value)}`,
    on: (writer: ByteWriter) => writer.text(value),
    expected: Buffer.from(value),
  })),
  text.map((value) => ({
    what: `text32 ${JSON.stringify(value)}`,
    on: (writer: ByteWriter) => writer.text32(value),
    expected: Buffer.concat([
      allocated(4, (buffer) => buffer.writeUInt32BE(Buffer.byteLength(value))),
      Buffer.from(value),
    ]),
  })),
  whole.map((value) => ({
    what: `decimal ${value}`,
    on: (writer: ByteWriter) => writer.decimal(value),
    expected: Buffer.from(String(value)),
  })),
  fc
    .tuple(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100))
    .map(([bytes, a, b]): [Uint8Array, number, number] => {
      const [start, end] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
      return [bytes, start, end];
    })
    .map(([bytes, start, end]) => ({
      what: `bytes ${start} to ${end} of ${bytes.length}`,
      on: (writer: ByteWriter) => writer.bytes(bytes, start, end),
      expected: Buffer.from(bytes.slice(start, end)),
    })),
);

describe('ByteWriter', () => {
  it('writes what Buffer writes, from any capacity on', () => {
    fc.assert(
      fc.property(fc.nat(64), fc.array(write, { maxLength: 30 }), (capacity, writes) => {
        const writer = new ByteWriter(capacity);
        for (const each of writes) each.on(writer);
        expect(writer.toBuffer()).to.deep.equal(Buffer.concat(writes.map(({ expected }) => expected)));
      }),
      { numRuns: 2000 },
    );
  });

  it('writes each power of ten and its neighbours in decimal', () => {
    for (let power = 1; power < 2 ** 53; power *= 10) {
      for (const value of [power - 1, power, power + 1, -power]) {
        expect(new ByteWriter(0).decimal(value).toBuffer().toString()).to.equal(String(value));
      }
    }
  });

  it('overwrites a length written before', () => {
    fc.assert(
      fc.property(text, text, u32, (before, after, value) => {
        const writer = new ByteWriter(0).text(before);
        const at = writer.length;
        writer.u32(0).text(after).patchU32(at, value);
        expect(writer.toBuffer()).to.deep.equal(
          Buffer.concat([
            Buffer.from(before),
            allocated(4, (buffer) => buffer.writeUInt32BE(value)),
            Buffer.from(after),
          ]),
        );
      }),
    );
  });

  it('leaves bytes that were taken alone', () => {
    const writer = new ByteWriter(4).text('first');
    const first = writer.take(0);
    writer.text('second');
    const second = writer.take(8);
    writer.text('third');
    expect([first, second, writer.toBuffer()].map(String)).to.deep.equal(['first', 'second', 'third']);
  });

  it('goes on in a buffer that it is given, and grows out of it', () => {
    const given = Buffer.alloc(4);
    const writer = new ByteWriter(4);
    writer.use(given);
    writer.u32(0x61626364);
    expect(given.toString()).to.equal('abcd');
    writer.text('efgh').patchU32(0, 0x41424344);
    expect(writer.toBuffer().toString()).to.equal('ABCDefgh');
    expect(given.toString()).to.equal('abcd');
  });

  it('gives a copy that later writes do not change', () => {
    const writer = new ByteWriter(16).text('abcd');
    const copy = writer.toBuffer();
    writer.patchU32(0, 0);
    expect(copy.toString()).to.equal('abcd');
  });
});

describe('ByteReader', () => {
  it('reads back what a writer wrote', () => {
    const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const wellFormed = fc.string({ unit: 'grapheme', maxLength: 60 });
    fc.assert(
      fc.property(fc.nat(255), fc.nat(0xffff), u32, u64, wellFormed, (a, b, c, d, e) => {
        const bytes = new ByteWriter(0).u8(a).u16(b).u32(c).u64(d).text32(e).toBuffer();
        const reader = new ByteReader(bytes);
        expect(reader.left).to.equal(bytes.length);
        expect([reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.text32()]).to.deep.equal([
          a,
          b,
          c,
          d,
          e,
        ]);
        expect(reader.left).to.equal(0);
      }),
    );
  });

  const reads: readonly [name: string, size: number, read: (reader: ByteReader) => unknown][] = [
    ['u8', 1, (reader) => reader.u8()],
    ['u16', 2, (reader) => reader.u16()],
    ['u32', 4, (reader) => reader.u32()],
    ['u64', 8, (reader) => reader.u64()],
    ['text', 5, (reader) => reader.text(5)],
  ];
  for (const [name, size, read] of reads) {
    it(`does not read a ${name} past its end, although the buffer goes on`, () => {
      const bytes = Buffer.alloc(20);
      expect(() => read(new ByteReader(bytes, 3, 3 + size))).not.to.throw();
      expect(() => read(new ByteReader(bytes, 3, 3 + size - 1))).to.throw(ShortInputError);
    });
  }

  it('refuses a text that is longer than the input, however long it says it is', () => {
    expect(() => new ByteReader(Buffer.from([255, 255, 255, 255, 65])).text32()).to.throw(ShortInputError);
  });
});
