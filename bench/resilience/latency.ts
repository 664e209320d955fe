import { existsSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processUsage } from '../harness/process-usage.js';
import { messagesBetween, percentile, type LatencySummary } from '../rescale/latency-log.js';
import { readEventLog, type LogFigures } from './event-log.js';
import { Scratch } from './scratch.js';
import { Subject } from './subject.js';

const preload = fileURLToPath(new URL('stall-preload.mjs', import.meta.url));

export interface LatencyRun {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Milliseconds for which the event loop did nothing else. */
  readonly stalls: { readonly longest: number; readonly p999: number };
  /** Messages that came through, as a share of those that were due. */
  readonly kept: number;
  readonly cpuShare: number;
  /** With resilience only. */
  readonly log: LogFigures | undefined;
}

export interface LatencyOptions {
  readonly keys: number;
  /** Messages a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly resilient: boolean;
}

/** A steady load: from when a message is due to when its output is handed to the sink; and how long the loop stands. */
export function measureLatency(options: LatencyOptions): Promise<LatencyRun> {
  const { keys, rate, seconds, warmUpSeconds, resilient } = options;
  return Scratch.use(async (scratch) => {
    const [folder, report, stalls] = [scratch.folder('log'), scratch.file('report'), scratch.file('stalls')];
    process.env.WALLAROO_BENCH_STALLS = stalls;
    const subject = await Subject.launch({
      ...{ folder, keys, rate, resilient, report },
      nodeFlags: ['--import', preload],
    });
    scratch.subjects.push(subject);
    await subject.has('filled');
    await setTimeout(warmUpSeconds * 1000);
    subject.signal('SIGUSR2');
    const from = Math.ceil(machineSeconds());
    const before = processUsage(subject.child.pid!).cpuSeconds;
    await setTimeout((from + seconds - machineSeconds()) * 1000);
    const cpuSeconds = processUsage(subject.child.pid!).cpuSeconds - before;
    subject.signal('SIGUSR2');
    while (!existsSync(stalls)) await setTimeout(10);
    const log = resilient ? readEventLog(folder) : undefined;
    await subject.stop();
    const summaries = [JSON.parse(readFileSync(report, 'utf8')) as LatencySummary];
    const to = from + seconds;
    return {
      p50: percentile(summaries, from, to, 0.5),
      p99: percentile(summaries, from, to, 0.99),
      p999: percentile(summaries, from, to, 0.999),
      stalls: JSON.parse(readFileSync(stalls, 'utf8')) as LatencyRun['stalls'],
      kept: messagesBetween(summaries, from, to) / (rate * seconds),
      cpuShare: cpuSeconds / seconds,
      log,
    };
  });
}

function machineSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}
