import { statSync } from 'node:fs';
import { UsageError, type ParsedArguments } from '@wallaroo/command-line';
import type { WorkerSettings } from '../runtime/worker.js';
import type { WorkerLog } from '../runtime/log.js';
import { parseInputs } from './inputs.js';
import type { workerOptions } from './options.js';

const loopback = { host: '127.0.0.1', port: 0 };

/**
 * The settings that a command line asks for.
 * @throws UsageError for the first option that is missing or cannot be with the others
 */
export function settingsOf(
  { values }: ParsedArguments<typeof workerOptions>,
  log: WorkerLog,
): WorkerSettings {
  const initializer = values['cluster-initializer'];
  if (values['worker-count'] === 0) throw new UsageError('--worker-count must be at least 1.');
  if (initializer && values.join) {
    throw new UsageError(
      '--cluster-initializer is an invalid command line argument when joining.  Joining worker cannot function as initializer.',
    );
  }
  const resilienceDirectory = values['resilience-dir'] ?? '/tmp';
  checkDirectory(resilienceDirectory);
  if (!initializer) checkOtherWorker(values);
  if ((values['worker-count'] ?? 1) > 1) {
    throw new UsageError('--worker-count: this version runs clusters of one worker; leave the option out.');
  }
  if (values['run-with-resilience']) {
    throw new UsageError('--run-with-resilience: this version does not keep state across crashes yet.');
  }
  for (const name of ['log-rotation', 'event-log-file-size', 'time-between-checkpoints'] as const) {
    if (values[name])
      log.write('warning', 'Configuration', `--${name} has no effect without --run-with-resilience`);
  }
  return Object.freeze({
    name: 'initializer',
    resilienceDirectory,
    control: values.control ?? loopback,
    data: values.data ?? loopback,
    external: values.external,
    metrics: values.metrics,
    inputs: values.in === undefined ? new Map() : parseInputs(values.in),
    outputs: values.out ?? [],
    sinkWindowBytes: 1024 * 1024,
    stopPauseMs: (values['stop-pause'] ?? 2_000_000_000) / 1e6,
    log,
  });
}

function checkOtherWorker(values: ParsedArguments<typeof workerOptions>['values']): never {
  const joining = values.join !== undefined;
  if (values.name === undefined) {
    throw new UsageError(
      (joining
        ? 'You must specify a name for the worker via the -n parameter.'
        : 'You must specify a worker name via --name/-n.') +
        ' The first worker is started with --cluster-initializer.',
    );
  }
  if (!joining && values['worker-count'] !== undefined) {
    throw new UsageError('Only supply --worker-count to cluster initializer or to joining worker.');
  }
  if (!joining && values.data) throw new UsageError('Only supply --data to cluster initializer.');
  throw new UsageError('this version runs clusters of one worker: start it with --cluster-initializer.');
}

function checkDirectory(directory: string): void {
  if (directory.length > 1 && directory.endsWith('/'))
    throw new UsageError('--resilience-dir must not end in /');
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`Resilience directory: ${directory} doesn't exist`);
  }
}
