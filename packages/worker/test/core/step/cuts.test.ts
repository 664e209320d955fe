import { expect } from 'chai';
import fc from 'fast-check';
import { slotOf } from '../../../src/core/slots/hash.js';
import { MapStateStore } from '../../../src/core/step/state-store.js';

const slots = 4;
const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const key = fc.constantFrom(...keys);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('change' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), all: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('write' as const), count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('put' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('take' as const), slot: fc.nat(slots - 1) }) },
);

interface Counter {
  value: number;
}

describe('cuts of the state store', () => {
  it('write what has changed, as it was at the cut, whatever changes or goes meanwhile', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const store = new MapStateStore(slots, (): Counter => ({ value: 0 }));
        /** What a log would restore: the newest value that was written of each key. */
        const log = new Map<string, number>();
        /** The state at the last cut. */
        let snapshot: Map<string, number> | undefined;
        let next = 0;
        const check = () => {
          for (const [name, value] of snapshot ?? []) expect(log.get(name), name).to.equal(value);
          snapshot = undefined;
        };
        // The first cut asks for everything: changes are not gathered before.
        for (const one of [{ do: 'cut', all: true } as const, ...steps]) {
          switch (one.do) {
            case 'change':
              (store.get(one.key) as Counter).value = ++next;
              break;
            case 'put':
              store.put(one.key, { value: ++next });
              break;
            case 'take':
              for (const taken of store.takeSlot(one.slot)) {
                snapshot?.delete(taken.key);
                log.delete(taken.key);
              }
              break;
            case 'cut':
              store.cut(one.all, (entry) => void log.set(entry.key, (entry.state as Counter).value));
              snapshot = new Map(
                [...store.keys()].map((name) => [name, (store.peek(name) as Counter).value]),
              );
              break;
            case 'write':
              if (store.writeSome(one.count) === 0) check();
          }
        }
        while (store.writeSome(3) > 0);
        check();
      }),
      { numRuns: 500 },
    ));

  it('write only what has changed since the last one', () => {
    const store = new MapStateStore(slots, (): Counter => ({ value: 0 }));
    const written: string[] = [];
    const cut = (all: boolean) => {
      store.cut(all, (entry) => written.push(entry.key));
      while (store.writeSome(10) > 0);
      return written.splice(0);
    };
    for (const name of keys) store.get(name);
    expect(cut(true)).to.have.members(keys);
    expect(cut(false)).to.deep.equal([]);
    store.get('b');
    store.get('b');
    expect(cut(false)).to.deep.equal(['b']);
    expect(cut(true)).to.have.members(keys);
  });

  it('need not write again what was restored, and write all that is new behind it', () => {
    const store = new MapStateStore(slots, (): Counter => ({ value: 0 }));
    const written: string[] = [];
    store.clear();
    store.restore('a', { value: 1 });
    store.get('b');
    store.cut(false, (entry) => written.push(entry.key));
    while (store.writeSome(10) > 0);
    expect(written).to.deep.equal(['b']);
    expect(store.peek('a')).to.deep.equal({ value: 1 });
    expect([...store.entriesOfSlot(slotOf('a', slots))].map((entry) => entry.key)).to.include('a');
  });
});
