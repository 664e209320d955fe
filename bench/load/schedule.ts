/**
 * An open-loop plan that generator and receiver share: in tick k, at `startNs + k * tickNs`, steps
 * `k * stepsPerTick` and the following are due, whether or not anybody is ready. A latency counts from there,
 * so a stall is charged to all the messages it delays (no coordinated omission).
 */
export interface Schedule {
  /** On the machine's monotonic clock, which all processes share: `process.hrtime.bigint()`. */
  readonly startNs: bigint;
  readonly tickNs: number;
  readonly stepsPerTick: number;
  readonly ticks: number;
  /** Ticks at the start that only warm up: their latencies are not recorded. */
  readonly warmUpTicks: number;
}

/** Time since the schedule's start, in ns. */
export function elapsedNs(schedule: Schedule): number {
  return Number(process.hrtime.bigint() - schedule.startNs);
}
