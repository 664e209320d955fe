/** A seeded source of numbers (mulberry32), so that every run of a benchmark sends the same bytes. */
export class Random {
  constructor(private state: number) {}

  /** Uniform in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** Uniform among 0, 1, ..., `bound` - 1. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }
}
