/** Where the time goes, by function: candidate and baseline under full load, in ns per message. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Contender } from './harness/contender.js';
import { readOptions } from './harness/options.js';
import { conditions, short, table } from './harness/report.js';
import { withRig } from './harness/rig.js';
import { selfTimes } from './harness/self-times.js';
import { systemNamed, type SystemName } from './harness/systems.js';
import { workloadNamed } from './workloads/catalogue.js';
import type { WorkloadName } from './workloads/workload.js';

const rowsMax = 25;
const preload = fileURLToPath(new URL('harness/profiler-preload.mjs', import.meta.url));
const options = readOptions({ rounds: 1, seconds: 6 });
const folder = mkdtempSync(join(tmpdir(), 'wallaroo-profile-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

async function profileOf(name: WorkloadName, system: SystemName): Promise<string> {
  const file = join(folder, `${name}-${system}.json`);
  process.env.WALLAROO_BENCH_PROFILE = file;
  const workload = workloadNamed(name);
  return withRig({ workload, system: systemNamed(system), nodeFlags: ['--import', preload] }, async (rig) => {
    const contender = Contender.begin(rig);
    await contender.takeTurn(4000);
    await contender.beginInterval();
    rig.child.kill('SIGUSR2');
    await contender.takeTurn(options.seconds * 1000);
    rig.child.kill('SIGUSR2');
    const result = await contender.finish();
    for (let waited = 0; !existsSync(file) && waited < 100; waited++) await setTimeout(100);
    const times = selfTimes(JSON.parse(readFileSync(file, 'utf8')));
    const nsPerMessage = 1e9 / result.perCpuSecond;
    const rows = times
      .slice(0, rowsMax)
      .map(({ name: of, share }) => [
        `\`${of}\``,
        (share * nsPerMessage).toFixed(1),
        (share * 100).toFixed(1),
      ]);
    const title = `${name}, ${system}: ${nsPerMessage.toFixed(0)} ns of CPU per message (${short(result.perCpuSecond)}/CPU-s)`;
    return `\n${title}\n\n${table(['function', 'ns per message', '%'], rows)}`;
  });
}

console.log(conditions());
for (const name of options.workloads) {
  for (const system of new Set([options.candidate, 'baseline'] as const)) {
    console.log(await profileOf(name, system));
  }
}
