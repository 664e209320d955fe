import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { end } from '../harness/children.js';
import { launchUnderTest, type Started } from '../harness/launch.js';
import { cores } from '../harness/cores.js';

/** Worker of the framework, or hand-written program. */
export const makes = ['worker', 'baseline'] as const;
export type Make = (typeof makes)[number];

export interface GroupOptions {
  readonly make: Make;
  /** `bench/apps/JOB.ts` or `bench/baselines/JOB.ts`. */
  readonly job: string;
  /** One or two processes, each with arguments of its own. */
  readonly args: readonly (readonly string[])[];
  /** A folder of its own. */
  readonly scratch: string;
  readonly onLine: (index: number, line: string) => void;
  /** For `node`. */
  readonly nodeFlags?: readonly string[];
}

/** Processes that have found each other. The first has the core under test, the second the other one. */
export async function launchGroup(options: GroupOptions): Promise<Started[]> {
  const { make, args, onLine, nodeFlags = [] } = options;
  const programOf = { worker: workerProgram, baseline: baselineProgram }[make](options);
  const start = (index: number, port: string | undefined): Promise<Started> =>
    launchUnderTest([...nodeFlags, ...programOf.command(index, port), ...args[index]!], {
      readyLine: programOf.readyLine,
      core: [cores.underTest, cores.helpers][index]!,
      onLine: (line) => {
        onLine(index, line);
        const found = index === 0 && /control: listening on .*:(\d+)/.exec(line);
        if (found) listening(found[1]!);
      },
    });
  let listening: (port: string) => void = () => undefined;
  const port = new Promise<string>((resolve) => (listening = resolve));
  const first = start(0, undefined);
  if (args.length === 1) return [await first];
  const second = Promise.race([port, first.then(() => port)]).then((found) => start(1, found));
  const results = await Promise.allSettled([first, second]);
  const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map(({ child }) => end(child)));
  throw failed.reason as Error;
}

interface Program {
  readonly readyLine: string;
  /** @param port where the first process listens for the second one */
  command(index: number, port: string | undefined): readonly string[];
}

const bench = fileURLToPath(new URL('..', import.meta.url));
const packages = fileURLToPath(new URL('../../node_modules', import.meta.url));
const workerBin = fileURLToPath(new URL('../../packages/worker/bin/wallaroo-worker.js', import.meta.url));
/** Those that take turns are stopped for seconds, and not dead. */
const patience = ['--peer-timeout', '600000'];

function workerProgram({ job, scratch, args }: GroupOptions): Program {
  const all = ['--application-module', join(bench, 'apps', `${job}.ts`), '--resilience-dir', scratch];
  return {
    readyLine: 'INIT PHASE IV',
    command: (index, port) => [
      workerBin,
      ...all,
      ...patience,
      ...(index === 0
        ? ['--cluster-initializer', '--worker-count', String(args.length), '--control', '127.0.0.1:0']
        : ['--name', 'w2', '--control', `127.0.0.1:${port}`]),
    ],
  };
}

/** As for the other baselines, types are stripped and nothing else; its one package lies beside it. */
function baselineProgram({ job, scratch, args }: GroupOptions): Program {
  const source = readFileSync(join(bench, 'baselines', `${job}.ts`), 'utf8');
  const program = join(scratch, `${job}.mjs`);
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  const { outputText } = ts.transpileModule(source, { compilerOptions });
  writeFileSync(program, outputText);
  symlinkSync(packages, join(scratch, 'node_modules'));
  return {
    readyLine: 'ready',
    command: (index, port) => [
      program,
      ...(args.length === 1 ? [] : ['--peer', index === 0 ? 'listen' : `127.0.0.1:${port}`]),
    ],
  };
}
