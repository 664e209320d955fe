import { expect } from 'chai';
import { runScenario } from '../../src/run/run.js';
import { drawScenario } from '../../src/run/scenario.js';

describe('a run', () => {
  it('is the same, byte for byte, when its seed is the same', function () {
    this.timeout(120_000);
    for (let seed = 1; seed <= 20; seed++) {
      const [one, two] = [1, 2].map(() => runScenario(drawScenario(seed), true));
      expect(one!.trace.length).to.be.greaterThan(0);
      expect(one!.trace.join('\n') === two!.trace.join('\n'), `traces of seed ${seed}`).to.equal(true);
      expect(one!.hash).to.equal(two!.hash);
    }
  });

  it('is another when its seed is another', () => {
    expect(runScenario(drawScenario(1)).hash).not.to.equal(runScenario(drawScenario(2)).hash);
  });

  it('does not depend on whether its text is kept', () => {
    expect(runScenario(drawScenario(3), true).hash).to.equal(runScenario(drawScenario(3), false).hash);
  });

  it('has a scenario that is data: it can be written down and read again', () => {
    const scenario = drawScenario(4);
    expect(JSON.parse(JSON.stringify(scenario))).to.deep.equal(scenario);
  });
});
