import { expect } from 'chai';
import type { Fault } from '../../src/faults/fault.js';
import { runScenario } from '../../src/run/run.js';
import { drawScenario } from '../../src/run/scenario.js';

const kill = (host: number, downMs: number): Fault => ({
  ...{ when: { atMs: 1178 }, kind: 'kill', host, downMs },
  ...{ wishes: 0, part: 1, power: false },
});
const failDisk = (host: number, forMs: number): Fault => ({
  ...{ when: { atMs: 990 }, kind: 'failDisk', host, forMs },
});

describe('a join that the leader and the joiner alone have on disk when all die', () => {
  it('goes on; a member that has come back without it does not send the joiner away', () => {
    const faults = [
      { when: { atMs: 1000 }, kind: 'join', host: 3 } as const,
      // One of the others comes back long before the other one.
      failDisk(1, 488),
      failDisk(2, 5188),
      kill(0, 300),
      kill(1, 50),
      kill(2, 50),
      kill(3, 200),
    ];
    const scenario = drawScenario(30, { workers: 3, resilience: true, faults });
    const { violation, trace } = runScenario(scenario, true);
    expect(violation).to.equal(undefined);
    const at = (text: string) => trace.findIndex((line) => line.includes(text));
    const ready = at('All 4 workers are ready for epoch 2');
    // Both are back, and differ about who the members are.
    expect(at('joiner1 log Waiting for initializer, worker2, worker1.')).to.be.within(0, ready);
    expect(at('worker1 log Waiting for initializer, worker2.')).to.be.within(0, ready);
    const ends = trace.filter((line) => line.includes('joiner1 exit')).map((line) => line.split(' exit ')[1]);
    expect(ends).to.deep.equal(['ok']);
  });
});
