import { expect } from 'chai';
import { runScenario } from '../../src/run/run.js';
import { drawScenario } from '../../src/run/scenario.js';
import { regressionSeeds } from '../regression-seeds.js';

describe('seeds that once failed', () => {
  for (const { seed, why, ...overrides } of regressionSeeds) {
    it(`seed ${seed}: ${why}`, () => {
      expect(runScenario(drawScenario(seed, { resilience: false, ...overrides })).violation).to.equal(
        undefined,
      );
    });
  }
});
