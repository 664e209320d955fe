import { expect } from 'chai';
import type { Fault } from '../../src/faults/fault.js';
import { shrink, type Reproduction } from '../../src/run/shrink.js';

const fault = (atMs: number): Fault => ({ when: { atMs }, kind: 'reset', between: [0, 1] });
const finding = (checker: string) => ({ checker, text: checker });

/** A run that fails when faults at all of `needed` are there, and enough messages. */
function failing(needed: readonly number[], messages: number) {
  return (candidate: Reproduction) => {
    const times = candidate.faults.map(({ when }) => (when as { atMs: number }).atMs);
    const fails = needed.every((time) => times.includes(time)) && candidate.messages >= messages;
    return {
      violation: fails ? finding('lost') : times.length === 1 ? finding('another') : undefined,
      fired: candidate.faults.map((one) => ({ fault: one, phase: 'processing' })),
    };
  };
}

describe('the shrinker', () => {
  it('finds the faults that matter and few messages, and keeps to the checker that failed', () => {
    const run = failing([3, 17], 5);
    const start = { faults: Array.from({ length: 20 }, (_, i) => fault(i)), messages: 100 };
    const { faults, messages, violation } = shrink(start, run(start), run);
    expect(faults).to.deep.equal([fault(3), fault(17)]);
    expect(messages).to.equal(6);
    expect(violation.checker).to.equal('lost');
  });

  it('finds out that faults are not needed at all', () => {
    const run = failing([], 1);
    const start = { faults: [fault(1), fault(2)], messages: 8 };
    expect(shrink(start, run(start), run)).to.deep.include({ faults: [], messages: 1 });
  });

  it('leaves out faults that never fired before anything else', () => {
    const run = failing([1], 1);
    const start = { faults: [fault(1), fault(2), fault(3)], messages: 1 };
    const first = { ...run(start), fired: [{ fault: start.faults[0]!, phase: 'processing' }] };
    expect(shrink(start, first, run).runs).to.be.at.most(5);
  });

  it('stops after so many runs with the best it has', () => {
    const run = failing([1, 5, 9, 14], 1);
    const start = { faults: Array.from({ length: 16 }, (_, i) => fault(i)), messages: 64 };
    const shrunk = shrink(start, run(start), run, 10);
    expect(shrunk.runs).to.equal(10);
    expect(shrunk.faults).to.include.deep.members([1, 5, 9, 14].map(fault));
  });
});
