import { expect } from 'chai';
import fc from 'fast-check';
import { slotOf } from '../../../src/core/slots/hash.js';
import { MapStateStore } from '../../../src/core/step/state-store.js';

describe('the state store', () => {
  it('has each key in the slot that its hash says, and in no other', () =>
    fc.assert(
      fc.property(fc.uniqueArray(fc.string()), (keys) => {
        const store = new MapStateStore(16, () => ({}));
        for (const key of keys) store.get(key);
        const found: string[] = [];
        for (let slot = 0; slot < 16; slot++) {
          for (const entry of store.entriesOfSlot(slot)) {
            expect(slotOf(entry.key, 16)).to.equal(slot);
            expect(entry.slot).to.equal(slot);
            expect(store.peek(entry.key)).to.equal(entry.state);
            found.push(entry.key);
          }
        }
        expect(found).to.have.members(keys);
        expect(store.size).to.equal(keys.length);
      }),
    ));

  it('makes the state of a key once', () => {
    let made = 0;
    const store = new MapStateStore(16, () => ({ number: ++made }));
    expect(store.peek('a')).to.equal(undefined);
    expect(store.get('a')).to.equal(store.get('a'));
    expect(made).to.equal(1);
  });
});
