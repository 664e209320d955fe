/**
 * Latency at half load, open loop: from the moment a message was due to be sent to the receipt of its output.
 * Both systems at half the rate of the slower one, and the faster one at half its own rate as well.
 */
import { duel } from './harness/duel.js';
import { readOptions, type Options } from './harness/options.js';
import { pacedRun, type PacedResult } from './harness/paced-run.js';
import { conditions, short, spread, table } from './harness/report.js';
import { median } from './harness/statistics.js';
import { systemNamed, type SystemName } from './harness/systems.js';
import { workloadNamed } from './workloads/catalogue.js';
import type { Workload } from './workloads/workload.js';

interface Plan {
  readonly label: string;
  readonly system: SystemName;
  readonly rate: number;
  readonly results: PacedResult[];
}

async function plansFor(workload: Workload, options: Options): Promise<Plan[]> {
  const full = await duel({
    workload,
    baseline: systemNamed('baseline'),
    candidate: systemNamed(options.candidate),
    candidateFirst: false,
    seconds: 3,
    messages: 1,
  });
  const [baseline, candidate] = [full.baseline.perSecond / 2, full.candidate.perSecond / 2];
  const common = Math.min(baseline, candidate);
  const plan = (system: SystemName, rate: number, kind: string): Plan => ({
    label: `${workload.name}: ${system}, ${kind}`,
    system,
    rate,
    results: [],
  });
  return [
    plan('baseline', common, 'common rate'),
    plan(options.candidate, common, 'common rate'),
    baseline > candidate
      ? plan('baseline', baseline, 'own rate')
      : plan(options.candidate, candidate, 'own rate'),
  ];
}

function row({ label, rate, results }: Plan): string[] {
  const us = (pick: (result: PacedResult) => number): string =>
    spread(results.map(pick), 'least', (value) => value.toFixed(0));
  return [
    label,
    short(rate),
    us((result) => result.latency.p50),
    us((result) => result.latency.p99),
    us((result) => result.latency.p999),
    us((result) => result.latency.max),
    short(Math.min(...results.map((result) => result.latency.samples))),
    median(results.map((result) => result.cpuShare)).toFixed(2),
    median(results.map((result) => result.waitShare)).toFixed(2),
    us((result) => result.lateness.p99),
  ];
}

const options = readOptions({ rounds: 5, seconds: 6 });
console.log(conditions());
const rows: string[][] = [];
const ratios: string[][] = [];
for (const name of options.workloads) {
  const workload = workloadNamed(name);
  const plans = await plansFor(workload, options);
  for (let round = 1; round <= options.rounds; round++) {
    for (const { label, system, rate, results } of plans) {
      const result = await pacedRun({
        workload,
        system: systemNamed(system),
        rate,
        seconds: options.seconds,
      });
      results.push(result);
      const { p50, p99, p999 } = result.latency;
      console.error(`${label}, round ${round}: p50 ${p50}, p99 ${p99}, p99.9 ${p999} us`);
    }
  }
  rows.push(...plans.map(row));
  const p99 = (plan: Plan): number => median(plan.results.map((result) => result.latency.p99));
  ratios.push([name, (p99(plans[1]!) / p99(plans[0]!)).toFixed(2)]);
}
const head = [
  'system',
  'messages / s',
  'p50 us',
  'p99 us',
  'p99.9 us',
  'max us',
  'samples',
  'CPU share',
  'waited for core',
];
console.log(
  `\nMedian [best] of ${options.rounds} runs.\n\n${table([...head, 'generator late, p99 us'], rows)}`,
);
console.log(`\n${table(['workload', 'ratio of the p99 medians at the common rate'], ratios)}`);
