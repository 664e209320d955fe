import { expect } from 'chai';
import fc from 'fast-check';
import { hashOf, KeyMap } from '../../../src/core/step/key-map.js';
import { KeyTable } from '../../../src/core/step/key-table.js';

interface Value {
  readonly key: string;
}

/** More than stay in one piece. */
const many = 20_000;

function filled(keyOf: (i: number) => string): KeyMap<Value> {
  const map = new KeyMap<Value>();
  for (let i = 0; i < many; i++) map.add({ key: keyOf(i) });
  return map;
}

describe('a map of keys', () => {
  for (const [what, count] of [
    ['few', 0],
    ['many', many],
  ] as const) {
    it(`has what a map has, of ${what} keys`, () => {
      const model = new Map<string, Value>();
      const map = new KeyMap<Value>();
      const toggle = (key: string) => {
        const known = model.get(key);
        expect(map.get(key)).to.equal(known);
        const value = { key };
        if (known !== undefined) {
          map.delete(key);
          model.delete(key);
        } else {
          map.add(value);
          model.set(key, value);
        }
        expect(map.get(key)).to.equal(model.get(key));
        expect(map.size).to.equal(model.size);
      };
      for (let i = 0; i < count; i++) toggle(`user-${i}`);
      const key = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 4 }),
        fc.nat(Math.max(count, 20)).map((i) => `user-${i}`),
      );
      fc.assert(fc.property(fc.array(key), (keys) => keys.forEach(toggle)));
      expect([...map.keys()]).to.have.members([...model.keys()]);
      for (const one of [...model.keys()]) toggle(one);
      expect([...map.keys()]).to.deep.equal([]);
    });
  }

  it('has what a map has when many keys have one hash', () => {
    const map = new KeyMap<Value>();
    // What follows a hash of 0 leaves it 0.
    const chosen = Array.from({ length: 300 }, (_, i) => `k251711\u6e91${'\0'.repeat(i)}`);
    expect(new Set(chosen.map(hashOf)).size).to.equal(1);
    const others = Array.from({ length: 3000 }, (_, i) => `other-${i}`);
    for (const key of [...chosen.slice(0, 200), ...others, ...chosen.slice(200)]) map.add({ key });
    expect(map.size).to.equal(3300);
    expect([...map.keys()]).to.have.members([...chosen, ...others]);
    for (const key of chosen) expect(map.get(key)?.key).to.equal(key);
    for (const key of chosen.slice(50)) map.delete(key);
    for (const [i, key] of chosen.entries()) expect(map.get(key)?.key).to.equal(i < 50 ? key : undefined);
    expect(map.size).to.equal(3050);
  });

  for (const [what, keyOf] of [
    ['that count up', (i: number) => `key-${i}`],
    ['with one end for all', (i: number) => `user${i}@example.com`],
    ['that are hexadecimal', (i: number) => Math.imul(i + 1, 0x9e3779b1).toString(16)],
    ['of two characters', (i: number) => String.fromCharCode(0x4e00 + (i & 0xff), 0x4e00 + (i >> 8))],
  ] as const) {
    it(`deals keys ${what} evenly, to parts and to places`, () => {
      const map = filled(keyOf);
      const { shards, crowded } = map as unknown as {
        shards: { taken: number }[];
        crowded: Map<string, Value>;
      };
      const average = many / shards.length;
      for (const { taken } of shards) expect(taken).to.be.within(average * 0.7, average * 1.3);
      expect(crowded.size).to.equal(0);
    });
  }
});

describe('a hash of keys', () => {
  it('is never that of a free place, and changes about half of its bits with each bit of the key', () => {
    // The last character takes what was mixed before it back to 0.
    expect(hashOf('k251711\u6e91')).to.equal(1);
    const flips = new Array<number>(32).fill(0);
    const samples = 4000;
    for (let i = 0; i < samples; i++) {
      const changed = hashOf(`key-${i}`) ^ hashOf(`key-${i ^ (1 << (i % 8))}`);
      for (let bit = 0; bit < 32; bit++) flips[bit]! += (changed >>> bit) & 1;
    }
    for (const count of flips) expect(count / samples).to.be.within(0.4, 0.6);
  });
});

describe('a table of keys', () => {
  /** Few, so that they meet each other all the time, also around the end of the table. */
  const hash = fc.constantFrom(1, 2, 13, 14, 15, 16 + 14, 32 + 15, -1, -2);
  const keyed = fc.tuple(hash, fc.nat(5)).map(([one, number]) => [one, `${one}/${number}`] as const);

  it('has what a map has when hashes meet', () =>
    fc.assert(
      fc.property(fc.array(keyed, { maxLength: 100, size: 'max' }), (steps) => {
        const crowded = new Map<string, Value>();
        const table = new KeyTable<Value>(crowded);
        const model = new Map<string, readonly [hash: number, value: Value]>();
        for (const [one, key] of steps) {
          if (model.delete(key)) {
            table.delete(one, key);
          } else {
            const value = { key };
            table.add(one, value);
            model.set(key, [one, value]);
          }
          for (const [name, [hash, value]] of model) expect(table.get(hash, name)).to.equal(value);
          expect(table.get(one, key)).to.equal(model.get(key)?.[1]);
        }
        expect([...table.values()].map(({ key }) => key)).to.have.members([...model.keys()]);
      }),
    ));

  it('looks at a bounded number of places when somebody has chosen keys of one hash', () => {
    const crowded = new Map<string, Value>();
    const table = new KeyTable<Value>(crowded);
    const keys = Array.from({ length: 1000 }, (_, i) => `chosen-${i}`);
    for (const key of keys) table.add(7, { key });
    expect(crowded.size).to.be.within(800, 999);
    for (const key of keys) expect(table.get(7, key)?.key).to.equal(key);
    expect(table.get(7, 'other')).to.equal(undefined);
    for (const key of keys.slice(0, 500)) table.delete(7, key);
    for (const [i, key] of keys.entries()) expect(table.get(7, key)?.key).to.equal(i < 500 ? undefined : key);
    for (const key of keys.slice(500)) table.delete(7, key);
    expect(crowded.size).to.equal(0);
    expect([...table.values()]).to.deep.equal([]);
  });

  it('also when places near each other are taken by keys chosen so', () => {
    const table = new KeyTable<Value>(new Map());
    for (let i = 0; i < 4000; i++) table.add(i + 1, { key: `chosen-${i}` });
    let looks = 0;
    const hidden = table as unknown as { hashes: Int32Array };
    hidden.hashes = new Proxy(hidden.hashes, {
      get: (hashes, name) => {
        looks++;
        return hashes[name as unknown as number];
      },
    });
    expect(table.get(1, 'other')).to.equal(undefined);
    expect(looks).to.be.within(100, 200);
  });

  it('gives room back when most of its keys have gone', () => {
    const table = new KeyTable<Value>(new Map());
    const { places } = table as unknown as { places: unknown[] };
    const keys = Array.from({ length: 1000 }, (_, i) => `key-${i}`);
    for (const key of keys) table.add(hashOf(key), { key });
    for (const key of keys) table.delete(hashOf(key), key);
    expect((table as unknown as { places: unknown[] }).places.length).to.equal(places.length);
  });
});
