import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { cores } from '../harness/cores.js';
import { Scratch } from './scratch.js';
import { Subject } from './subject.js';

export interface RecoveryRun {
  /** From the start of the processes to the first output of each. */
  readonly seconds: number;
  /** What the workers say of it: reading their logs. */
  readonly rollbackSeconds: number;
  readonly entries: number;
  readonly logBytes: number;
}

export interface RecoveryOptions {
  readonly keys: number;
  readonly rate: number;
  readonly workers: number;
  /** Of load, before the end. */
  readonly seconds: number;
}

/** Ends all workers with kill -9 under a steady load, and starts them again by the same commands. */
export function measureRecovery({ keys, rate, workers, seconds }: RecoveryOptions): Promise<RecoveryRun> {
  return Scratch.use(async (scratch) => {
    const folder = scratch.folder('log');
    const launchAll = async () => {
      const begun = performance.now();
      const subjects = await launchCluster({ folder, keys, rate, resilient: true }, workers);
      scratch.subjects.push(...subjects);
      return { begun, subjects };
    };
    const { subjects } = await launchAll();
    await subjects[0]!.has('filled');
    await setTimeout(seconds * 1000);
    await Promise.all(subjects.map((subject) => subject.kill()));
    const logBytes = readdirSync(folder)
      .filter((name) => name.endsWith('.evlog'))
      .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    const again = await launchAll();
    await Promise.all(again.subjects.map((subject) => subject.has('firstOutput')));
    const took = (performance.now() - again.begun) / 1000;
    const told = await Promise.all(
      again.subjects.map((subject) =>
        Promise.all([subject.line(/Rolled back .* in ([\d.]+) s/), subject.line(/Replayed (\d+) entries/)]),
      ),
    );
    return {
      seconds: took,
      rollbackSeconds: Math.max(...told.map(([rolledBack]) => Number(rolledBack[1]))),
      entries: told.reduce((sum, [, replayed]) => sum + Number(replayed[1]), 0),
      logBytes,
    };
  });
}

type ClusterOptions = Omit<Parameters<typeof Subject.launch>[0], 'args'>;

/** The first worker has the load; all share the machine's cores. */
async function launchCluster(options: ClusterOptions, workers: number): Promise<Subject[]> {
  if (workers === 1) return [await Subject.launch(options)];
  const core = `${cores.underTest},${cores.helpers}`;
  const launch = (args: readonly string[], onLine?: (line: string) => void) =>
    Subject.launch({ ...options, core, args, ...(onLine === undefined ? {} : { onLine }) });
  let listening: (address: string) => void;
  const control = new Promise<string>((resolve) => (listening = resolve));
  const first = launch(
    ['--cluster-initializer', '--load', '--worker-count', `${workers}`, '--control', '127.0.0.1:0'],
    (line) => {
      const found = /control: listening on (\S+)/.exec(line);
      if (found !== null) listening(found[1]!);
    },
  );
  const others = Array.from({ length: workers - 1 }, async (_, index) =>
    launch(['--name', `w${index + 2}`, '--control', await control]),
  );
  return Promise.all([first, ...others]);
}
