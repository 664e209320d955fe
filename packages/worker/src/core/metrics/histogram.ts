/** Bins of a {@link DurationHistogram}: one for zero and one for each bit length up to 64. */
export const histogramBins = 65;

/**
 * Durations in bins of powers of two: bin 0 counts zeros, bin i counts 2^(i-1) <= nanoseconds < 2^i.
 */
export class DurationHistogram {
  readonly bins = new Float64Array(histogramBins);
  /** Nanoseconds; Infinity while nothing is recorded. */
  min = Infinity;
  max = 0;

  /** @param nanoseconds rounded down to whole ones; below zero counts as zero */
  record(nanoseconds: number, times = 1): void {
    const value = nanoseconds >= 1 ? Math.floor(nanoseconds) : 0;
    this.bins[bitLength(value)]! += times;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  reset(): void {
    this.bins.fill(0);
    this.min = Infinity;
    this.max = 0;
  }
}

function bitLength(value: number): number {
  const high = Math.floor(value / 0x1_0000_0000);
  return high === 0 ? 32 - Math.clz32(value) : 64 - Math.clz32(high);
}
