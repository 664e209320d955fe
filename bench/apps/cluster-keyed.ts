import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { application, generatorSource, source, stateComputation, stdoutSink } from '@wallaroo/worker';
import type { Reading } from '../workloads/cluster-readings.js';

const newTotal = () => ({ count: 0, sum: 0 });

/** Takes time, and gives what it was given but for rounding. */
function worked(value: number, work: number): number {
  let square = value * value;
  for (let i = 0; i < work; i++) square = Math.sqrt(square * square + 1);
  return Math.sqrt(square);
}

/**
 * Counts messages by key, whichever worker made them. Every `--every`th time, and when the process ends, a line of
 * JSON on stdout says how far this worker is; see `bench/cluster/progress.ts`.
 */
export default function clusterKeyed(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      keys: { type: 'string' },
      index: { type: 'string' },
      every: { type: 'string' },
      work: { type: 'string' },
    },
  });
  const keys = JSON.parse(readFileSync(values.keys!, 'utf8')) as string[];
  const index = Number(values.index);
  const every = Number(values.every);
  const work = Number(values.work ?? 0);
  const firstTs = Date.now();
  let generated = 0;
  let processed = 0;
  let crossed = 0;
  let at = 0;

  // The lowest bit of a value tells which worker made it.
  const next = (): Reading => {
    const key = keys[at]!;
    at = at + 1 < keys.length ? at + 1 : 0;
    generated++;
    return { key, value: (generated & 0xffff) * 2 + index, ts: firstTs + generated };
  };
  const progress = (final: boolean): string => {
    const { user, system } = process.cpuUsage();
    return `${JSON.stringify({ final, generated, processed, crossed, cpuUs: user + system })}\n`;
  };
  process.once('exit', () => process.stdout.write(progress(true)));

  const count = stateComputation('count', newTotal, (reading: Reading, total) => {
    total.count++;
    total.sum += worked(reading.value, work);
    if ((reading.value & 1) !== index) crossed++;
    return ++processed % every === 0 ? progress(false) : undefined;
  });

  return application(
    'Cluster Keyed',
    source('readings', generatorSource({ initialValue: next, apply: next }))
      .keyBy(({ key }) => key)
      .to(count)
      .toSink(stdoutSink({ encoder: (line: string) => line })),
  );
}
