import { expect } from 'chai';
import { runScenario } from '../../src/run/run.js';
import { drawScenario } from '../../src/run/scenario.js';
import { regressionSeeds } from '../regression-seeds.js';

describe('seeds that once failed', () => {
  for (const { seed, why, ...overrides } of regressionSeeds) {
    it(`seed ${seed}: ${why}`, () => {
      const scenario = drawScenario(seed, { resilience: false, streams: false, ...overrides });
      expect(runScenario(scenario).violation).to.equal(undefined);
    });
  }
});
