import { expect } from 'chai';
import { plantedBugs, type PlantedBug } from '@wallaroo/worker/core';
import type { Finding } from '../../src/checkers/finding.js';
import { runCampaign } from '../../src/run/campaign.js';
import { damages, firstCatches, standstills, withCheckpoints } from '../first-catches.js';

const seedsMax = 1500;

/** That a worker broke down, or that a run did not end, says little of what was wrong: most such seeds do not count. */
function counts(bug: PlantedBug, { checker, text }: Finding): boolean {
  if (checker === 'crash') return bug in damages && text.includes(`DamagedFileError: ${damages[bug]}`);
  return checker !== 'liveness' || bug in standstills;
}

/**
 * The seed that catches the bug, and by which checker: at first the one from the list, then any. A seed that is not
 * that of the list is told as such: the list is out of date.
 */
function catchBug(bug: PlantedBug): string | undefined {
  const searches = [
    { from: firstCatches[bug], seeds: 1 },
    { from: 1, seeds: seedsMax },
  ];
  for (const search of searches) {
    const { violations } = runCampaign({
      ...search,
      overrides: { planted: [bug], resilience: withCheckpoints.has(bug) },
      after: ({ violation }) => violation !== undefined && counts(bug, violation),
    });
    const caught = violations.find(({ finding }) => counts(bug, finding));
    if (caught === undefined) continue;
    const { seed, finding } = caught;
    const stale = seed === firstCatches[bug] ? '' : ` (the list says ${firstCatches[bug]})`;
    return `caught after ${seed} seeds${stale} by the checker '${finding.checker}'`;
  }
  return undefined;
}

/** A bug that is never caught means that the dice are wrong, or that a checker is missing. */
describe('a planted bug', function () {
  this.timeout(600_000);
  for (const bug of plantedBugs) {
    it(`is caught: ${bug}`, () => {
      const caught = catchBug(bug);
      expect(caught, `not caught in ${seedsMax} seeds`).not.to.equal(undefined);
      console.log(`      ${bug}: ${caught}`);
    });
  }
});
