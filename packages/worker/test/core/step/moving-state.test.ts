import { expect } from 'chai';
import fc from 'fast-check';
import { slotOf } from '../../../src/core/slots/hash.js';
import { MapStateStore } from '../../../src/core/step/state-store.js';

const slots = 4;
const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', '', '__proto__', '漢');
const step = fc.oneof(
  fc.record({ do: fc.constantFrom('has' as const, 'get' as const, 'peek' as const, 'put' as const), key }),
  fc.record({ do: fc.constant('hasThenGet' as const), key, then: key }),
  fc.record({ do: fc.constant('takeSlot' as const), slot: fc.nat(slots - 1) }),
);

describe('the state store', () => {
  it('agrees with a plain map whatever comes and goes', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        let made = 0;
        const store = new MapStateStore(slots, () => ({ number: ++made }));
        /** By key, in order of arrival. */
        const model = new Map<string, unknown>();
        const expectState = (wanted: string, state: unknown) => {
          if (model.has(wanted)) expect(state).to.equal(model.get(wanted));
          else expect(state).to.deep.equal({ number: made });
          model.set(wanted, state);
        };
        for (const one of steps) {
          switch (one.do) {
            case 'has':
              expect(store.has(one.key)).to.equal(model.has(one.key));
              break;
            case 'get':
              expectState(one.key, store.get(one.key));
              break;
            case 'peek':
              expect(store.peek(one.key)).to.equal(model.get(one.key));
              break;
            case 'hasThenGet':
              expect(store.has(one.key)).to.equal(model.has(one.key));
              expectState(one.then, store.get(one.then));
              break;
            case 'put': {
              const state = { put: ++made };
              store.put(one.key, state);
              model.set(one.key, state);
              break;
            }
            case 'takeSlot': {
              const taken = [...store.takeSlot(one.slot)];
              const expected = [...model].filter(([name]) => slotOf(name, slots) === one.slot);
              expect(taken.map((entry) => [entry.key, entry.state])).to.deep.equal(expected);
              for (const [name] of expected) model.delete(name);
              break;
            }
          }
          expect(store.size).to.equal(model.size);
          expect([...store.keys()]).to.have.members([...model.keys()]);
        }
        for (let slot = 0; slot < slots; slot++) {
          const expected = [...model].filter(([name]) => slotOf(name, slots) === slot);
          const found = [...store.entriesOfSlot(slot)].map((entry) => [entry.key, entry.state]);
          expect(found).to.deep.equal(expected);
        }
      }),
      { numRuns: 300 },
    ));

  it('forgets what it found last when its slot goes', () => {
    const store = new MapStateStore(slots, () => ({}));
    const before = store.get('a');
    expect(store.has('a')).to.equal(true);
    expect([...store.takeSlot(slotOf('a', slots))]).to.have.length(1);
    expect(store.has('a')).to.equal(false);
    expect(store.get('a')).not.to.equal(before);
  });

  it('makes a sample that belongs to no key', () => {
    const store = new MapStateStore(slots, () => ({ fresh: true }));
    expect(store.sample()).to.deep.equal({ fresh: true });
    expect(store.size).to.equal(0);
  });
});
