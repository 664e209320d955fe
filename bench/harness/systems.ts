import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { WorkloadName } from '../workloads/workload.js';

/** Where one run of a system takes its messages from and brings its outputs to. */
export interface Place {
  readonly workload: WorkloadName;
  /** `NAME@HOST:PORT` for each source, joined by commas. */
  readonly inputs: string;
  /** `HOST:PORT` */
  readonly output: string;
  /** A folder of its own, removed after the run. */
  readonly scratch: string;
}

/** What is measured: one Node process. */
export interface SystemUnderTest {
  readonly name: string;
  /** What follows `node` on the command line. */
  command(place: Place): readonly string[];
  /** Printed on stdout once every source listens and the sink is connected. */
  readonly readyLine: string;
  /** What its sources and its sink speak, default plain TCP. */
  readonly source?: 'connector';
  readonly sink?: 'connector';
}

export const systemNames = ['baseline', 'worker'] as const;
export type SystemName = (typeof systemNames)[number];

const bench = fileURLToPath(new URL('..', import.meta.url));
const workerBin = fileURLToPath(new URL('../../packages/worker/bin/wallaroo-worker.js', import.meta.url));

/**
 * The hand-written program. It has no imports of its own, so its types are stripped into a plain `.mjs`:
 * the process measured holds no loader, no loader's thread and no helper calls around functions.
 */
const baseline: SystemUnderTest = {
  name: 'baseline',
  readyLine: 'ready',
  command: ({ workload, inputs, output, scratch }) => {
    const source = readFileSync(join(bench, 'baselines', `${workload}.ts`), 'utf8');
    const program = join(scratch, `${workload}.mjs`);
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    writeFileSync(program, ts.transpileModule(source, { compilerOptions }).outputText);
    return [program, '--in', inputs, '--out', output];
  },
};

/** The framework's worker from its compiled package; it loads its application itself. */
const worker: SystemUnderTest = {
  name: 'worker',
  readyLine: 'Application has successfully initialized.',
  command: ({ workload, inputs, output, scratch }) => {
    const application = join(bench, 'apps', `${workload}.ts`);
    for (const file of [workerBin, application]) {
      if (!existsSync(file)) throw new Error(`${file} is missing: try --candidate baseline`);
    }
    return [
      workerBin,
      ...['--application-module', application, '--in', inputs, '--out', output],
      ...['--cluster-initializer', '--resilience-dir', scratch],
    ];
  },
};

/** Ways in which a worker with checkpoints is fed and read. */
const resilientWorkers = {
  /** What its sources read is on disk before it is processed. */
  journaled: { args: [] },
  'not journaled': { args: ['--no-journal'] },
  'connector source': { args: ['--connector-source'], source: 'connector' },
  'two-phase sink': { args: ['--no-journal', '--connector-sink'], sink: 'connector' },
} as const satisfies Readonly<
  Record<string, { args: readonly string[] } & Pick<SystemUnderTest, 'source' | 'sink'>>
>;
export type ResilientWorkerName = keyof typeof resilientWorkers;

export function resilientWorker(name: ResilientWorkerName): SystemUnderTest {
  const { args, ...ends } = resilientWorkers[name];
  return {
    ...worker,
    ...ends,
    name,
    command: (place) => [...worker.command(place), '--run-with-resilience', ...args],
  };
}

export function systemNamed(name: SystemName): SystemUnderTest {
  return { baseline, worker }[name];
}
