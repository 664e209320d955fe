import { ByteWriter } from '@wallaroo/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  ApplicationError,
  ascii,
  constant,
  DecodeError,
  encodeMessage,
  f32,
  f64,
  framed,
  i32,
  padding,
  record,
  u16,
  u32,
  u53,
  u64,
  u8,
  type RecordOf,
} from '../../src/index.js';

const all = record({
  a: u8,
  b: u16,
  c: u32,
  d: i32,
  e: u53,
  f: u64,
  g: f32,
  h: f64,
  short: ascii(2),
  long: ascii(21),
});
const latin = (length: number) =>
  fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    minLength: length,
    maxLength: length,
  });
const anyRecord = fc.record({
  a: fc.nat(255),
  b: fc.nat(65535),
  c: fc.nat(2 ** 32 - 1),
  d: fc.integer(),
  e: fc.maxSafeNat(),
  f: fc.bigInt(0n, 2n ** 64n - 1n),
  g: fc.float(),
  h: fc.double(),
  short: latin(2),
  long: latin(21),
});

function encoded<T>(
  codec: { encode: { encodeInto: (value: T, out: ByteWriter) => void } },
  value: T,
): Buffer {
  const out = new ByteWriter(1);
  codec.encode.encodeInto(value, out);
  return out.toBuffer();
}

describe('a record codec', () => {
  it('reads back what it wrote, anywhere in a buffer', () =>
    fc.assert(
      fc.property(anyRecord, fc.nat(20), (value, offset) => {
        const bytes = encoded(all, value);
        expect(bytes.length).to.equal(all.size);
        const buffer = Buffer.concat([Buffer.alloc(offset, 7), bytes, Buffer.alloc(3, 9)]);
        expect(all.decode(buffer, offset, offset + bytes.length)).to.deep.equal(value);
      }),
    ));

  it('writes big-endian', () => {
    const value = {
      a: 1,
      b: 2,
      c: 3,
      d: -1,
      e: 2 ** 32 + 5,
      f: 6n,
      g: 1.5,
      h: -2,
      short: 'ab',
      long: 'x'.repeat(21),
    };
    expect(encoded(all, value).toString('hex')).to.equal(
      '01' +
        '0002' +
        '00000003' +
        'ffffffff' +
        '0000000100000005' +
        '0000000000000006' +
        '3fc00000' +
        'c000000000000000' +
        '6162' +
        '78'.repeat(21),
    );
  });

  it('refuses bytes of another size, and integers that a number cannot hold', () => {
    const small = record({ n: u53 });
    expect(() => small.decode(Buffer.alloc(9), 0, 9)).to.throw(DecodeError, /9 bytes where 8 are expected/);
    expect(() => small.decode(Buffer.from('0020000000000000', 'hex'), 0, 8)).to.throw(DecodeError, /2\^53/);
    expect(small.decode(Buffer.from('001fffffffffffff', 'hex'), 0, 8)).to.deep.equal({
      n: Number.MAX_SAFE_INTEGER,
    });
  });

  it('refuses to write a text of another length', () => {
    expect(() => encoded(record({ t: ascii(3) }), { t: 'ab' })).to.throw(
      RangeError,
      /2 characters where the record has 3/,
    );
  });

  it('skips padding', () => {
    const codec = record({ a: u8, gap: padding(2), b: u8 });
    expect(encoded(codec, { a: 1, b: 2 }).toString('hex')).to.equal('01000002');
    expect(codec.decode(Buffer.from([1, 9, 9, 2]), 0, 4)).to.deep.equal({ a: 1, b: 2 });
  });

  it('refuses bytes that are not the constant of a field, whose type tells records apart', () => {
    const order = record({ type: constant(u8, 1), quantity: u16 });
    const quote = record({ type: constant(u8, 2), bid: u16 });
    expect(quote.size).to.equal(3);
    expect(encoded(order, { type: 1, quantity: 5 }).toString('hex')).to.equal('010005');
    expect(order.decode(Buffer.from('010005', 'hex'), 0, 3)).to.deep.equal({ type: 1, quantity: 5 });
    expect(() => order.decode(Buffer.from('020005', 'hex'), 0, 3)).to.throw(
      DecodeError,
      /is 2 where it must be 1/,
    );
    const number = (message: RecordOf<typeof order> | RecordOf<typeof quote>) =>
      message.type === 1 ? message.quantity : message.bid;
    expect(number({ type: 2, bid: 7 })).to.equal(7);
  });

  it('refuses to write a character that is not Latin-1', () => {
    expect(() => encoded(record({ t: ascii(1) }), { t: '漢' })).to.throw(RangeError, /Latin-1/);
  });

  it('takes only names of fields, never code', () => {
    for (const name of ['a b', '1x', 'x; process.exit()', '__proto__', '']) {
      expect(() => record({ [name]: u8 }), name).to.throw(ApplicationError, /cannot be a field name/);
    }
  });
});

describe('encodeMessage', () => {
  it('gives the bytes of a message, with any kind of encoder', () => {
    expect(encodeMessage((text: string) => text, 'é').toString('hex')).to.equal('c3a9');
    expect(encodeMessage(() => Buffer.from([1]), 'x').toString('hex')).to.equal('01');
    expect(encodeMessage(() => null, 'x').length).to.equal(0);
    expect(encodeMessage(record({ n: u16 }).encode, { n: 258 }).toString('hex')).to.equal('0102');
  });
});

describe('framed', () => {
  it('puts the length in bytes in front of each message', () => {
    const out = new ByteWriter();
    framed((text: string) => text).encodeInto('é', out);
    framed<string>(() => Buffer.from('xy')).encodeInto('', out);
    expect(out.toBuffer().toString('hex')).to.equal('00000002' + 'c3a9' + '00000002' + '7879');
  });

  it('writes nothing, not an empty frame, when the encoder has nothing', () => {
    const out = new ByteWriter();
    framed<string>(() => undefined).encodeInto('a', out);
    expect(out.length).to.equal(0);
  });

  it('writes an empty frame for an empty message', () => {
    const out = new ByteWriter();
    framed<string>(() => '').encodeInto('a', out);
    framed<string>({ encodeInto: () => undefined }).encodeInto('a', out);
    expect(out.toBuffer().toString('hex')).to.equal('0000000000000000');
  });
});
