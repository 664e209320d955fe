import { expect } from 'chai';
import { setImmediate } from 'node:timers/promises';
import { nowMs } from '../apps/timed-count.js';
import { measureStore } from '../packed-state.js';
import { measureRescale } from '../rescale.js';
import { gcBetween, GcLog } from '../rescale/gc-log.js';

describe('the benchmark of growing and shrinking', function () {
  this.timeout(120_000);

  for (const [way, stopsTheWorld] of [
    ['a few slots at a time', false],
    ['everything paused', true],
  ] as const) {
    it(`tells what a move costs, and what collecting garbage takes of it, ${way}`, async () => {
      const rows = await measureRescale({ keys: 2000, rate: 2000, steadySeconds: 2, stopsTheWorld });
      expect(rows.map(({ step }) => step)).to.deep.equal(['grow 1 -> 2', 'shrink 2 -> 1']);
      for (const { gcShare, gcMs, keysMoved, memoryMbBefore, memoryMb, cpuShareBefore } of rows) {
        expect(memoryMbBefore).to.be.greaterThan(20);
        expect(memoryMb).to.be.greaterThan(20);
        expect(cpuShareBefore).to.be.within(0, 2);
        expect(keysMoved).to.be.within(500, 1500);
        expect(gcShare).to.be.within(0, 1);
        expect(gcMs).to.be.at.least(0);
      }
    });
  }

  it('sees the pauses of this process', async () => {
    const log = new GcLog(nowMs);
    try {
      const from = Math.floor(nowMs() / 1000);
      const seen = () => gcBetween(log.summary(), from, Math.ceil(nowMs() / 1000));
      while (seen().longest === 0) {
        Array.from({ length: 10_000 }, (_, number) => ({ number }));
        await setImmediate();
      }
      expect(seen().share).to.be.within(0, 1);
    } finally {
      log.stop();
    }
  });

  it('counts the pauses of the seconds that are asked for', () => {
    const { share, longest } = gcBetween({ 4: [900, 900], 5: [100, 60], 7: [50, 50] }, 5, 8);
    expect(share).to.be.closeTo(0.05, 1e-9);
    expect(longest).to.equal(60);
  });

  for (const store of ['objects in a Map', 'packed, all fields read']) {
    it(`measures a store: ${store}`, () => {
      const { gcMs, updateNs } = measureStore(store, 1000, 1000);
      expect(gcMs).to.be.greaterThan(0);
      expect(updateNs).to.be.a('number');
    });
  }
});
