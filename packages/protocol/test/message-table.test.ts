import { expect } from 'chai';
import fc from 'fast-check';
import {
  ByteReader,
  ByteWriter,
  fieldBoolean,
  fieldBytes,
  fieldList,
  fieldStruct,
  fieldText,
  fieldU16,
  fieldU32,
  fieldU53,
  fieldU8,
  InvalidMessageError,
  messageTable,
  ShortInputError,
  type Field,
  type MessageTable,
} from '../src/index.js';

/** A field, and the values that it carries. */
interface Sample {
  readonly field: Field<unknown>;
  readonly value: fc.Arbitrary<unknown>;
}

function sample<T>(field: Field<T>, value: fc.Arbitrary<T>): Sample {
  return { field: field as Field<unknown>, value };
}

const text = fc.string({ unit: 'binary', maxLength: 40 });

const leaf: fc.Arbitrary<Sample> = fc.constantFrom(
  sample(fieldU8, fc.nat(0xff)),
  sample(fieldU16, fc.nat(0xffff)),
  sample(fieldU32, fc.integer({ min: 0, max: 0xffff_ffff })),
  sample(fieldU53, fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32, Number.MAX_SAFE_INTEGER))),
  sample(fieldBoolean, fc.boolean()),
  sample(fieldText, text),
  sample(
    fieldBytes,
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  ),
);

const fieldName = fc.oneof(
  fc.string({ minLength: 1, maxLength: 8 }),
  fc.constantFrom('__proto__', 'constructor', '0'),
);

function structOf(parts: readonly (readonly [name: string, part: Sample])[]): Sample {
  return sample(
    fieldStruct(Object.fromEntries(parts.map(([name, { field }]) => [name, field]))) as Field<unknown>,
    fc.tuple(...parts.map(([, { value }]) => value)).map((values) => {
      return Object.fromEntries(parts.map(([name], i) => [name, values[i]])) as unknown;
    }),
  );
}

const { anyField } = fc.letrec<{ anyField: Sample; list: Sample; struct: Sample; leaf: Sample }>((tie) => ({
  anyField: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('list'), tie('struct')),
  leaf,
  list: tie('anyField').map(({ field, value }) =>
    sample(fieldList(field), fc.array(value, { maxLength: 4 })),
  ),
  struct: fc
    .uniqueArray(fc.tuple(fieldName, tie('anyField')), {
      minLength: 1,
      maxLength: 4,
      selector: ([name]) => name,
    })
    .map(structOf),
}));

type AnyMessage = { readonly type: string } & Readonly<Record<string, unknown>>;

/** A table of messages, and some messages of it. */
const anyTable = fc
  .uniqueArray(
    fc.tuple(
      fc.string({ minLength: 1, maxLength: 8 }),
      fc.nat(255),
      fc.uniqueArray(fc.tuple(fieldName, anyField), { maxLength: 5, selector: ([name]) => name }),
    ),
    {
      minLength: 1,
      maxLength: 6,
      comparator: ([type, tag], [otherType, otherTag]) => type === otherType || tag === otherTag,
    },
  )
  .map((rows) =>
    rows.map(([type, tag, fields]) => [type, tag, fields.filter(([name]) => name !== 'type')] as const),
  )
  .chain((rows) => {
    const table = messageTable(
      Object.fromEntries(
        rows.map(([type, tag, fields]) => [
          type,
          { tag, fields: Object.fromEntries(fields.map(([name, { field }]) => [name, field])) },
        ]),
      ),
    ) as MessageTable<AnyMessage>;
    const message = fc.oneof(
      ...rows.map(([type, , fields]) =>
        structOf(fields).value.map((values) => ({ type, ...(values as object) }) as AnyMessage),
      ),
    );
    return fc.record({ table: fc.constant(table), messages: fc.array(message, { maxLength: 5 }) });
  });

const pets = messageTable({
  cat: { tag: 1, fields: { name: fieldText, lives: fieldU8 } },
  herd: { tag: 7, fields: { names: fieldList(fieldText), wild: fieldBoolean } },
  number: { tag: 8, fields: { value: fieldU53 } },
  nothing: { tag: 9, fields: {} },
});

describe('a table of messages', () => {
  it('reads back what was written, for any table and any message of it', () =>
    fc.assert(
      fc.property(anyTable, ({ table, messages }) => {
        for (const message of messages) expect(table.decode(table.encode(message))).to.deep.equal(message);
      }),
      { numRuns: 150 },
    ));

  it('reads only the bytes between start and end, and writes behind what stands already', () =>
    fc.assert(
      fc.property(anyTable, fc.nat(9), fc.nat(9), ({ table, messages }, before, behind) => {
        for (const message of messages) {
          const out = new ByteWriter(0);
          for (let i = 0; i < before; i++) out.u8(0xaa);
          table.write(out, message);
          const end = out.length;
          for (let i = 0; i < behind; i++) out.u8(0xbb);
          expect(table.decode(out.toBuffer(), before, end)).to.deep.equal(message);
        }
      }),
      { numRuns: 100 },
    ));

  it('refuses a message that lacks bytes at its end, and one with a byte too many', () =>
    fc.assert(
      fc.property(anyTable, fc.nat(), ({ table, messages }, cut) => {
        for (const message of messages) {
          const bytes = table.encode(message);
          const short = bytes.subarray(0, cut % bytes.length);
          expect(() => table.decode(short)).to.throw(InvalidMessageError);
          expect(() => table.decode(Buffer.concat([bytes, Buffer.from([0])]))).to.throw(
            InvalidMessageError,
            /1 bytes too many/,
          );
        }
      }),
      { numRuns: 120 },
    ));

  it('meets random bytes with a message or its own error, never with another', () =>
    fc.assert(
      fc.property(anyTable, fc.uint8Array({ maxLength: 60 }), ({ table, messages }, bytes) => {
        const damaged = messages.map((message) => {
          const encoded = table.encode(message);
          const at = bytes.length % encoded.length;
          encoded[at] = encoded[at]! ^ (bytes[0] ?? 1);
          return encoded;
        });
        for (const input of [Buffer.from(bytes), ...damaged]) {
          try {
            table.encode(table.decode(input));
          } catch (error) {
            expect(error).to.be.instanceOf(InvalidMessageError);
          }
        }
      }),
      { numRuns: 500 },
    ));

  it('begins each message with its tag, and adds nothing of its own to the fields', () => {
    expect(pets.encode({ type: 'nothing' }).toString('hex')).to.equal('09');
    expect(pets.encode({ type: 'cat', name: 'Tom', lives: 9 }).toString('hex')).to.equal(
      '0100000003546f6d09',
    );
    expect(pets.encode({ type: 'number', value: 2 ** 32 + 5 }).toString('hex')).to.equal(
      '080000000100000005',
    );
    expect(pets.encode({ type: 'herd', names: ['a', ''], wild: true }).toString('hex')).to.equal(
      '0700000002000000016100000000' + '01',
    );
  });

  const invalid: readonly [what: string, hex: string, why: RegExp][] = [
    ['no bytes', '', /no message has the tag -1/],
    ['a tag that no row has', '02', /no message has the tag 2/],
    ['a text that is longer than the message', '01000000ff546f6d09', /not a cat: wanted 255 bytes/],
    [
      'a list that claims more items than bytes follow',
      '07ffffffff00',
      /not a herd: a list of 4294967295 in 1/,
    ],
    ['a list that has fewer items than it claims', '07000000040000000000', /not a herd: wanted 4 bytes/],
    ['a truth value that is neither', '070000000002', /not a herd: 2 where 0 or 1 must stand/],
    ['a whole number of 2^53', '080020000000000000', /not a number: a number beyond 2\^53 - 1/],
    ['two messages at once', '0909', /1 bytes too many behind a nothing/],
  ];
  for (const [what, hex, why] of invalid) {
    it(`refuses ${what}`, () => {
      expect(() => pets.decode(Buffer.from(hex, 'hex'))).to.throw(InvalidMessageError, why);
    });
  }

  it('names the reason as the cause', () => {
    try {
      pets.decode(Buffer.from('01', 'hex'));
      expect.fail('it was read');
    } catch (error) {
      expect((error as Error).cause).to.be.instanceOf(ShortInputError);
    }
  });

  it('allocates nothing for a count that lies', () => {
    const lies = fieldList(fieldList(fieldU8));
    const reader = new ByteReader(Buffer.from('00000004fffffffffffffffffffffffffffffffe', 'hex'));
    expect(() => lies.read(reader)).to.throw(InvalidMessageError, 'a list of 4294967295 in 12 bytes');
  });

  it('gives no tag to two messages', () => {
    expect(() => messageTable({ one: { tag: 4, fields: {} }, other: { tag: 4, fields: {} } })).to.throw(
      TypeError,
      'tag 4 stands twice',
    );
  });
});

describe('the field of bytes', () => {
  it('reads a copy: what comes into the buffer afterwards does not change it', () => {
    const out = new ByteWriter();
    fieldBytes.write(out, Buffer.from('abc'));
    const source = out.toBuffer();
    const read = fieldBytes.read(new ByteReader(source));
    source.fill(0);
    expect(read.toString()).to.equal('abc');
  });
});

describe('the byte reader', () => {
  it('reads bytes as copies, one after the other, up to the end', () => {
    const source = Buffer.from('0102030405', 'hex');
    const reader = new ByteReader(source, 1, 4);
    const first = reader.bytes(2);
    const none = reader.bytes(0);
    expect(reader.left).to.equal(1);
    source.fill(0xff);
    expect(first.toString('hex')).to.equal('0203');
    expect(none.length).to.equal(0);
    expect(() => reader.bytes(2)).to.throw(ShortInputError);
    expect(reader.bytes(1).toString('hex')).to.equal('ff');
  });
});
