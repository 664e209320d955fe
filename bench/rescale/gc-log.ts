import { PerformanceObserver } from 'node:perf_hooks';

/** By second on the clock of the machine: milliseconds of all pauses that began in it, and of the longest. */
export type GcSummary = Record<number, readonly [total: number, longest: number]>;

/** What collecting garbage takes of the main thread of this process. */
export class GcLog {
  private readonly seconds: Record<number, [number, number]> = {};
  private readonly observer: PerformanceObserver;

  constructor(machineMs: () => number) {
    const offset = machineMs() - performance.now();
    this.observer = new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) {
        const second = Math.floor((startTime + offset) / 1000);
        const [total, longest] = this.seconds[second] ?? [0, 0];
        this.seconds[second] = [total + duration, Math.max(longest, duration)];
      }
    });
    this.observer.observe({ entryTypes: ['gc'] });
  }

  summary(): GcSummary {
    return this.seconds;
  }

  stop(): void {
    this.observer.disconnect();
  }
}

/** Of the seconds `from` to `to`: the share of the time, and the longest pause in ms. */
export function gcBetween(summary: GcSummary, from: number, to: number): { share: number; longest: number } {
  let [total, longest] = [0, 0];
  for (let second = from; second < to; second++) {
    const [ofSecond, longestOfSecond] = summary[second] ?? [0, 0];
    total += ofSecond;
    longest = Math.max(longest, longestOfSecond);
  }
  return { share: total / ((to - from) * 1000), longest };
}
