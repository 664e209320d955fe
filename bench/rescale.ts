/**
 * What growing and shrinking cost those who use the cluster meanwhile: keys under a steady load, 1 -> 2 workers
 * and back, at several numbers of keys; the longest time that any key was without an output, p99.9 latency and
 * throughput before, during and after, and how long the move took. `--all-at-once` moves everything in one step,
 * as the simple way would, for comparison.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { conditions, table } from './harness/report.js';
import { processUsage } from './harness/process-usage.js';
import { gcBetween, type GcSummary } from './rescale/gc-log.js';
import { longestGap, messagesBetween, percentile, type LatencySummary } from './rescale/latency-log.js';

const worker = 'packages/worker/bin/wallaroo-worker.js';
const shrinker = 'packages/cluster-shrinker/bin/cluster_shrinker.js';
const patienceMs = 180_000;

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

/** What a worker reports. */
type Report = LatencySummary & { readonly gc: GcSummary };

export interface RescaleOptions {
  readonly keys: number;
  readonly rate: number;
  readonly steadySeconds: number;
  readonly allAtOnce: boolean;
}

/** Grows 1 -> 2 and shrinks back, and measures both. */
export async function measureRescale(options: RescaleOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'wallaroo-bench-'));
  const children: ChildProcess[] = [];
  let sampler: NodeJS.Timeout | undefined;
  const workers = new Map<string, ChildProcess>();
  const report = (name: string) => join(folder, `${name}.json`);
  const log = (name: string) => join(folder, `${name}.log`);
  const launch = (name: string, args: readonly string[]) => {
    const file = openSync(log(name), 'w');
    const child = spawn(
      process.execPath,
      [
        ...[worker, '--application-module', 'bench/apps/rescale.ts', '--resilience-dir', folder],
        ...['--external', '127.0.0.1:0', '--keys', `${options.keys}`, '--rate', `${options.rate}`],
        ...['--report', report(name), ...(options.allAtOnce ? ['--slots-per-route', '65536'] : []), ...args],
      ],
      { stdio: ['ignore', file, 'inherit'] },
    );
    closeSync(file);
    children.push(child);
    workers.set(name, child);
    return child;
  };
  const samples: Sample[] = [];
  const reportsOf = (names: readonly string[]) =>
    Promise.all(
      names.map(async (name) => {
        const { exitCode, signalCode, pid } = workers.get(name)!;
        if (exitCode === null && signalCode === null) {
          rmSync(report(name), { force: true });
          process.kill(pid!, 'SIGUSR2');
        }
        await until(() => (existsSync(report(name)) ? true : undefined), `${name} has reported`);
        return JSON.parse(read(report(name))) as Report;
      }),
    );
  const lineOf = (name: string, pattern: RegExp) =>
    until(() => pattern.exec(read(log(name))) ?? undefined, `${pattern}`);
  try {
    const first = launch('initializer', ['--cluster-initializer', '--load', '--control', '127.0.0.1:0']);
    const [, control] = await lineOf('initializer', /control: listening on (\S+)/);
    const [, external] = await lineOf('initializer', /external: listening on (\S+)/);
    await until(() => (existsSync(`${report('initializer')}.state`) ? true : undefined), 'all keys are made');
    const rows: Row[] = [];
    sampler = setInterval(() => {
      const { residentBytes, cpuSeconds } = processUsage(first.pid!);
      samples.push({ ms: machineMs(), residentBytes, cpuSeconds });
    }, 100);
    const change = async (step: string, second: string, begin: () => void, done: () => Promise<unknown>) => {
      // Also after a report, which takes the workers a while.
      await setTimeout((options.steadySeconds + 1) * 1000);
      const startedMs = machineMs();
      begin();
      await done();
      const endedMs = machineMs();
      await setTimeout(1000);
      const summaries = await reportsOf(['initializer', second]);
      const progress = [
        ...read(log('initializer')).matchAll(/slots moved, (\d+) keys, [\d.]+ MB, ([\d.]+) s/g),
      ].at(-1)!;
      rows.push(
        rowOf({
          step,
          options,
          summaries,
          startedMs,
          endedMs,
          progress,
          samples,
        }),
      );
    };
    const completed = (count: number) => () =>
      until(
        () => (read(log('initializer')).split('Autoscale is complete').length > count ? true : undefined),
        'the change is complete',
      );
    await change(
      'grow 1 -> 2',
      'w2',
      () => void launch('w2', ['--name', 'w2', '--join', control!]),
      completed(1),
    );
    await change(
      'shrink 2 -> 1',
      'w2',
      () => {
        children.push(
          spawn(process.execPath, [shrinker, '--external', external!, '--workers', 'w2'], {
            stdio: 'ignore',
          }),
        );
      },
      completed(2),
    );
    return rows;
  } finally {
    clearInterval(sampler);
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(
      children.map(
        (child) =>
          child.exitCode ?? child.signalCode ?? new Promise((resolve) => child.once('exit', resolve)),
      ),
    );
    rmSync(folder, { recursive: true, force: true });
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
}): Row {
  const { step, options, summaries, startedMs, endedMs, progress, samples } = facts;
  const steady = options.steadySeconds;
  const from = Math.floor(startedMs / 1000);
  const to = Math.ceil(endedMs / 1000);
  const before = messagesBetween(summaries, from - steady + 1, from) / (steady - 1);
  const during = messagesBetween(summaries, from, to) / (to - from);
  const steadyFromMs = startedMs - (steady - 1) * 1000;
  const between = (fromMs: number, toMs: number) => samples.filter(({ ms }) => ms >= fromMs && ms <= toMs);
  const quiet = between(steadyFromMs, startedMs);
  const most = (some: readonly Sample[]) => Math.max(...some.map(({ residentBytes }) => residentBytes)) / 1e6;
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
    throughput: during / before,
    cpuShareBefore:
      ((quiet.at(-1)!.cpuSeconds - quiet[0]!.cpuSeconds) / (quiet.at(-1)!.ms - quiet[0]!.ms)) * 1000,
    memoryMbBefore: most(quiet),
    memoryMb: most(between(startedMs, endedMs)),
    gcShare: Math.max(...gc.map(({ share }) => share)),
    gcMs: Math.max(...gc.map(({ longest }) => longest)),
  };
}

function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function read(file: string): string {
  return readFileSync(file, 'utf8');
}

async function until<T>(look: () => T | undefined, what: string): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > giveUpAt) throw new Error(`waited ${patienceMs} ms until ${what}`);
    await setTimeout(10);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keys: { type: 'string', multiple: true, default: ['10000', '100000', '1000000'] },
      rate: { type: 'string', default: '40000' },
      seconds: { type: 'string', default: '5' },
      'all-at-once': { type: 'boolean', default: false },
    },
  });
  console.log(conditions());
  const ways = values['all-at-once'] ? [false, true] : [false];
  for (const allAtOnce of ways) {
    const rows: Row[] = [];
    for (const keys of values.keys) {
      const options = {
        keys: Number(keys),
        rate: Number(values.rate),
        steadySeconds: Number(values.seconds),
        allAtOnce,
      };
      rows.push(...(await measureRescale(options)));
    }
    console.log(
      `\n${allAtOnce ? 'All slots in one step' : 'A few slots at a time'}, ${values.rate} messages/s\n`,
    );
    console.log(
      table(
        [
          'step',
          'keys',
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
          'GC share',
          'longest GC ms',
        ],
        rows.map((row) => [
          row.step,
          String(row.keys),
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
          row.gcShare.toFixed(3),
          row.gcMs.toFixed(1),
        ]),
      ),
    );
  }
}

if (process.argv[1]?.endsWith('rescale.ts')) await main();
