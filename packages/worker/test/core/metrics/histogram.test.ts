import { expect } from 'chai';
import fc from 'fast-check';
import { DurationHistogram } from '../../../src/core/metrics/histogram.js';
import { Meter } from '../../../src/core/metrics/meter.js';

describe('a histogram of durations', () => {
  it('counts a value in the bin of its bit length', () =>
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const histogram = new DurationHistogram();
        histogram.record(value);
        expect(histogram.bins.indexOf(1)).to.equal(value === 0 ? 0 : value.toString(2).length);
        expect([histogram.min, histogram.max]).to.deep.equal([value, value]);
      }),
    ));

  it('takes what is below one nanosecond as zero', () => {
    const histogram = new DurationHistogram();
    histogram.record(-5);
    histogram.record(0.9);
    expect(histogram.bins[0]).to.equal(2);
  });
});

describe('a meter', () => {
  it('lets a sample stand for all messages since the one before it', () => {
    const meter = new Meter('computation', 'c', 'p', 1);
    meter.count = 10;
    meter.sample(8);
    meter.count = 15;
    meter.settle();
    expect(meter.histogram.bins[4]).to.equal(15);
    meter.startPeriod();
    meter.settle();
    expect(meter.histogram.bins[4]).to.equal(0);
  });
});
