/**
 * Throughput of a candidate beside the hand-written baseline: messages per second of CPU time of the one
 * process. In each round both run, fresh, and take turns on one core, so that both see the same machine.
 */
import type { FloodResult } from './harness/contender.js';
import { duel, type DuelResult } from './harness/duel.js';
import { readOptions, type Options } from './harness/options.js';
import { conditions, mebibytes, short, spread, table } from './harness/report.js';
import { median } from './harness/statistics.js';
import { systemNamed } from './harness/systems.js';
import { workloadNamed } from './workloads/catalogue.js';
import type { WorkloadName } from './workloads/workload.js';

async function measure(name: WorkloadName, options: Options): Promise<DuelResult[]> {
  const workload = workloadNamed(name);
  const baseline = systemNamed('baseline');
  const candidate = systemNamed(options.candidate);
  const pairs: DuelResult[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    const pair = await duel({ ...options, workload, baseline, candidate, candidateFirst: round % 2 === 0 });
    pairs.push(pair);
    const ratio = pair.candidate.perCpuSecond / pair.baseline.perCpuSecond;
    console.error(
      `${name} round ${round}: baseline ${short(pair.baseline.perCpuSecond)}, ` +
        `${options.candidate} ${short(pair.candidate.perCpuSecond)} messages/CPU-s, ratio ${ratio.toFixed(2)}`,
    );
  }
  return pairs;
}

function rates(label: string, results: readonly FloodResult[]): string[] {
  const of = (pick: (result: FloodResult) => number): number => median(results.map(pick));
  return [
    label,
    spread(
      results.map((result) => result.perCpuSecond),
      'most',
    ),
    short(of((result) => result.perSecond)),
    `${of((result) => result.share.cpu).toFixed(2)} / ${of((result) => result.share.wanted).toFixed(2)}`,
    of((result) => result.stalled).toFixed(2),
    `${of((result) => result.share.generator).toFixed(2)} / ${of((result) => result.share.receiver).toFixed(2)}`,
    [0, 1, 2, 3].map((quarter) => mebibytes(of((result) => result.residentBytes[quarter]!))).join(' / '),
    mebibytes(Math.max(...results.map((result) => result.residentBytesPeak))),
    short(Math.min(...results.map((result) => result.messages))),
  ];
}

const options = readOptions({ rounds: 5, seconds: 4 });
console.log(conditions());
const rateRows: string[][] = [];
const ratioRows: string[][] = [];
for (const name of options.workloads) {
  const pairs = await measure(name, options);
  const baseline = pairs.map((pair) => pair.baseline);
  const candidate = pairs.map((pair) => pair.candidate);
  const paired = pairs.map((pair) => pair.candidate.perCpuSecond / pair.baseline.perCpuSecond);
  const rate = (results: readonly FloodResult[]): number[] => results.map((result) => result.perCpuSecond);
  rateRows.push(rates(`${name}: baseline`, baseline), rates(`${name}: ${options.candidate}`, candidate));
  ratioRows.push([
    name,
    (median(rate(candidate)) / median(rate(baseline))).toFixed(2),
    (Math.max(...rate(candidate)) / Math.max(...rate(baseline))).toFixed(2),
    `${median(paired).toFixed(2)} (${Math.min(...paired).toFixed(2)} - ${Math.max(...paired).toFixed(2)})`,
  ]);
}
console.log(
  `\n${table(
    [
      'system',
      'messages / CPU-s, median [best]',
      'messages / s wall',
      'CPU share / main thread wants',
      'generator stalled',
      'generator / receiver CPU',
      'RSS at 1/4 .. 4/4, MiB',
      'peak, MiB',
      'messages in the shortest run',
    ],
    rateRows,
  )}`,
);
console.log(
  `\n${table(['workload', 'ratio of medians', 'ratio of bests', 'paired ratios, median (range)'], ratioRows)}`,
);
