import { expect } from 'chai';
import { faultKinds } from '../../src/faults/fault.js';
import { runCampaign, type Summary } from '../../src/run/campaign.js';
import { summaryText } from '../../src/run/summary-text.js';

const seeds = 200;

describe(`${seeds} seeds`, function () {
  this.timeout(300_000);
  let summary: Summary;
  let startedAt: number;

  before(() => {
    startedAt = performance.now();
    summary = runCampaign({ from: 1, seeds });
  });

  it('show no violation', () => {
    const text = summaryText(summary, performance.now() - startedAt);
    expect(summary.violations, text).to.deep.equal([]);
  });

  it('mean something: messages cross links, and faults of every kind meet workers at work', () => {
    expect(summary.linked / summary.clusters).to.be.greaterThan(0.8);
    for (const kind of faultKinds) {
      expect(summary.fired.get(kind), kind).to.be.greaterThan(30);
      // A host that a worker is started on has none before.
      if (kind === 'join') continue;
      expect(summary.cells.get(`${kind} processing`), kind).to.be.greaterThan(20);
    }
    expect(summary.kills).to.be.greaterThan(100);
  });
});
