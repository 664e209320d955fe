/** Buckets per power of two: a reading is at most 1/128 too high. */
const halfBits = 7;
const half = 1 << halfBits;
const bucketCount = (32 - halfBits) * half + half;

/**
 * Counts of whole numbers from 0 to 2^31 - 1 in log-linear buckets, after HdrHistogram: exact below 256, then
 * 128 buckets for each power of two. Recording costs the same for every value and never allocates.
 */
export class Histogram {
  private readonly counts = new Float64Array(bucketCount);
  private recorded = 0;
  private largest = 0;

  get count(): number {
    return this.recorded;
  }

  get max(): number {
    return this.largest;
  }

  /** Values below 0 count as 0. */
  record(value: number, times = 1): void {
    const whole = value <= 0 ? 0 : Math.min(0x7fffffff, Math.round(value));
    const shift = Math.max(0, 31 - halfBits - Math.clz32(whole));
    this.counts[shift * half + (whole >> shift)]! += times;
    this.recorded += times;
    if (whole > this.largest) this.largest = whole;
  }

  /** The smallest bucket's upper edge that at least `percent` of the values do not exceed; 0 if there are none. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.recorded));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.counts[bucket]!;
      if (seen >= wanted) return Math.min(upperEdge(bucket), this.largest);
    }
    return 0;
  }
}

function upperEdge(bucket: number): number {
  const shift = Math.max(0, (bucket >> halfBits) - 1);
  return (bucket - shift * half + 1) * 2 ** shift - 1;
}
