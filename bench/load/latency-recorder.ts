import { stepsInCycle, type Workload } from '../workloads/workload.js';
import { Histogram } from './histogram.js';
import { elapsedNs, type Schedule } from './schedule.js';

export interface LatencySummary {
  readonly samples: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** For each output: time of receipt less the scheduled sending time of the input that caused it, in us. */
export class LatencyRecorder {
  private readonly histogram = new Histogram();
  private seen = 0;

  constructor(
    private readonly workload: Workload,
    private readonly schedule: Schedule,
  ) {}

  /** `outputs` have come by now, counted from the start of the run. */
  received(outputs: number): void {
    const { causes } = this.workload;
    const { stepsPerTick, tickNs, warmUpTicks } = this.schedule;
    const now = elapsedNs(this.schedule);
    const cycle = stepsInCycle(this.workload);
    let inCycle = this.seen % causes.length;
    let firstStep = Math.floor(this.seen / causes.length) * cycle;
    let tick = -1;
    let sameTick = 0;
    for (; this.seen < outputs; this.seen++) {
      const outputTick = Math.floor((firstStep + causes[inCycle]!) / stepsPerTick);
      if (outputTick !== tick) {
        if (tick >= warmUpTicks) this.histogram.record((now - tick * tickNs) / 1000, sameTick);
        tick = outputTick;
        sameTick = 0;
      }
      sameTick += 1;
      inCycle += 1;
      if (inCycle === causes.length) {
        inCycle = 0;
        firstStep += cycle;
      }
    }
    if (tick >= warmUpTicks) this.histogram.record((now - tick * tickNs) / 1000, sameTick);
  }

  get summary(): LatencySummary {
    const { histogram } = this;
    return {
      samples: histogram.count,
      p50: histogram.percentile(50),
      p99: histogram.percentile(99),
      p999: histogram.percentile(99.9),
      max: histogram.max,
    };
  }
}
