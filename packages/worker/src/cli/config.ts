import { statSync } from 'node:fs';
import { UsageError, type ParsedArguments } from '@wallaroo/command-line';
import { defaultTiming, type Timing } from '../core/link/timing.js';
import type { ResilienceSettings } from '../core/membership/member/surroundings.js';
import type { Role } from '../core/membership/role.js';
import { onOneLine } from '../runtime/log.js';
import type { WorkerSettings } from '../runtime/worker-settings.js';
import type { WorkerLog } from '../runtime/log.js';
import { parseInputs } from './inputs.js';
import type { workerOptions } from './options.js';

type Values = ParsedArguments<typeof workerOptions>['values'];

const mebibyte = 1024 * 1024;

/**
 * The settings that a command line asks for.
 * @throws UsageError for the first option that is missing or cannot be with the others
 */
export function settingsOf(
  { values, aliasesUsed }: ParsedArguments<typeof workerOptions>,
  log: WorkerLog,
): WorkerSettings {
  const initializer = values['cluster-initializer'];
  if (values['worker-count'] === 0) throw new UsageError('--worker-count must be at least 1.');
  if (initializer && values.join) {
    throw new UsageError(
      '--cluster-initializer is an invalid command line argument when joining.  Joining worker cannot function as initializer.',
    );
  }
  checkDirectory(values['resilience-dir'] ?? defaultDirectory);
  // Older manuals give these to every worker; who speaks their language is understood.
  const older = aliasesUsed.some((name) => name !== 'explain');
  if (!initializer) checkOtherWorker(values, older);
  const resilience = resilienceOf(values, log);
  const workerCount = values['worker-count'] ?? 1;
  const alone =
    initializer && workerCount === 1 && values['resilience-dir'] === undefined && resilience === undefined;
  return Object.freeze({
    name: initializer ? 'initializer' : checkedName(values.name!),
    role: roleOf(values, workerCount),
    files: alone ? undefined : (values['resilience-dir'] ?? defaultDirectory),
    resilience,
    resilienceDirectory: values['resilience-dir'] ?? defaultDirectory,
    control: initializer ? values.control : values['my-control'],
    data: initializer ? values.data : (values['my-data'] ?? (older ? values.data : undefined)),
    external: values.external,
    metrics: values.metrics,
    inputs: values.in === undefined ? new Map() : parseInputs(values.in),
    outputs: values.out ?? [],
    windowBytes: { sink: mebibyte, link: 4 * mebibyte },
    timing: timingOf(values),
    slotsPerRoute: values['slots-per-route'],
    drainMs: (values['drain-timeout'] ?? 30) * 1000,
    stopPauseMs: (values['stop-pause'] ?? 2_000_000_000) / 1e6,
    log,
  });
}

const defaultDirectory = '/tmp';
const defaultCheckpointNs = 1_000_000_000;

function resilienceOf(values: Values, log: WorkerLog): ResilienceSettings | undefined {
  if (!values['run-with-resilience']) {
    for (const name of ['log-rotation', 'event-log-file-size', 'time-between-checkpoints'] as const) {
      if (values[name])
        log.write('warning', 'Configuration', `--${name} has no effect without --run-with-resilience`);
    }
    return undefined;
  }
  const rotation = values['log-rotation'] ?? false;
  const fileBytes = values['event-log-file-size'];
  if (fileBytes !== undefined && !rotation) {
    log.write('warning', 'Configuration', '--event-log-file-size has no effect without --log-rotation');
  }
  return {
    checkpointNs: values['time-between-checkpoints'] ?? defaultCheckpointNs,
    rotation,
    fileBytes: rotation ? fileBytes : undefined,
  };
}

function roleOf(values: Values, workerCount: number): Role {
  if (values['cluster-initializer']) return { kind: 'initializer', workerCount };
  if (values.join !== undefined) return { kind: 'joiner', contact: values.join, workerCount };
  return { kind: 'worker', initializer: values.control! };
}

function timingOf(values: Values): Timing {
  const silenceMs = values['peer-timeout'] ?? defaultTiming.silenceMs;
  if (silenceMs < 200) throw new UsageError('--peer-timeout must be at least 200 milliseconds.');
  const startMs =
    values['start-timeout'] === undefined ? defaultTiming.startMs : values['start-timeout'] * 1000;
  const joinMs = values['join-timeout'] === undefined ? defaultTiming.joinMs : values['join-timeout'] * 1000;
  const heartbeatMs = Math.min(defaultTiming.heartbeatMs, silenceMs / 5);
  return { ...defaultTiming, silenceMs, heartbeatMs, startMs, joinMs };
}

function checkOtherWorker(values: Values, older: boolean): void {
  const joining = values.join !== undefined;
  if (values.name === undefined) {
    throw new UsageError(
      (joining
        ? 'You must specify a name for the worker via the -n parameter.'
        : 'You must specify a worker name via --name/-n.') +
        ' The first worker is started with --cluster-initializer.',
    );
  }
  if (joining) return;
  if (values['worker-count'] !== undefined && !older) {
    throw new UsageError('Only supply --worker-count to cluster initializer or to joining worker.');
  }
  if (values.data && !older) throw new UsageError('Only supply --data to cluster initializer.');
  if (values.control === undefined) {
    throw new UsageError(
      'You must specify the control address of the initializer via --control/-c. ' +
        'The first worker is started with --cluster-initializer.',
    );
  }
}

/** A name becomes part of file names, of lists and of lines of the log. */
function checkedName(name: string): string {
  if (name.length > 64 || !/^[^/,|\p{Cc}]+$/u.test(name) || name === '.' || name === '..') {
    throw new UsageError(
      `--name: '${onOneLine(name)}' cannot be the name of a worker: 1 to 64 characters, none of them / , | or a control character.`,
    );
  }
  if (/-[0-9A-F]{16}$/.test(name)) {
    throw new UsageError(
      `--name: '${name}' cannot be the name of a worker: with - and 16 hex digits at its end it would be taken for a log of another one.`,
    );
  }
  if (name === 'initializer') {
    throw new UsageError("--name: 'initializer' is the name of the worker with --cluster-initializer.");
  }
  return name;
}

function checkDirectory(directory: string): void {
  if (directory.length > 1 && directory.endsWith('/'))
    throw new UsageError('--resilience-dir must not end in /');
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`Resilience directory: ${directory} doesn't exist`);
  }
}
