/** Time from the start of the process to its ready line, beside a Node process that does nothing. */
import { launchUnderTest } from './harness/launch.js';
import { readOptions } from './harness/options.js';
import { conditions, spread, table } from './harness/report.js';
import { withRig } from './harness/rig.js';
import { systemNamed, type SystemName } from './harness/systems.js';
import { workloadNamed } from './workloads/catalogue.js';
import type { WorkloadName } from './workloads/workload.js';

const options = readOptions({ rounds: 10, seconds: 1 });
const milliseconds = (value: number): string => value.toFixed(0);

interface Start {
  readonly readyMs: number;
  readonly readyCpuMs: number;
}

async function startsOf(name: WorkloadName): Promise<string[]> {
  const workload = workloadNamed(name);
  const start = (system: SystemName): Promise<Start> =>
    withRig({ workload, system: systemNamed(system) }, (rig) => Promise.resolve(rig));
  const nothing: number[] = [];
  const baseline: Start[] = [];
  const candidate: Start[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    nothing.push((await launchUnderTest(['-e', '0'])).readyMs);
    baseline.push(await start('baseline'));
    candidate.push(await start(options.candidate));
  }
  const cells = (starts: readonly Start[]): string[] => [
    spread(
      starts.map((each) => each.readyMs),
      'least',
      milliseconds,
    ),
    spread(
      starts.map((each) => each.readyCpuMs),
      'least',
      milliseconds,
    ),
  ];
  return [name, spread(nothing, 'least', milliseconds), ...cells(baseline), ...cells(candidate)];
}

console.log(conditions());
const rows: string[][] = [];
for (const name of options.workloads) rows.push(await startsOf(name));
const head = ['workload', '`node -e 0`', 'baseline', 'its CPU', options.candidate, 'its CPU'];
console.log(`\nMedian [best] of ${options.rounds} starts, ms.\n\n${table(head, rows)}`);
