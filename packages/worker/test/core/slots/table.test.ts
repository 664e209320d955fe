import { expect } from 'chai';
import fc from 'fast-check';
import { nextMoves, slotsToMove } from '../../../src/core/slots/moves.js';
import { balanced, dealSlots, type SlotOwners } from '../../../src/core/slots/table.js';

function countsOf(owners: SlotOwners, members: number): number[] {
  const counts = Array.from({ length: members }, () => 0);
  for (const owner of owners) counts[owner]!++;
  return counts;
}

/** Any assignment, also a lopsided one, with who stays: one at least. */
const situation = fc
  .record({
    members: fc.integer({ min: 1, max: 9 }),
    slots: fc.integer({ min: 0, max: 7 }).map((n) => 2 ** n),
  })
  .chain(({ members, slots }) =>
    fc.record({
      owners: fc.oneof(
        fc.array(fc.nat(members - 1), { minLength: slots, maxLength: slots }),
        fc.integer({ min: 1, max: members }).map((former) => [...dealSlots(slots, former)]),
      ),
      stays: fc
        .tuple(fc.array(fc.boolean(), { minLength: members, maxLength: members }), fc.nat(members - 1))
        .map(([stays, one]) => stays.map((stay, member) => stay || member === one)),
    }),
  );

/** The least number of slots that must move, over every way to hand out the spare ones. */
function leastMoves(owners: SlotOwners, stays: readonly boolean[]): number {
  const counts = countsOf(owners, stays.length);
  const staying = stays.flatMap((stay, member) => (stay ? [member] : []));
  const least = Math.floor(owners.length / staying.length);
  const spare = owners.length % staying.length;
  let best = Infinity;
  for (let choice = 0; choice < 2 ** staying.length; choice++) {
    const favoured = staying.filter((_, i) => choice & (1 << i));
    if (favoured.length !== spare) continue;
    let moved = 0;
    stays.forEach((stay, member) => {
      const quota = stay ? least + (favoured.includes(member) ? 1 : 0) : 0;
      moved += Math.max(0, counts[member]! - quota);
    });
    best = Math.min(best, moved);
  }
  return best;
}

function differences(one: SlotOwners, other: SlotOwners): number {
  return one.filter((owner, slot) => owner !== other[slot]).length;
}

describe('the table of slots', () => {
  it('deals slots so that their numbers differ by at most one', () =>
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 20 }), (slots, members) => {
        const owners = dealSlots(slots, members);
        const counts = countsOf(owners, members);
        expect(owners).to.have.length(slots);
        expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(1);
      }),
    ));

  it('is balanced over the members that stay, and gives nothing to the others', () =>
    fc.assert(
      fc.property(situation, ({ owners, stays }) => {
        const next = balanced(owners, stays);
        expect(next).to.have.length(owners.length);
        const counts = countsOf(next, stays.length);
        const staying = counts.filter((_, member) => stays[member]);
        expect(Math.max(...staying) - Math.min(...staying)).to.be.at.most(1);
        expect(counts.filter((count, member) => !stays[member] && count > 0)).to.deep.equal([]);
      }),
    ));

  it('moves no slot that need not move', () =>
    fc.assert(
      fc.property(situation, ({ owners, stays }) => {
        const moved = differences(owners, balanced(owners, stays));
        expect(moved).to.equal(leastMoves(owners, stays));
        expect(slotsToMove(owners, stays)).to.equal(moved);
      }),
      { numRuns: 300 },
    ));

  it('stays as it is once it is balanced, and is the same every time', () =>
    fc.assert(
      fc.property(situation, ({ owners, stays }) => {
        const next = balanced(owners, stays);
        expect(balanced([...owners], [...stays])).to.deep.equal(next);
        expect(balanced(next, stays)).to.deep.equal(next);
      }),
    ));

  it('gives a new member its share from all, and takes nothing among the others', () => {
    const owners = dealSlots(12, 3);
    const next = balanced(owners, [true, true, true, true]);
    expect(countsOf(next, 4)).to.deep.equal([3, 3, 3, 3]);
    expect(next.filter((owner, slot) => owner !== owners[slot])).to.deep.equal([3, 3, 3]);
  });

  it('leaves slots over to those that have most', () => {
    expect(balanced([0, 1, 1, 2], [true, true, false])).to.deep.equal([0, 1, 1, 0]);
    expect(balanced([0, 1, 1], [true, true])).to.deep.equal([0, 1, 1]);
  });
});

describe('moves of slots', () => {
  it('reach balance in exactly as many moves as are needed, a few at a time', () =>
    fc.assert(
      fc.property(situation, fc.integer({ min: 1, max: 20 }), ({ owners, stays }, most) => {
        const now = [...owners];
        let left = slotsToMove(now, stays);
        for (;;) {
          const moves = nextMoves(now, stays, most);
          if (moves === undefined) break;
          const { slots, from, to } = moves;
          expect(slots.length).to.be.within(1, most);
          expect(new Set(slots).size).to.equal(slots.length);
          expect(stays[to]).to.equal(true);
          for (const slot of slots) {
            expect(now[slot]).to.equal(from);
            now[slot] = to;
          }
          left -= slots.length;
          expect(slotsToMove(now, stays)).to.equal(left);
        }
        expect(left).to.equal(0);
        expect(balanced(now, stays)).to.deep.equal(now);
      }),
    ));

  it('are none when all is as it should be', () => {
    expect(nextMoves(dealSlots(8, 4), [true, true, true, true], 3)).to.equal(undefined);
  });

  it('go between one pair of members at a time', () => {
    expect(nextMoves([0, 0, 1, 1], [true, true, true, true], 9)).to.deep.equal({
      slots: [1],
      from: 0,
      to: 2,
    });
    expect(nextMoves([0, 2, 1, 0], [true, true, false], 9)).to.deep.equal({ slots: [1], from: 2, to: 1 });
  });
});
