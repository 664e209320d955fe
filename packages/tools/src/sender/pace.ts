import type { Rate } from './plan.js';

/** So many ticks pass before the batch size varies again. */
const ticksPerVariation = 1001;

/**
 * Says how many messages are due. Time comes in as milliseconds, chance as a function like `Math.random`.
 *
 * Ticks keep to their schedule: after a delay those that were missed are due at once, so that the rate holds
 * on average, also with an interval that is shorter than a timer can wait.
 */
export class Pace {
  private readonly intervalMs: number;
  private batchSize: number;
  private ticks = 0;

  constructor(
    private readonly rate: Rate,
    private dueAt: number,
    private readonly random: () => number,
  ) {
    this.intervalMs = rate.intervalNs / 1e6;
    this.batchSize = rate.batchSize;
  }

  /** Milliseconds until the next batch is due, 0 or less when it is. */
  wait(now: number): number {
    return this.dueAt - now;
  }

  /** The size of the batch that is due, and goes on to the next tick; 0 when none is due. */
  take(now: number): number {
    if (now < this.dueAt) return 0;
    this.dueAt += this.intervalMs;
    const { batchSize, varyBy } = this.rate;
    if (++this.ticks % ticksPerVariation === 0 && varyBy > 0) {
      this.batchSize = batchSize + Math.floor(this.random() * varyBy);
    }
    return this.batchSize;
  }
}
