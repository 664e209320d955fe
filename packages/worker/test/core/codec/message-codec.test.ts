import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { ByteWriter, ShortInputError } from '@wallaroo/protocol';
import { InvalidBatchError } from '../../../src/core/codec/message-decoder.js';
import { depthMax, shapeMembersMax, shapesMax, tag } from '../../../src/core/codec/tags.js';
import { CodecPair } from '../support/codec.js';
import { anyData } from '../support/plain-data.js';

/** The same, down to the sign of a zero, the prototype of a buffer and the order of members. */
function expectSame(received: unknown, sent: unknown): void {
  if (!isDeepStrictEqual(received, sent)) expect(received).to.deep.equal(sent);
  expect(isDeepStrictEqual(received, sent)).to.equal(true);
}

const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`member ${i}`, i]));

describe('messages between workers', () => {
  it('arrive as they were sent, several in a batch, batch after batch', () => {
    const pair = new CodecPair();
    fc.assert(
      fc.property(fc.array(anyData, { minLength: 1, maxLength: 6 }), (messages) => {
        const bytes = pair.write(messages);
        // Decoded twice: shapes that are known already, and new strings in the same places.
        for (let i = 0; i < 2; i++) expectSame(pair.read(bytes), messages);
      }),
      { numRuns: 400 },
    );
  });

  it('keep the order of their members', () =>
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ maxLength: 4 }), { maxLength: 12 }), (names) => {
        const sent = Object.fromEntries(names.map((name, i) => [name, i]));
        expect(Object.keys(new CodecPair().send(sent) as object)).to.deep.equal(Object.keys(sent));
      }),
    ));

  it('can be read by themselves from the middle of a buffer, batch by batch', () => {
    const pair = new CodecPair();
    const first = pair.write([{ a: 1, b: 2 }]);
    const second = pair.write([
      { a: 3, b: 4 },
      { a: 5, b: 6 },
    ]);
    const between = Buffer.concat([Buffer.from([0xff]), second, Buffer.from([0xff])]);
    expectSame(pair.read(between, 1, 1 + second.length), [
      { a: 3, b: 4 },
      { a: 5, b: 6 },
    ]);
    expectSame(new CodecPair().read(first), [{ a: 1, b: 2 }]);
  });

  it('name the members of a shape once in each batch', () => {
    const pair = new CodecPair();
    const one = { identifier: 1, description: 'x' };
    const alone = pair.write([one]).length;
    const hundred = pair.write(Array.from({ length: 100 }, () => one));
    expect(hundred.length).to.equal(alone + 99 * (1 + 2 + 1 + 2));
    expect(pair.read(hundred)).to.have.length(100);
  });

  it('are written when they are sent: what happens to the object later does not change them', () => {
    const pair = new CodecPair();
    const message = { list: [1], bytes: Buffer.from('a') };
    const bytes = pair.write([message]);
    message.list.push(2);
    message.bytes.fill(0);
    expectSame(pair.read(bytes), [{ list: [1], bytes: Buffer.from('a') }]);
  });

  it('hold bytes of their own: the batch may be overwritten', () => {
    const pair = new CodecPair();
    const sent = {
      buffer: Buffer.from('abc'),
      bytes: new Uint8Array([1, 2]),
      map: new Map([['a', Buffer.from('z')]]),
    };
    const bytes = pair.write([sent]);
    const [received] = pair.read(bytes);
    bytes.fill(0);
    expectSame(received, sent);
  });

  for (const count of [0, 1, shapeMembersMax, shapeMembersMax + 1, 500]) {
    it(`may have ${count} members`, () => {
      const pair = new CodecPair();
      expectSame(pair.read(pair.write([many(count), many(count)])), [many(count), many(count)]);
    });
  }

  it('may have more shapes than are remembered, within one batch and over many', () => {
    const pair = new CodecPair();
    const messages = Array.from({ length: 3 * shapesMax }, (_, i) => ({
      [`only here ${i}`]: i,
      common: { i },
    }));
    for (let batch = 0; batch < 3; batch++) expectSame(pair.read(pair.write(messages)), messages);
    for (const message of messages) expectSame(pair.send(message), message);
  });

  it('may have more shapes than a decoder keeps compiled', () => {
    const pair = new CodecPair();
    for (let sender = 0; sender < 6; sender++) {
      const other = new CodecPair();
      const messages = Array.from({ length: 250 }, (_, i) => ({ [`${sender} ${i}`]: i }));
      expectSame(pair.read(other.write(messages)), messages);
    }
  });

  it('keep a member that is named __proto__ a member', () => {
    const sent: unknown = JSON.parse('{"__proto__":{"admin":true},"a":1}');
    const wide: unknown = JSON.parse(JSON.stringify(many(70)).replace('member 69', '__proto__'));
    for (const message of [sent, wide]) {
      const received = new CodecPair().send(message) as object;
      expect(Object.getPrototypeOf(received)).to.equal(Object.prototype);
      expect(Object.hasOwn(received, '__proto__')).to.equal(true);
      expectSame(received, message);
    }
    expect(({} as { admin?: boolean }).admin).to.equal(undefined);
  });

  it('come with a prototype when they had none', () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 });
    expectSame(new CodecPair().send(bare), { a: 1 });
  });

  it('come with undefined in the holes of arrays, and without members that are symbols', () => {
    const holes: unknown[] = [];
    holes[2] = 1;
    expectSame(new CodecPair().send(holes), [undefined, undefined, 1]);
    expectSame(new CodecPair().send({ [Symbol('hidden')]: 1, a: 2 }), { a: 2 });
  });

  it('keep errors and regular expressions', () => {
    const error = new CodecPair().send(new RangeError('too far')) as Error;
    expect(error).to.be.instanceOf(RangeError);
    expect(error.message).to.equal('too far');
    expectSame(new CodecPair().send(/a+\/b/giu), /a+\/b/giu);
  });

  it(`may be nested ${depthMax} deep, and no deeper`, () => {
    const nested = (depth: number, wrap: (inner: unknown) => unknown) => {
      let value: unknown = 'core';
      for (let i = 0; i < depth; i++) value = wrap(value);
      return value;
    };
    for (const wrap of [(inner: unknown) => [inner], (inner: unknown) => ({ inner })]) {
      expectSame(new CodecPair().send(nested(depthMax, wrap)), nested(depthMax, wrap));
      expect(() => new CodecPair().send(nested(depthMax + 1, wrap))).to.throw(
        TypeError,
        /nested deeper than 64/,
      );
    }
  });

  it('are refused when they contain themselves', () => {
    const object: { self?: unknown } = {};
    object.self = [object];
    const array: unknown[] = [];
    array.push(array);
    const wide: Record<string, unknown> = many(100);
    wide['self'] = wide;
    for (const cycle of [object, array, wide]) {
      expect(() => new CodecPair().send(cycle)).to.throw(TypeError, /or a cycle/);
    }
  });

  for (const [what, value] of [
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
  ] as const) {
    it(`are refused when they contain ${what}`, () => {
      for (const message of [value, [value], { value }]) {
        expect(() => new CodecPair().send(message)).to.throw(TypeError, /cannot leave its worker/);
      }
    });
  }
});

describe('instances of classes between workers', () => {
  class Vote {
    constructor(
      readonly letter: string,
      readonly votes: number,
    ) {
      if (letter === undefined) throw new Error('made without its arguments');
    }
    get text() {
      return `${this.letter} => ${this.votes}`;
    }
  }
  class Ballot {
    votes: Vote[] = [];
  }
  class Later extends Vote {}

  it('keep their class when the application names it, without their constructor being called', () => {
    const pair = new CodecPair([Ballot, Vote]);
    const received = pair.send({ vote: new Vote('a', 3) }) as { vote: Vote };
    expect(received.vote).to.be.instanceOf(Vote);
    expect(received.vote.text).to.equal('a => 3');
  });

  it('keep their class within each other, and within maps and sets', () => {
    const pair = new CodecPair([Ballot, Vote]);
    const ballot = Object.assign(new Ballot(), { votes: [new Vote('a', 1), new Vote('b', 2)] });
    expectSame(pair.send(ballot), ballot);
    expectSame(pair.send(new Map([['ballot', ballot]])), new Map([['ballot', ballot]]));
    expectSame(pair.send(new Set([ballot])), new Set([ballot]));
  });

  it('are told apart by their place in the list, whatever other applications name', () => {
    const one = new CodecPair([Vote, Ballot]);
    const other = new CodecPair([Ballot, Vote]);
    for (const pair of [one, other, one]) {
      expect(pair.send(new Vote('a', 1))).to.be.instanceOf(Vote);
      expect(pair.send(new Ballot())).to.be.instanceOf(Ballot);
    }
  });

  for (const [what, instance] of [
    ['the application does not name', new Ballot()],
    ['extends one that it names', new Later('a', 1)],
    ['extends a built-in one', new (class Counts extends Map {})()],
    ['is a wrapper of a primitive value', Object(1)],
    ['cannot be copied', Promise.resolve()],
  ] as readonly (readonly [string, unknown])[]) {
    it(`are refused, with what to do about it, when their class ${what}`, () => {
      const pair = new CodecPair([Vote]);
      for (const message of [instance, [instance], { instance }]) {
        expect(() => pair.send(message)).to.throw(
          TypeError,
          /an instance of class \w+ cannot leave its worker: name the class in the application's `classes`, or give it `serialize`/,
        );
      }
    });
  }

  it('are refused when they arrive at an application that names fewer classes', () => {
    const bytes = new CodecPair([Vote, Ballot]).write([new Ballot()]);
    expect(() => new CodecPair([Vote]).read(bytes)).to.throw(TypeError, /does not name/);
  });
});

describe('messages that the application writes itself', () => {
  const json = {
    serialize: (message: unknown) => Buffer.from(JSON.stringify(message)),
    deserialize: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
  };

  it('are written and read by its own functions', () => {
    const pair = new CodecPair([], json);
    expectSame(pair.read(pair.write([{ a: [1] }, 'b'])), [{ a: [1] }, 'b']);
    expectSame(pair.send({ lost: undefined }), {});
  });

  it('are refused when they do not become bytes', () => {
    const pair = new CodecPair([], { ...json, serialize: () => 'text' as unknown as Uint8Array });
    expect(() => pair.send(1)).to.throw(TypeError, /serialize must return bytes/);
  });

  it('cannot be read by an application without the function for it', () => {
    const bytes = new CodecPair([], json).write([1]);
    expect(() => new CodecPair().read(bytes)).to.throw(InvalidBatchError, /no deserialize/);
  });
});

describe('bytes that are no batch', () => {
  const invalid: readonly [
    what: string,
    bytes: readonly number[],
    error: new (...parameters: never[]) => Error,
  ][] = [
    ['an unknown first byte', [0xff], InvalidBatchError],
    ['a number cut short', [tag.i32, 0, 0, 0], ShortInputError],
    ['a short text cut short', [tag.shortText + 3, 65], ShortInputError],
    ['a text that claims 4 GiB', [tag.text, 0xff, 0xff, 0xff, 0xff], ShortInputError],
    ['an array that claims more than there is', [tag.array, 0, 0, 0, 2, 1], InvalidBatchError],
    ['a dictionary that claims more than there is', [tag.dictionary, 0xff, 0, 0, 0], InvalidBatchError],
    ['a shape that was not introduced', [tag.record, 0, 0], InvalidBatchError],
    ['a shape of too many members', [tag.newRecord, 0, 65], InvalidBatchError],
    ['a member whose name is a number', [tag.newRecord, 0, 1, 7, 7], InvalidBatchError],
    ['a dictionary whose name is a number', [tag.dictionary, 0, 0, 0, 1, 7, 7], InvalidBatchError],
    ['a shape cut short', [tag.newRecord, 0, 2, tag.shortText + 1, 65], ShortInputError],
    [
      'arrays without end',
      Array.from({ length: 500 }, (_, i) => [tag.array, 0, 0, 0, 1][i % 5]!),
      InvalidBatchError,
    ],
    [
      'shapes without end',
      [
        tag.newRecord,
        0,
        1,
        tag.shortText,
        ...Array.from({ length: 300 }, (_, i) => [tag.record, 0, 0][i % 3]!),
      ],
      InvalidBatchError,
    ],
  ];
  for (const [what, bytes, error] of invalid) {
    it(`are refused: ${what}`, () => {
      expect(() => new CodecPair().read(Buffer.from(bytes))).to.throw(error);
    });
  }

  it('do not read shapes of the batch before', () => {
    const pair = new CodecPair();
    pair.read(pair.write([{ a: 1 }]));
    expect(() => pair.read(Buffer.from([tag.record, 0, 0, 1]))).to.throw(InvalidBatchError);
  });

  it('read no byte beyond their end', () => {
    const bytes = new CodecPair().write([[1, 2, 3]]);
    expect(() => new CodecPair().read(bytes, 0, bytes.length - 1)).to.throw(InvalidBatchError);
    expect(() => new CodecPair().read(Buffer.from([tag.f64, ...Array<number>(8).fill(0)]), 0, 8)).to.throw(
      ShortInputError,
    );
  });

  /** Whether an error is ours. Those of MessagePack come from values that begin with its tag only. */
  function expectOwnError(error: unknown, bytes: Uint8Array): void {
    const own =
      error instanceof InvalidBatchError || error instanceof ShortInputError || error instanceof RangeError;
    if (!own && !bytes.includes(tag.messagePack)) throw error;
    expect(error).to.be.instanceOf(Error);
  }

  function unpolluted(): void {
    const probe: Record<string, unknown> = {};
    const names: string[] = [];
    for (const name in probe) names.push(name);
    expect(names).to.deep.equal([]);
    expect(Object.getPrototypeOf(probe)).to.equal(Object.prototype);
  }

  it('are met with errors of their own, and never change what all objects inherit', () => {
    const byte = fc.oneof(
      fc.nat(255),
      fc.constantFrom(...Object.values(tag)),
      fc.constantFrom(0, 0, 0, 1, 2, tag.shortText + 1, 65, 66),
    );
    const input = fc.array(byte, { maxLength: 60 }).map((all) => Uint8Array.from(all));
    fc.assert(
      fc.property(input, (bytes) => {
        try {
          new CodecPair().read(Buffer.from(bytes));
        } catch (error) {
          expectOwnError(error, bytes);
        }
        unpolluted();
      }),
      { numRuns: 1200 },
    );
  });

  it('are met so as well when they are a batch with damage', () => {
    const pair = new CodecPair();
    const damage = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.array(anyData, { minLength: 1, maxLength: 4 }),
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        (messages, all, cut) => {
          const bytes = pair.write([...messages, JSON.parse('{"__proto__":{"polluted":1}}')]);
          for (const { at, byte } of all) bytes[at % bytes.length] = byte;
          for (const end of [bytes.length, cut % bytes.length]) {
            try {
              pair.read(bytes, 0, end);
            } catch (error) {
              expectOwnError(error, bytes);
            }
          }
          unpolluted();
        },
      ),
      { numRuns: 400 },
    );
  });

  it('leave the decoder fit for the next batch', () => {
    const pair = new CodecPair();
    const deep = Buffer.from([tag.array, 0, 0, 0, 1, tag.array, 0, 0, 0, 1, 0xff]);
    for (let i = 0; i < 100; i++) expect(() => pair.read(deep)).to.throw(InvalidBatchError);
    expectSame(pair.send([[[1]]]), [[[1]]]);
  });

  it('allocate no more than they could fill', () => {
    // 60 arrays, one in another, each claiming as many values as bytes are left.
    const bytes = Buffer.alloc(20_000);
    for (let i = 0; i < 60; i++) {
      bytes[i * 5] = tag.array;
      bytes.writeUInt32BE(bytes.length - (i + 1) * 5, i * 5 + 1);
    }
    bytes[300] = 0xff;
    const before = process.memoryUsage().heapUsed;
    expect(() => new CodecPair().read(bytes)).to.throw(InvalidBatchError);
    expect(process.memoryUsage().heapUsed - before).to.be.lessThan(60 * 8 * bytes.length * 2);
  });
});

describe('the encoder', () => {
  it('is fit for the next batch after a message that it refused in the middle of a new shape', () => {
    const pair = new CodecPair();
    const out = new ByteWriter();
    pair.encoder.beginBatch();
    expect(() => pair.encoder.message(out, { a: 1, b: () => 1 })).to.throw(TypeError);
    expectSame(pair.read(pair.write([{ a: 1, b: 2 }])), [{ a: 1, b: 2 }]);
  });
});
