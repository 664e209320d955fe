import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { ByteWriter } from '@wallaroo/protocol';
import type { HiddenStateCodec } from '../../../src/api/computation.js';
import { StateCodec } from '../../../src/core/step/state-codec.js';
import { MapStateStore } from '../../../src/core/step/state-store.js';
import { CodecPair } from '../support/codec.js';
import { anyData } from '../support/plain-data.js';

/** The codec of a stage whose new keys get such a state, on two workers. */
function codecOf(newState: () => unknown, own?: HiddenStateCodec, pair = new CodecPair()) {
  const here = new StateCodec(new MapStateStore(16, newState), own);
  const there = new StateCodec(new MapStateStore(16, newState), own);
  return {
    move(states: readonly unknown[]): unknown[] {
      const out = new ByteWriter();
      pair.encoder.beginBatch();
      for (const state of states) here.write(out, pair.encoder, state);
      const bytes = out.toBuffer();
      pair.decoder.beginBatch(bytes, 0, bytes.length);
      const moved: unknown[] = [];
      while (!pair.decoder.done) moved.push(there.read(pair.decoder));
      return moved;
    },
  };
}

class Counter {
  count = 0;
  seen: string[] = [];
  add(word: string): number {
    this.seen.push(word);
    return ++this.count;
  }
}

describe('the codec of a state', () => {
  it('brings plain states through as they are, several in a row', () =>
    fc.assert(
      fc.property(fc.array(anyData, { maxLength: 5 }), (states) => {
        const moved = codecOf(() => ({})).move(states);
        if (!isDeepStrictEqual(moved, states)) expect(moved).to.deep.equal(states);
      }),
      { numRuns: 300 },
    ));

  const samples: readonly [what: string, newState: () => unknown][] = [
    ['an object', () => ({ total: 0, by: { name: [1, 2] } })],
    ['an object without a prototype', () => Object.assign(Object.create(null) as object, { a: 1 })],
    ['an array', () => [1, { a: 2 }]],
    ['a Map', () => new Map([['a', { count: 1 }]])],
    ['a Set', () => new Set(['a'])],
    ['a Date', () => new Date(5)],
    ['a Buffer', () => Buffer.from('abc')],
    ['a Uint8Array', () => new Uint8Array([1, 2])],
    ['a number', () => 7],
    ['nothing', () => null],
  ];
  for (const [what, newState] of samples) {
    it(`brings ${what} through`, () => {
      const [moved] = codecOf(newState).move([newState()]);
      const expected = what.includes('without a prototype') ? { a: 1 } : newState();
      expect(isDeepStrictEqual(moved, expected)).to.equal(true);
    });
  }

  it('keeps the class of a state, which works on as before', () => {
    const counter = new Counter();
    counter.add('a');
    const [moved] = codecOf(() => new Counter()).move([counter]) as Counter[];
    expect(moved).to.be.instanceOf(Counter);
    expect(moved).to.deep.equal(counter);
    expect(moved!.add('b')).to.equal(2);
    expect(counter.seen).to.deep.equal(['a']);
  });

  it('keeps members that the class does not declare, also one that is called __proto__', () => {
    const counter = Object.assign(new Counter(), JSON.parse('{"more":1}'));
    Object.defineProperty(counter, '__proto__', { value: 'own', enumerable: true });
    const [moved] = codecOf(() => new Counter()).move([counter]) as object[];
    expect(Object.getPrototypeOf(moved)).to.equal(Counter.prototype);
    expect(Object.getOwnPropertyDescriptor(moved, '__proto__')?.value).to.equal('own');
    expect(moved).to.have.own.property('more', 1);
  });

  it('brings plain states through where new keys get instances', () => {
    expect(codecOf(() => new Counter()).move([{ count: 3 }, 5])).to.deep.equal([{ count: 3 }, 5]);
  });

  it('uses the functions of the author when there are some', () => {
    const own: HiddenStateCodec = {
      encode: (state: Counter) => Buffer.from(`${state.count}`),
      decode: (bytes) => Object.assign(new Counter(), { count: Number(Buffer.from(bytes).toString()) }),
    };
    const counters = [1, 22, 333].map((count) => Object.assign(new Counter(), { count }));
    expect(codecOf(() => new Counter(), own).move(counters)).to.deep.equal(counters);
  });

  it('refuses functions of the author that do not make bytes', () => {
    const own: HiddenStateCodec = { encode: () => 'text' as unknown as Uint8Array, decode: () => 1 };
    expect(() => codecOf(() => ({}), own).move([{}])).to.throw(TypeError, 'must return bytes');
  });

  it('refuses what could not arrive: functions, and instances of classes that nobody names', () => {
    for (const state of [{ callback: () => 1 }, { counter: new Counter() }]) {
      expect(() => codecOf(() => ({})).move([state])).to.throw(TypeError, 'cannot leave its worker');
    }
  });

  it('takes instances within a state when the application names their class', () => {
    const pair = new CodecPair([Counter]);
    const [moved] = codecOf(() => ({}), undefined, pair).move([{ counter: new Counter() }]) as [
      { counter: unknown },
    ];
    expect(moved.counter).to.be.instanceOf(Counter);
  });
});
