import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { HeldMessages } from '../../../src/core/migration/held-messages.js';
import { CodecPair } from '../support/codec.js';
import { anyData, anyText } from '../support/plain-data.js';

function holding(pair = new CodecPair()) {
  return new HeldMessages(pair.encoder, pair.decoder);
}

function taken(held: HeldMessages): unknown[] {
  let got: unknown[] = [];
  held.take((...message) => {
    got = message;
  });
  return got;
}

describe('messages that wait for their slots', () => {
  it('come out in the order in which they came in, as they were then', () => {
    const message = fc.tuple(fc.nat(0xffff), anyText, anyData);
    const step = fc.oneof(
      { weight: 3, arbitrary: message },
      { weight: 2, arbitrary: fc.constant('take' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
        const held = holding();
        const queue: unknown[][] = [];
        for (const one of steps) {
          if (one !== 'take') {
            held.add(...one);
            queue.push(one);
          } else if (queue.length > 0) {
            const got = taken(held);
            const expected = queue.shift();
            if (!isDeepStrictEqual(got, expected)) expect(got).to.deep.equal(expected);
          }
          expect(held.empty).to.equal(queue.length === 0);
          expect(held.size > 0).to.equal(queue.length > 0);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('do not change when the object changes that was added', () => {
    const held = holding();
    const message = { words: ['a'] };
    held.add(3, 'k', message);
    message.words.push('b');
    expect(taken(held)).to.deep.equal([3, 'k', { words: ['a'] }]);
  });

  it('may make others that wait behind all that wait already', () => {
    const held = holding();
    for (const message of [1, 2, 3]) held.add(0, 'k', message);
    const order: unknown[] = [];
    while (!held.empty) {
      held.take((target, key, message) => {
        order.push(message);
        if ((message as number) < 10) held.add(target, key, (message as number) + 10);
      });
    }
    expect(order).to.deep.equal([1, 2, 3, 11, 12, 13]);
    expect(held.size).to.equal(0);
  });

  it('are not there when they were refused', () => {
    const held = holding();
    held.add(0, 'a', { first: 1 });
    expect(() => held.add(0, 'b', { second: () => 1 })).to.throw(TypeError);
    held.add(0, 'c', { second: 2 });
    expect([taken(held), taken(held)]).to.deep.equal([
      [0, 'a', { first: 1 }],
      [0, 'c', { second: 2 }],
    ]);
    expect(held.empty).to.equal(true);
  });

  it('go through the functions of the application when it has some', () => {
    const pair = new CodecPair([], {
      serialize: (message) => Buffer.from(JSON.stringify(message)),
      deserialize: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
    });
    const held = holding(pair);
    held.add(1, 'k', { kept: 1, lost: undefined });
    expect(taken(held)).to.deep.equal([1, 'k', { kept: 1 }]);
  });
});
