/**
 * What growing and shrinking cost those who use the cluster meanwhile: keys under a steady load, 1 -> 2 workers
 * and back, at several numbers of keys; the longest time that any key was without an output, p99.9 latency and
 * throughput before, during and after, and how long the move took. `--stop-the-world` adds the simple way for
 * comparison: everything is paused, moved in one step, and resumed.
 */
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { conditions, table } from './harness/report.js';
import { processUsage } from './harness/process-usage.js';
import { gcBetween } from './rescale/gc-log.js';
import { longestGap, messagesBetween, percentile } from './rescale/latency-log.js';
import { until, Workers, type Report } from './rescale/workers.js';

export interface Row {
  readonly step: string;
  readonly keys: number;
  readonly moveSeconds: number;
  readonly keysMoved: number;
  readonly gapBeforeMs: number;
  readonly gapMs: number;
  readonly p999BeforeMs: number;
  readonly p999Ms: number;
  readonly throughput: number;
  /** Of the initializer, which has all keys before the first step and after the second. */
  readonly cpuShareBefore: number;
  readonly memoryMbBefore: number;
  readonly memoryMb: number;
  /** The most, of what the initializer had before the first step, when it had all keys. */
  readonly memoryOfAll: number;
  /** Of the worker that collects more garbage while slots move: the share of its time, and its longest pause. */
  readonly gcShare: number;
  readonly gcMs: number;
}

/** The initializer at one moment. */
interface Sample {
  readonly ms: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
}

export interface RescaleOptions {
  readonly keys: number;
  readonly rate: number;
  readonly steadySeconds: number;
  readonly stopsTheWorld: boolean;
}

/** The first that is tried, in messages a second. */
const trialRate = 100_000;
const trialsMax = 4;

/** Grows 1 -> 2 and shrinks back, and measures both. */
export async function measureRescale(options: RescaleOptions): Promise<Row[]> {
  const { keys, rate, steadySeconds, stopsTheWorld } = options;
  const route = stopsTheWorld ? ['--slots-per-route', '65536'] : [];
  const workers = new Workers(['--keys', `${keys}`, '--rate', `${rate}`, ...route]);
  let sampler: NodeJS.Timeout | undefined;
  try {
    const first = await workers.launchFirst();
    const [, control] = await workers.lineOf('initializer', /control: listening on (\S+)/);
    const [, external] = await workers.lineOf('initializer', /external: listening on (\S+)/);
    const samples: Sample[] = [];
    sampler = setInterval(() => {
      const { residentBytes, cpuSeconds } = processUsage(first.pid!);
      samples.push({ ms: machineMs(), residentBytes, cpuSeconds });
    }, 100);
    const rows: Row[] = [];
    const told = (text: string) =>
      until(() => workers.count('initializer', text) > rows.length || undefined, `it says: ${text}`);
    const change = async (step: string, begin: () => void) => {
      // Also after a report, which takes the workers a while.
      await setTimeout((steadySeconds + 1) * 1000);
      const startedMs = machineMs();
      begin();
      if (stopsTheWorld) {
        await told('slots are to move');
        first.kill('SIGUSR1');
      }
      await told('Autoscale is complete');
      if (stopsTheWorld) first.kill('SIGUSR1');
      const endedMs = machineMs();
      await setTimeout(1000);
      const summaries = await workers.reports(['initializer', 'w2']);
      const lines = workers.log('initializer').matchAll(/slots moved, (\d+) keys, [\d.]+ MB, ([\d.]+) s/g);
      const progress = [...lines].at(-1)!;
      rows.push(rowOf({ step, options, summaries, startedMs, endedMs, progress, samples, before: rows[0] }));
    };
    await change('grow 1 -> 2', () => void workers.launch('w2', ['--name', 'w2', '--join', control!]));
    await change('shrink 2 -> 1', () => workers.shrink(external!, 'w2'));
    return rows;
  } finally {
    clearInterval(sampler);
    await workers.end();
  }
}

/** The rate at which one worker with so many keys is busy for about this share of its time. */
async function rateFor(keys: number, busy: number): Promise<number> {
  let rate = trialRate;
  // What a message costs depends on how many come at once.
  for (let trial = 0; trial < trialsMax; trial++) {
    const share = await cpuShareAt(keys, rate);
    if (Math.abs(share - busy) < 0.1 * busy) break;
    rate = Math.max(1, Math.round((rate * busy) / share / 1000)) * 1000;
  }
  return rate;
}

async function cpuShareAt(keys: number, rate: number): Promise<number> {
  const workers = new Workers(['--keys', `${keys}`, '--rate', `${rate}`]);
  try {
    const { pid } = await workers.launchFirst();
    await setTimeout(2000);
    const fromMs = machineMs();
    const from = processUsage(pid!).cpuSeconds;
    await setTimeout(3000);
    return ((processUsage(pid!).cpuSeconds - from) * 1000) / (machineMs() - fromMs);
  } finally {
    await workers.end();
  }
}

function rowOf(facts: {
  step: string;
  options: RescaleOptions;
  summaries: readonly Report[];
  startedMs: number;
  endedMs: number;
  progress: RegExpMatchArray;
  samples: readonly Sample[];
  /** The first step, if this is a later one. */
  before: Row | undefined;
}): Row {
  const { step, options, summaries, startedMs, endedMs, progress, samples } = facts;
  const steady = options.steadySeconds;
  const from = Math.floor(startedMs / 1000);
  const to = Math.ceil(endedMs / 1000);
  const steadily = messagesBetween(summaries, from - steady + 1, from) / (steady - 1);
  const during = messagesBetween(summaries, from, to) / (to - from);
  const steadyFromMs = startedMs - (steady - 1) * 1000;
  const between = (fromMs: number, toMs: number) => samples.filter(({ ms }) => ms >= fromMs && ms <= toMs);
  const quiet = between(steadyFromMs, startedMs);
  const most = (some: readonly Sample[]) => Math.max(...some.map(({ residentBytes }) => residentBytes)) / 1e6;
  const memoryMb = most(between(startedMs, endedMs));
  const gc = summaries.map((summary) => gcBetween(summary.gc, from, to));
  return {
    step,
    keys: options.keys,
    keysMoved: Number(progress[1]),
    moveSeconds: Number(progress[2]),
    gapBeforeMs: longestGap(summaries, steadyFromMs, startedMs - 100),
    gapMs: longestGap(summaries, startedMs, endedMs),
    p999BeforeMs: percentile(summaries, from - steady + 1, from, 0.999),
    p999Ms: percentile(summaries, from, to, 0.999),
    throughput: during / steadily,
    cpuShareBefore:
      ((quiet.at(-1)!.cpuSeconds - quiet[0]!.cpuSeconds) / (quiet.at(-1)!.ms - quiet[0]!.ms)) * 1000,
    memoryMbBefore: most(quiet),
    memoryMb,
    memoryOfAll: memoryMb / (facts.before?.memoryMbBefore ?? most(quiet)),
    gcShare: Math.max(...gc.map(({ share }) => share)),
    gcMs: Math.max(...gc.map(({ longest }) => longest)),
  };
}

function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keys: { type: 'string', multiple: true, default: ['10000', '100000', '1000000'] },
      rate: { type: 'string' },
      busy: { type: 'string', default: '0.5' },
      seconds: { type: 'string', default: '5' },
      'stop-the-world': { type: 'boolean', default: false },
    },
  });
  console.log(conditions());
  const ways = values['stop-the-world'] ? [false, true] : [false];
  const rates = new Map<string, number>();
  for (const stopsTheWorld of ways) {
    const rows: Row[] = [];
    for (const keys of values.keys) {
      const rate =
        values.rate === undefined
          ? (rates.get(keys) ?? (await rateFor(Number(keys), Number(values.busy))))
          : Number(values.rate);
      rates.set(keys, rate);
      const options = {
        keys: Number(keys),
        rate,
        steadySeconds: Number(values.seconds),
        stopsTheWorld,
      };
      rows.push(...(await measureRescale(options)));
    }
    console.log(
      `\n${stopsTheWorld ? 'Everything paused, moved in one step, resumed' : 'A few slots at a time'}\n`,
    );
    console.log(
      table(
        [
          'step',
          'keys',
          'messages/s',
          'moved',
          'move s',
          'gap before ms',
          'longest gap ms',
          'p99.9 before ms',
          'p99.9 ms',
          'throughput kept',
          'CPU share before',
          'MB before',
          'most MB',
          'of all keys on one',
          'GC share',
          'longest GC ms',
        ],
        rows.map((row) => [
          row.step,
          String(row.keys),
          String(rates.get(String(row.keys))),
          String(row.keysMoved),
          row.moveSeconds.toFixed(1),
          row.gapBeforeMs.toFixed(0),
          row.gapMs.toFixed(0),
          row.p999BeforeMs.toFixed(1),
          row.p999Ms.toFixed(1),
          row.throughput.toFixed(2),
          row.cpuShareBefore.toFixed(2),
          row.memoryMbBefore.toFixed(0),
          row.memoryMb.toFixed(0),
          row.memoryOfAll.toFixed(2),
          row.gcShare.toFixed(3),
          row.gcMs.toFixed(1),
        ]),
      ),
    );
  }
}

if (process.argv[1]?.endsWith('rescale.ts')) await main();
