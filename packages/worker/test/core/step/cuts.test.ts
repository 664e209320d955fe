import { expect } from 'chai';
import fc from 'fast-check';
import { slotOf } from '../../../src/core/slots/hash.js';
import { MapStateStore, type CutScope, type Entry } from '../../../src/core/step/state-store.js';

const slots = 4;
const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const key = fc.constantFrom(...keys);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('change' as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('cut' as const),
      scope: fc.constantFrom<CutScope>('everything', 'since base', 'changes', 'changes'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const) }) },
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
        let store = new MapStateStore(slots, (): Counter => ({ value: 0 }));
        /** What a file of a log would restore: the newest value that was written of each key. */
        let file = new Map<string, number>();
        /** What it goes on from: what the last file that began with everything had when it had everything. */
        let from = new Map<string, number>();
        let base: ReadonlyMap<string, number> | undefined;
        /** The state at the last cut. */
        let snapshot: Map<string, number> | undefined;
        let next = 0;
        const check = () => {
          const log = new Map([...from, ...file]);
          for (const [name, value] of snapshot ?? []) expect(log.get(name), name).to.equal(value);
          snapshot = undefined;
          base ??= new Map(file);
        };
        const write = ({ key: name, state }: Entry) => void file.set(name, (state as Counter).value);
        // The first cut asks for everything: changes are not gathered before.
        for (const one of [{ do: 'cut', scope: 'everything' } as const, ...steps]) {
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
              }
              break;
            case 'cut': {
              // Before there is a base nothing goes on from it.
              const scope = one.scope === 'since base' && base === undefined ? 'changes' : one.scope;
              if (scope === 'everything') base = undefined;
              if (scope !== 'changes') {
                from = new Map(scope === 'everything' ? [] : base);
                file = new Map();
              }
              store.cut(scope, write);
              snapshot = new Map(
                [...store.keys()].map((name) => [name, (store.peek(name) as Counter).value]),
              );
              break;
            }
            case 'restore':
              // A new process has what the log has.
              while (store.writeSome(3) > 0);
              check();
              store = new MapStateStore(slots, (): Counter => ({ value: 0 }));
              store.clear();
              for (const [name, value] of from) store.restore(name, { value });
              if (from.size > 0) store.baseRestored();
              else base = new Map(file);
              for (const [name, value] of file) store.restore(name, { value });
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
    const cut = (scope: CutScope) => {
      store.cut(scope, (entry) => written.push(entry.key));
      while (store.writeSome(10) > 0);
      return written.splice(0);
    };
    for (const name of keys) store.get(name);
    expect(cut('everything')).to.have.members(keys);
    expect(cut('changes')).to.deep.equal([]);
    store.get('b');
    store.get('b');
    expect(cut('changes')).to.deep.equal(['b']);
    store.get('c');
    expect(cut('changes')).to.deep.equal(['c']);
    expect(store.changedSinceBase).to.equal(2);
    expect(cut('since base')).to.deep.equal(['b', 'c']);
    expect(cut('changes')).to.deep.equal([]);
    expect(cut('everything')).to.have.members(keys);
    expect(cut('since base')).to.deep.equal([]);
  });

  it('look at no more entries at a time than take as long as those that may be written', () => {
    const store = new MapStateStore(slots, (): Counter => ({ value: 0 }));
    const names = Array.from({ length: 10_000 }, (_, i) => `${i}`);
    for (const name of names) store.get(name);
    store.cut('everything', () => undefined);
    // All are written as they change.
    for (const name of names) store.get(name);
    let calls = 0;
    for (let left = 100_000; left > 0; calls++) {
      const counted = store.writeSome(10);
      if (counted === 0) break;
      left -= counted;
      expect(counted).to.be.at.most(10);
    }
    expect(calls).to.be.within(100, 140);
  });

  it('need not write again what was restored, and write all that is new behind it', () => {
    const store = new MapStateStore(slots, (): Counter => ({ value: 0 }));
    const written: string[] = [];
    store.clear();
    store.restore('a', { value: 1 });
    store.get('b');
    store.cut('changes', (entry) => written.push(entry.key));
    while (store.writeSome(10) > 0);
    expect(written).to.deep.equal(['b']);
    expect(store.peek('a')).to.deep.equal({ value: 1 });
    expect([...store.entriesOfSlot(slotOf('a', slots))].map((entry) => entry.key)).to.include('a');
  });
});
