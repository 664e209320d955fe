import { expect } from 'chai';
import { countTraffic } from '../../src/run/traffic-figures.js';

describe('the figures of traffic', () => {
  it('are those of a worker alone: it says nothing', () => {
    const one = countTraffic(1);
    expect(one.control).to.deep.equal({ frames: 0, bytes: 0 });
    expect(one.data).to.deep.equal({ frames: 0, bytes: 0 });
  });

  for (const workers of [4, 8, 16]) {
    it(`count what ${workers} workers say to each other`, function () {
      this.timeout(120_000);
      const figures = countTraffic(workers);
      expect(figures.messages).to.equal(workers * 520);
      expect(figures.controlFramesPerWorker).to.be.greaterThan(0);
      expect(figures.dataBytesPerMessage).to.be.greaterThan(50);
      // Members speak to their leader, not all to all: more workers do not make each of them say more.
      expect(figures.controlFramesPerWorker).to.be.lessThan(20);
      // Each worker may have links to all others, and batches get smaller; the messages stay the same.
      expect(figures.dataBytesPerMessage).to.be.lessThan(1000);
    });
  }
});
