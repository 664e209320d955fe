/**
 * What it costs that state outlives a crash, and how long it takes to come back: a million keys, a tenth of which
 * changes every second. Throughput, latency and stalls with checkpoints beside the same without; restart after kill -9;
 * plain TCP input with its journal beside the same without; connector source and two-phase sink beside plain TCP. See "Crash and come back" in bench/README.md.
 */
import { parseArgs } from 'node:util';
import type { FloodResult } from './harness/contender.js';
import { duel } from './harness/duel.js';
import { positive } from './harness/options.js';
import { conditions, short, table } from './harness/report.js';
import { median } from './harness/statistics.js';
import { resilientWorker, type ResilientWorkerName } from './harness/systems.js';
import { measureLatency, type LatencyRun } from './resilience/latency.js';
import { measureRecovery, type RecoveryRun } from './resilience/recovery.js';
import { measureThroughput } from './resilience/throughput.js';
import { workloadNamed } from './workloads/catalogue.js';

interface Settings {
  readonly keys: number;
  readonly rounds: number;
  readonly seconds: number;
}

type Row = readonly [figure: string, medianAndRange: string, aim: string];
type Part = (settings: Settings) => Promise<Row[]>;

/** A tenth of the keys changes in each second when each message is for another one of them. */
const changing = 0.1;

async function rounds<T>({ rounds: count }: Settings, what: string, run: (round: number) => Promise<T>) {
  const results: T[] = [];
  for (let round = 1; round <= count; round++) {
    results.push(await run(round));
    console.error(`${what}, round ${round}: ${JSON.stringify(results.at(-1))}`);
  }
  return results;
}

function row(figure: string, values: readonly number[], show: (value: number) => string, aim = ''): Row {
  const all = `${show(median(values))} (${show(Math.min(...values))} - ${show(Math.max(...values))})`;
  return [figure, all, aim];
}

const fixed = (digits: number) => (value: number) => value.toFixed(digits);

async function throughput(settings: Settings): Promise<Row[]> {
  const results = await rounds(settings, 'throughput', (round) =>
    measureThroughput({
      keys: settings.keys,
      // Long enough for a checkpoint that writes everything to be in it as often as it comes.
      seconds: 3 * settings.seconds,
      resilientFirst: round % 2 === 0,
    }),
  );
  return [
    row(
      'messages / CPU-s without',
      results.map(({ plain }) => plain.perCpuSecond),
      short,
    ),
    row(
      'messages / CPU-s with checkpoints',
      results.map(({ resilient }) => resilient.perCpuSecond),
      short,
    ),
    row(
      'with / without, by CPU',
      results.map(({ plain, resilient }) => resilient.perCpuSecond / plain.perCpuSecond),
      fixed(2),
      '0.9 or more',
    ),
    row(
      'with / without, by wall time',
      results.map(({ plain, resilient }) => resilient.perSecond / plain.perSecond),
      fixed(2),
    ),
  ];
}

async function latency(settings: Settings): Promise<Row[]> {
  const { keys, seconds } = settings;
  const run = (resilient: boolean) =>
    measureLatency({ keys, rate: keys * changing, seconds, warmUpSeconds: Math.min(seconds, 5), resilient });
  const results = await rounds(settings, 'latency', async (round) => {
    const first = await run(round % 2 === 0);
    const second = await run(round % 2 !== 0);
    return round % 2 === 0 ? { plain: second, resilient: first } : { plain: first, resilient: second };
  });
  const both = (figure: string, of: (run: LatencyRun) => number, digits: number): Row[] => [
    row(
      `${figure}, without`,
      results.map(({ plain }) => of(plain)),
      fixed(digits),
    ),
    row(
      `${figure}, with checkpoints`,
      results.map(({ resilient }) => of(resilient)),
      fixed(digits),
    ),
  ];
  return [
    ...both('p50, ms', ({ p50 }) => p50, 1),
    ...both('p99, ms', ({ p99 }) => p99, 1),
    row(
      'p99 added, ms',
      results.map(({ plain, resilient }) => resilient.p99 - plain.p99),
      fixed(1),
      '20 or less',
    ),
    ...both('p99.9, ms', ({ p999 }) => p999, 1),
    ...both('longest stall, ms', ({ stalls }) => stalls.longest, 1),
    row(
      'longest stall added, ms',
      results.map(({ plain, resilient }) => resilient.stalls.longest - plain.stalls.longest),
      fixed(1),
      '20 or less',
    ),
    ...both('CPU share', ({ cpuShare }) => cpuShare, 2),
    row(
      'log bytes per changed key',
      results.map(({ resilient }) => resilient.log!.bytesPerEntry),
      fixed(0),
      'stated',
    ),
  ];
}

async function recovery(settings: Settings): Promise<Row[]> {
  const { keys, seconds } = settings;
  const figures = (what: string, results: readonly RecoveryRun[], aim: string): Row[] => [
    row(
      `${what}: start to processing, s`,
      results.map((result) => result.seconds),
      fixed(1),
      aim,
    ),
    row(
      `${what}: of this reading the log, s`,
      results.map(({ rollbackSeconds }) => rollbackSeconds),
      fixed(1),
    ),
    row(
      `${what}: entries read`,
      results.map(({ entries }) => entries),
      short,
    ),
    row(
      `${what}: bytes read`,
      results.map(({ logBytes }) => logBytes),
      short,
    ),
  ];
  const of = (workers: number) =>
    rounds(settings, `recovery of ${workers}`, () =>
      measureRecovery({ keys, rate: keys * changing, workers, seconds }),
    );
  return [...figures('1 worker', await of(1), '5 or less'), ...figures('3 workers', await of(3), 'stated')];
}

interface Comparison {
  readonly what: string;
  readonly baseline: ResilientWorkerName;
  readonly candidate: ResilientWorkerName;
  /** Of the ratio by CPU and that by wall time. */
  readonly aim: string;
}

/** Alphabet and word-count on two workers with checkpoints, in turns on one core. */
async function compared(settings: Settings, { what, baseline, candidate, aim }: Comparison): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of ['alphabet', 'word-count'] as const) {
    const results = await rounds(settings, `${what}, ${name}`, async (round) => {
      const result = await duel({
        workload: workloadNamed(name),
        baseline: resilientWorker(baseline),
        candidate: resilientWorker(candidate),
        candidateFirst: round % 2 === 0,
        seconds: Math.min(settings.seconds, 4),
        messages: 50_000,
      });
      return { baseline: rateOf(result.baseline), candidate: rateOf(result.candidate) };
    });
    for (const [side, system] of [['baseline', baseline] as const, ['candidate', candidate] as const]) {
      const figures = results.map((result) => result[side]);
      rows.push(
        row(
          `${name}: ${system}, messages / CPU-s`,
          figures.map(({ perCpuSecond }) => perCpuSecond),
          short,
        ),
        row(
          `${name}: ${system}, messages / s`,
          figures.map(({ perSecond }) => perSecond),
          short,
        ),
      );
    }
    rows.push(
      row(
        `${name}: ${candidate} / ${baseline}, by CPU`,
        results.map((result) => result.candidate.perCpuSecond / result.baseline.perCpuSecond),
        fixed(2),
        aim,
      ),
      row(
        `${name}: ${candidate} / ${baseline}, by wall time`,
        results.map((result) => result.candidate.perSecond / result.baseline.perSecond),
        fixed(2),
        aim,
      ),
    );
  }
  return rows;
}

function rateOf({ perCpuSecond, perSecond, share, messages }: FloodResult) {
  return { perCpuSecond, perSecond, share, messages };
}

const journal: Part = (settings) =>
  compared(settings, {
    ...{ what: 'journal', baseline: 'not journaled', candidate: 'journaled', aim: '0.7 or more' },
  });

/** Both lose nothing: one by asking its client again, the other by its journal. */
const connectorSource: Part = (settings) =>
  compared(settings, {
    ...{ what: 'connector source', baseline: 'journaled', candidate: 'connector source', aim: 'stated' },
  });

const twoPhaseSink: Part = (settings) =>
  compared(settings, {
    ...{ what: 'two-phase sink', baseline: 'not journaled', candidate: 'two-phase sink', aim: 'stated' },
  });

const parts: Readonly<Record<string, Part>> = {
  throughput,
  latency,
  recovery,
  journal,
  'connector-source': connectorSource,
  'two-phase-sink': twoPhaseSink,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keys: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '8' },
      part: { type: 'string', multiple: true, default: Object.keys(parts) },
    },
  });
  const settings = {
    keys: positive(values.keys, '--keys'),
    rounds: positive(values.rounds, '--rounds'),
    seconds: positive(values.seconds, '--seconds'),
  };
  const unknown = values.part.find((name) => !(name in parts));
  if (unknown !== undefined) {
    throw new Error(`--part must be one of ${Object.keys(parts).join(', ')}; it is '${unknown}'`);
  }
  console.log(conditions());
  for (const name of values.part) {
    const rows = await parts[name]!(settings);
    console.log(
      `\n${name}, ${short(settings.keys)} keys\n\n${table(['figure', 'median (range) of the rounds', 'aim'], rows)}`,
    );
  }
}

if (process.argv[1]?.endsWith('resilience.ts')) await main();
