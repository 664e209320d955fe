import { expect } from 'chai';
import { plantedBugs } from '@wallaroo/worker/core';
import { runCampaign } from '../../src/run/campaign.js';
import { firstCatches, masked } from '../first-catches.js';

const seedsMax = 400;

/** The seed that catches the bug, and by which checker: at first the one from the list, then any. */
function catchBug(bug: string): string | undefined {
  const searches = [
    { from: firstCatches[bug] ?? 1, seeds: 1 },
    { from: 1, seeds: seedsMax },
  ];
  for (const search of searches) {
    const summary = runCampaign({
      ...search,
      overrides: { planted: [bug] },
      after: ({ violation }) => violation !== undefined,
    });
    const [caught] = summary.violations;
    if (caught !== undefined) return `caught after ${caught.seed} seeds by ${caught.finding.checker}`;
  }
  return undefined;
}

/** A bug that is never caught means that the dice are wrong, or that a checker is missing. */
describe('a planted bug', function () {
  this.timeout(300_000);
  for (const bug of plantedBugs) {
    if (bug in masked) continue;
    it(`is caught: ${bug}`, () => {
      const caught = catchBug(bug);
      expect(caught, `not caught in ${seedsMax} seeds`).not.to.equal(undefined);
      console.log(`      ${bug}: ${caught}`);
    });
  }

  it('is known to be masked only while it is there', () => {
    expect(plantedBugs).to.include.members(Object.keys(masked));
    expect(plantedBugs).to.include.members(Object.keys(firstCatches));
  });
});
