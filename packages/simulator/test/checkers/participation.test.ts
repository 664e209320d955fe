import { expect } from 'chai';
import { ParticipationChecker } from '../../src/checkers/participation.js';
import type { CoreStatus } from '../../src/world/core.js';
import type { Process } from '../../src/world/process.js';

/** What is found of worker `one` in an epoch with these members. */
function found(epoch: number, incarnation: number, listed: Readonly<Record<string, number>>): string[] {
  const findings: string[] = [];
  const checker = new ParticipationChecker(({ text }) => findings.push(text));
  const status: Partial<CoreStatus> = {
    ...{ epoch, incarnation },
    members: Object.keys(listed),
    incarnations: Object.values(listed),
  };
  checker.called({ name: 'one', life: 1 } as Process, status as CoreStatus);
  return findings;
}

describe('the checker of participation', () => {
  it('lets a worker be in an epoch that lists it as it is, and in none', () => {
    expect(found(3, 2, { two: 1, one: 2 })).to.deep.equal([]);
    expect(found(0, 2, {})).to.deep.equal([]);
  });

  it('finds a worker in an epoch that knows of another life of it, or does not know it', () => {
    expect(found(3, 2, { one: 1 })).to.deep.equal([
      'one takes part in epoch 3 as incarnation 2; the epoch lists it as incarnation 1',
    ]);
    expect(found(3, 2, { two: 2 })).to.deep.equal([
      'one takes part in epoch 3 as incarnation 2; the epoch does not list it',
    ]);
  });
});
