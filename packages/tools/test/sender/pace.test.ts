import { expect } from 'chai';
import { Pace } from '../../src/sender/pace.js';

const never = () => {
  throw new Error('nothing varies here');
};

describe('the pace of the sender', () => {
  it('has a batch due at once, and the next after the interval', () => {
    const pace = new Pace({ batchSize: 500, intervalNs: 5_000_000, varyBy: 0 }, 1000, never);
    expect(pace.take(1000)).to.equal(500);
    expect(pace.take(1000)).to.equal(0);
    expect(pace.wait(1001)).to.equal(4);
    expect(pace.take(1004.9)).to.equal(0);
    expect(pace.take(1005)).to.equal(500);
  });

  it('makes up for ticks that were missed', () => {
    const pace = new Pace({ batchSize: 10, intervalNs: 1_000_000, varyBy: 0 }, 0, never);
    let due = 0;
    for (let batch = pace.take(99.5); batch > 0; batch = pace.take(99.5)) due += batch;
    expect(due).to.equal(1000);
    expect(pace.wait(99.5)).to.equal(0.5);
  });

  it('always has a batch due when the interval is 0', () => {
    const pace = new Pace({ batchSize: 1, intervalNs: 0, varyBy: 0 }, 7, never);
    for (let i = 0; i < 10_000; i++) expect(pace.take(7)).to.equal(1);
    expect(pace.wait(7)).to.equal(0);
  });

  it('varies the batch size after every 1001 ticks, from the size that was asked for', () => {
    const chances = [0.99, 0, 0.5];
    const pace = new Pace({ batchSize: 100, intervalNs: 0, varyBy: 10 }, 0, () => chances.shift()!);
    const sizes: [size: number, ticks: number][] = [];
    for (let tick = 1; tick <= 3003; tick++) {
      const size = pace.take(0);
      const last = sizes.at(-1);
      if (last?.[0] === size) last[1]++;
      else sizes.push([size, 1]);
    }
    expect(sizes).to.deep.equal([
      [100, 1000],
      [109, 1001],
      [100, 1001],
      [105, 1],
    ]);
  });
});
