import { expect } from 'chai';
import { checkSinks } from '../../src/checkers/sinks.js';
import { Journal } from '../../src/workload/journal.js';
import type { Process } from '../../src/world/process.js';

/** One process that has made three messages, and what its sink got of them. */
function found(received: string, killed = false): number {
  const journal = new Journal();
  for (let i = 0; i < 3; i++) journal.add({ stage: 2, life: 1, key: 'k', from: 0, copy: 0, outputs: 1 });
  const process = {
    life: 1,
    name: 'one',
    killed,
    sinks: new Map([['out', { received: [Buffer.from(received)] }]]),
  } as unknown as Process;
  let findings = 0;
  checkSinks(journal, [process], { sinks: ['out'], lastStage: 2 }, () => findings++);
  return findings;
}

describe('the checker of sinks', () => {
  const lines = (...entries: readonly number[]) => entries.map((entry) => `trail lane.0 ${entry}\n`).join('');

  it('wants all that was made, in its order', () => {
    expect(found(lines(1, 2, 3))).to.equal(0);
    expect(found(lines(1, 3, 2))).to.equal(1);
    expect(found(lines(1, 1, 2, 3))).to.equal(1);
    expect(found(lines(1, 2))).to.equal(1);
  });

  it('wants of a process that was killed a first part of it, cut anywhere', () => {
    expect(found(lines(1, 2), true)).to.equal(0);
    expect(found(`${lines(1)}trail la`, true)).to.equal(0);
    expect(found(lines(2), true)).to.equal(1);
  });
});
