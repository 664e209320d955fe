import { expect } from 'chai';
import fc from 'fast-check';
import { Histogram } from '../load/histogram.js';

describe('Histogram', () => {
  it('gives each percentile exactly or at most 1/128 too high', () =>
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (values, percent) => {
          const histogram = new Histogram();
          for (const value of values) histogram.record(value);
          const sorted = [...values].sort((a, b) => a - b);
          const exact = sorted[Math.max(1, Math.ceil((percent / 100) * values.length)) - 1]!;
          expect(histogram.percentile(percent)).to.be.within(exact, exact + exact / 128);
        },
      ),
    ));

  it('counts a value as often as it is told', () => {
    const histogram = new Histogram();
    histogram.record(10, 99);
    histogram.record(5000);
    expect(histogram.count).to.equal(100);
    expect(histogram.percentile(99)).to.equal(10);
    expect(histogram.percentile(99.9)).to.equal(5000);
    expect(histogram.max).to.equal(5000);
  });

  it('is 0 while it is empty', () => {
    expect(new Histogram().percentile(99)).to.equal(0);
  });
});
