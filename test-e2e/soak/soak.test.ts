import { expect } from 'chai';
import { endClusters } from '../support/cluster.js';
import { endSequences } from '../support/sequence-cluster.js';
import { reportText } from './report.js';
import { Soak } from './soak.js';

describe('a soak', function () {
  this.timeout(180_000);

  afterEach(async () => {
    await endClusters();
    await endSequences();
  });

  it('does to a cluster what its seed says, tells each step, and finds nothing wrong', async () => {
    const told: string[] = [];
    const soak = await Soak.start({ seed: 3, workers: 2, tell: (line) => told.push(line) });
    const report = await soak.run({ minutes: 2, steps: 3 });
    expect(report.violations, told.join('\n')).to.deep.equal([]);
    expect(report.steps).to.equal(3);
    expect(report.messages).to.be.greaterThan(0);
    expect(told).to.have.length(3);
    expect(reportText(report)).to.include('\n0 violations');
  });
});
