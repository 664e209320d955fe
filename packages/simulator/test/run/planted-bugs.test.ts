import { expect } from 'chai';
import { plantedBugs } from '@wallaroo/worker/core';
import { runCampaign } from '../../src/run/campaign.js';

const seedsMax = 400;

/** A bug that is never caught means that the dice are wrong, or that a checker is missing. */
describe('a planted bug', function () {
  this.timeout(300_000);
  for (const bug of plantedBugs) {
    it(`is caught: ${bug}`, () => {
      const summary = runCampaign({
        from: 1,
        seeds: seedsMax,
        overrides: { planted: [bug] },
        after: ({ violation }) => violation !== undefined,
      });
      const [caught] = summary.violations;
      expect(caught, `not caught in ${seedsMax} seeds`).not.to.equal(undefined);
      console.log(`      ${bug}: caught after ${summary.seeds} seeds by ${caught!.finding.checker}`);
    });
  }
});
