import { helpText, parseArguments, UsageError } from '@wallaroo/command-line';
import { explainMermaid, explainText } from '../core/topology/explain.js';
import { planApplication } from '../core/topology/planner.js';
import { isNamed } from '../api/errors.js';
import { OutputClosedError } from '../runtime/errors.js';
import type { WorkerLog } from '../runtime/log.js';
import { standardOutputLog } from '../runtime/run-worker.js';
import { Worker } from '../runtime/worker.js';
import { ApplicationModuleError } from './application-module-error.js';
import { settingsOf } from './config.js';
import { loadApplication } from './load-application.js';
import { workerHelp, workerOptions } from './options.js';

await main(process.argv.slice(2)).catch(fail);

async function main(argv: readonly string[]): Promise<void> {
  const parsed = parseArguments(workerOptions, argv);
  const { values } = parsed;
  if (values.help) {
    process.stdout.write(`${await helpText(workerHelp)}\n`);
    return;
  }
  const module = values['application-module'];
  if (module === undefined) {
    throw new UsageError('You must provide the application with --application-module MODULE; see --help.');
  }
  if (values['dry-run']) {
    const plan = planApplication(await loadApplication(module, parsed.rest));
    process.stdout.write(`${explainText(plan)}\n\n${explainMermaid(plan)}\n`);
    process.exit(0);
  }
  const log = standardOutputLog();
  const end = endOfWorker(log);
  const settings = settingsOf(parsed, log);
  const application = await loadApplication(module, parsed.rest);
  const worker = new Worker(application, settings, end.wanted);
  worker.start().catch(fail);
  const failure = await end.awaited;
  await worker.stop();
  if (failure) throw failure;
  process.exit(0);
}

/** Resolves when the worker is to stop, for whatever reason; with an error if that is one. */
function endOfWorker(log: WorkerLog): {
  awaited: Promise<Error | undefined>;
  wanted: (failure?: Error) => void;
} {
  let wanted!: (failure?: Error) => void;
  const awaited = new Promise<Error | undefined>((resolve) => (wanted = resolve));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      // Whoever signals again does not want to wait: the system's own way ends the process at once.
      // Before the line, so that who answers to it is not swallowed by a listener that is about to go.
      process.removeAllListeners('SIGTERM');
      process.removeAllListeners('SIGINT');
      log.line(`${signal} received: stopping when all that was read is processed and sent.`);
      wanted();
    });
  }
  process.stdout.on('error', (cause) => wanted(new OutputClosedError(cause)));
  return { awaited, wanted };
}

/** Tells the operator what happened and what to do, and ends with exit code 1. */
function fail(error: unknown): never {
  process.stderr.write(`Error: ${explanation(error)}\n`);
  process.exit(error instanceof Error && 'exitCode' in error ? Number(error.exitCode) : 1);
}

function explanation(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('remedy' in error)
    return `${error.message.replace(/\.$|(\n)$/, '')}${error.message.endsWith('\n') ? '\n' : '. '}${String(error.remedy)}`;
  const cause = causeOf(error);
  const authors = error instanceof ApplicationModuleError || isNamed(error, 'UserCodeError');
  if (error instanceof UsageError || isNamed(error, 'ApplicationError') || (authors && cause === error)) {
    return error.message;
  }
  return `${error.message}\n${cause.stack ?? ''}`;
}

/** The error where it all began: its stack shows the author's line. */
function causeOf(error: Error): Error {
  return error.cause instanceof Error ? causeOf(error.cause) : error;
}
