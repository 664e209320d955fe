import fc from 'fast-check';

/** Texts of every kind, with those about as long as a text that its first byte can tell. */
export const anyText = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(22, 23, 24, 25, 62, 63, 64, 65, 300).map((count) => 'x'.repeat(count)),
  fc.constantFrom(20, 30, 31, 32, 61, 62, 63, 64).map((count) => `${'x'.repeat(count)}ü`),
  fc.constantFrom('', '\0', '\u007f', '\u0080', '漢', '🦘', '\u2028'),
);

const memberName = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.constantFrom('a', 'b', '0', '10', '', '__proto__', 'constructor', 'toString', 'a b', '"', 'größe', '\\'),
);

export const anyNumber = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 1, -1, 127, 128, -128, NaN, Infinity, -Infinity, 0.1),
  fc.constantFrom(
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53,
    -(2 ** 53),
  ),
);

export const anyBigInt = fc.oneof(
  fc.bigInt(),
  fc.constantFrom(0n, -1n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n, 10n ** 99n),
);

const anyBytes = fc.uint8Array({ maxLength: 40 });
const anyDate = fc.date({ noInvalidDate: false });

const typedArray: fc.Arbitrary<unknown> = fc.oneof(
  fc.int8Array({ maxLength: 5 }),
  fc.uint8ClampedArray({ maxLength: 5 }),
  fc.int16Array({ maxLength: 5 }),
  fc.uint16Array({ maxLength: 5 }),
  fc.int32Array({ maxLength: 5 }),
  fc.uint32Array({ maxLength: 5 }),
  fc.float32Array({ maxLength: 5 }),
  fc.float64Array({ maxLength: 5 }),
  fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 3 }).map((all) => {
    return BigInt64Array.from(all);
  }),
);

/** What stands in maps and sets; these lose the sign of a zero and the name `__proto__`. */
const packable: fc.Arbitrary<unknown> = fc.oneof(
  anyText,
  anyNumber.map((value) => (value === 0 ? 0 : value)),
  anyBigInt,
  fc.boolean(),
  fc.constantFrom(null, undefined),
  anyDate,
  anyBytes,
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.dictionary(
    fc.string({ maxLength: 5 }).filter((name) => name !== '__proto__'),
    fc.integer(),
    { maxKeys: 4, noNullPrototype: true },
  ),
);

const collection: fc.Arbitrary<unknown> = fc.oneof(
  fc.array(fc.tuple(anyText, packable), { maxLength: 4 }).map((entries) => new Map(entries)),
  fc.array(fc.tuple(fc.integer(), packable), { maxLength: 4 }).map((entries) => new Map(entries)),
  fc.array(packable, { maxLength: 4 }).map((values) => new Set(values)),
);

/** An object with its members in this order; also one that is called `__proto__`. */
function objectOf(members: readonly (readonly [name: string, value: unknown])[]): unknown {
  return Object.fromEntries(members);
}

/** All that may go from one worker to another without a word from the author. */
export const anyData: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  data: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('data'), { maxLength: 5 }),
    fc.array(fc.tuple(memberName, tie('data')), { maxLength: 5 }).map(objectOf),
    // The same few shapes again and again.
    fc.record({ id: fc.integer(), name: anyText, next: tie('data') }, { noNullPrototype: true }),
    fc.record({ id: tie('data'), name: anyText }, { noNullPrototype: true }),
  ),
  leaf: fc.oneof(
    anyText,
    anyNumber,
    anyBigInt,
    fc.boolean(),
    fc.constantFrom(null, undefined),
    anyBytes,
    anyBytes.map((bytes) => Buffer.from(bytes)),
    typedArray,
    anyDate,
    collection,
  ),
})).data;
