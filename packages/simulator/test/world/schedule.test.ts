import { expect } from 'chai';
import fc from 'fast-check';
import { Dice } from '../../src/random/dice.js';
import { Schedule } from '../../src/world/schedule.js';

describe('the schedule', () => {
  it('lets things happen in the order of their times, whatever the order in which they came', () =>
    fc.assert(
      fc.property(fc.array(fc.nat(1000)), (times) => {
        const schedule = new Schedule(Dice.of(1));
        const happened: number[] = [];
        for (const time of times) schedule.after(time, () => happened.push(schedule.now));
        while (schedule.next(Infinity));
        expect(happened).to.deep.equal([...times].sort((a, b) => a - b));
        expect(schedule.happened).to.equal(times.length);
      }),
    ));

  it('lets the dice decide between things at the same moment', () => {
    const order = (seed: number) => {
      const schedule = new Schedule(Dice.of(seed));
      const happened: number[] = [];
      for (let i = 0; i < 8; i++) schedule.after(5, () => happened.push(i));
      while (schedule.next(5));
      return happened.join('');
    };
    expect(order(1)).to.equal(order(1));
    expect(new Set(Array.from({ length: 10 }, (_, seed) => order(seed))).size).to.be.greaterThan(5);
  });

  it('stops at a time, and goes on from there', () => {
    const schedule = new Schedule(Dice.of(1));
    const happened: string[] = [];
    schedule.after(10, () => happened.push('ten'));
    expect(schedule.next(9)).to.equal(false);
    expect(schedule.now).to.equal(9);
    schedule.after(0, () => happened.push('nine'));
    while (schedule.next(20));
    expect(happened).to.deep.equal(['nine', 'ten']);
    expect(schedule.now).to.equal(20);
  });
});
