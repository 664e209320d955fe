import { setTimeout } from 'node:timers/promises';
import type { LatencySummary } from '../load/latency-recorder.js';
import type { Schedule } from '../load/schedule.js';
import { verify } from './contender.js';
import { processUsage } from './process-usage.js';
import { withRig, type RigOptions } from './rig.js';

const tickMs = 1;

export interface PacedOptions extends RigOptions {
  /** Messages per second over all streams. */
  readonly rate: number;
  readonly seconds: number;
  /** Before that, at the same rate. */
  readonly warmUpSeconds?: number;
}

export interface PacedResult {
  /** In us. */
  readonly latency: LatencySummary;
  /** By how much the generator itself was late, in us: part of every latency above. */
  readonly lateness: { p50: number; p99: number; max: number };
  /** Share of a core that the system under test used. */
  readonly cpuShare: number;
  /** Share of the time that its main thread waited for its core: another's load, and part of the latencies. */
  readonly waitShare: number;
}

/** One process of the system under test under an open-loop load; its outputs verified at the end. */
export function pacedRun(options: PacedOptions): Promise<PacedResult> {
  return withRig(options, async (rig) => {
    const { workload, generator, receiver, child } = rig;
    const { warmUpSeconds = 3 } = options;
    const perTick = (options.rate * tickMs) / 1000 / workload.streams.length;
    const schedule: Schedule = {
      startNs: process.hrtime.bigint() + 200_000_000n,
      tickNs: tickMs * 1e6,
      stepsPerTick: Math.max(1, Math.round(perTick)),
      ticks: ((warmUpSeconds + options.seconds) * 1000) / tickMs,
      warmUpTicks: (warmUpSeconds * 1000) / tickMs,
    };
    await receiver.call('recordLatency', schedule);
    const pacing = generator.call('pace', schedule);
    pacing.catch(() => undefined);
    await setTimeout(200 + warmUpSeconds * 1000);
    const before = processUsage(child.pid!);
    const { steps, latenessUs } = await pacing;
    const after = processUsage(child.pid!);
    await verify(rig, steps);
    return {
      latency: await receiver.call('latency'),
      lateness: latenessUs,
      cpuShare: (after.cpuSeconds - before.cpuSeconds) / options.seconds,
      waitShare: (after.waitedSeconds - before.waitedSeconds) / options.seconds,
    };
  });
}
