import { expect } from 'chai';
import fc from 'fast-check';
import { KeyMap } from '../../../src/core/step/key-map.js';

/** More than stay in one piece. */
const many = 20_000;

function filled(keyOf: (i: number) => string): KeyMap<number> {
  const map = new KeyMap<number>();
  for (let i = 0; i < many; i++) map.add(keyOf(i), i);
  return map;
}

describe('a map of keys', () => {
  it('has what a map has, few keys or many', () => {
    const model = new Map<string, number>();
    const map = new KeyMap<number>();
    for (let i = 0; i < many; i++) {
      map.add(`user-${i}`, i);
      model.set(`user-${i}`, i);
    }
    const key = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.nat(many).map((i) => `user-${i}`),
    );
    fc.assert(
      fc.property(fc.array(key), (keys) => {
        for (const one of keys) {
          expect(map.get(one)).to.equal(model.get(one));
          if (model.delete(one)) map.delete(one);
          else {
            model.set(one, one.length);
            map.add(one, one.length);
          }
          expect(map.get(one)).to.equal(model.get(one));
          expect(map.size).to.equal(model.size);
        }
      }),
    );
    expect([...map.keys()]).to.have.members([...model.keys()]);
  });

  it('names its keys in the order in which they came while they are few', () => {
    const map = new KeyMap<number>();
    for (const key of ['b', 'a', 'c']) map.add(key, 1);
    expect([...map.keys()]).to.deep.equal(['b', 'a', 'c']);
  });

  for (const [what, keyOf] of [
    ['that count up', (i: number) => `key-${i}`],
    ['with one end for all', (i: number) => `user${i}@example.com`],
    ['that are hexadecimal', (i: number) => Math.imul(i + 1, 0x9e3779b1).toString(16)],
  ] as const) {
    it(`deals keys ${what} to many parts, none of them large`, () => {
      const map = filled(keyOf);
      const { shards } = map as unknown as { shards: readonly Map<string, number>[] };
      expect(Math.max(...shards.map(({ size }) => size))).to.be.below(many / 8);
    });
  }
});
