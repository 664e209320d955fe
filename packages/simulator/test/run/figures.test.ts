import { expect } from 'chai';
import { runCampaign } from '../../src/run/campaign.js';
import { addUp, figuresOf, FiguresError, type Figures } from '../../src/run/figures.js';

function figures(from: number, seeds: number, settings = '{}'): Figures {
  const summary = runCampaign({ from, seeds, overrides: { messages: 20 } });
  return JSON.parse(JSON.stringify(figuresOf(summary, { from, settings, wallMs: 10 }))) as Figures;
}

describe('figures of shards', function () {
  this.timeout(60_000);

  it('add up to those of the whole campaign', () => {
    const { summary, wallMs } = addUp([figures(3, 3), figures(1, 2)]);
    expect(wallMs).to.equal(20);
    expect({ ...summary }).to.deep.equal({
      ...runCampaign({ from: 1, seeds: 5, overrides: { messages: 20 } }),
    });
  });

  it('are not added up when a seed is in two of them, or when they are of different campaigns', () => {
    const one = figures(1, 1);
    expect(() =>
      addUp([
        { ...one, seeds: 5 },
        { ...one, from: 5 },
      ]),
    ).to.throw(FiguresError, 'seeds from 5 to 5');
    expect(() => addUp([one, { ...one, from: 9, settings: '{"faultRate":2}' }])).to.throw(FiguresError);
  });
});
