import type { MetricCategory } from '@wallaroo/protocol';
import { DurationHistogram } from './histogram.js';

/**
 * Counts messages exactly and times some of them.
 *
 * A clock read costs as much as a small computation, so only sampled messages are timed; each sample stands
 * for all messages since the one before it. The sum of the bins is the exact number of messages.
 */
export class Meter {
  readonly histogram = new DurationHistogram();
  /** Messages so far. The hot path increments it directly. */
  count = 0;
  private recorded = 0;
  private lastNs = 0;

  constructor(
    readonly category: MetricCategory,
    readonly name: string,
    readonly pipeline: string,
    /** Place in the pipeline; the decoder is 1; zero where there is none. */
    readonly position: number,
  ) {}

  /** The messages counted since the last sample took this long each. */
  sample(nanoseconds: number): void {
    this.lastNs = nanoseconds;
    this.settle();
  }

  /** Books what was counted since the last sample at that sample's duration. */
  settle(): void {
    if (this.count === this.recorded) return;
    this.histogram.record(this.lastNs, this.count - this.recorded);
    this.recorded = this.count;
  }

  /** Begins a new period: what was counted before is in no later histogram. */
  startPeriod(): void {
    this.histogram.reset();
    this.recorded = this.count;
  }
}
