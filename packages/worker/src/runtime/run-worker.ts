import { parseAddress, type Address } from '@wallaroo/protocol';
import type { Application } from '../api/application.js';
import type { SourceInput } from '../api/source.js';
import { defaultTiming, type Timing } from '../core/link/timing.js';
import type { ResilienceSettings } from '../core/membership/member/surroundings.js';
import type { Role } from '../core/membership/role.js';
import { lineLog, type WorkerLog } from './log.js';
import { Worker } from './worker.js';
import type { WorkerAddresses, WorkerSettings } from './worker-settings.js';

type AddressLike = Address | string;

export interface RunOptions {
  /** Default `initializer`; a worker that goes to an initializer needs a name. */
  readonly name?: string;
  /** Workers that form the cluster, this one included; default 1. For the initializer. */
  readonly workerCount?: number;
  /** The control address of the initializer that this worker goes to; without it, this worker is the initializer. */
  readonly initializer?: AddressLike;
  /** The control address of any member of a running cluster that this worker joins, together with `workerCount` - 1 others. */
  readonly join?: AddressLike;
  /** Where the worker keeps what it needs to find its cluster again. Default `/tmp` in a cluster, nowhere alone. */
  readonly resilienceDirectory?: string;
  /**
   * State is kept across crashes, in files of `resilienceDirectory`. All workers of a cluster must say the same.
   * `true`: a checkpoint every second.
   */
  readonly resilience?: boolean | { readonly checkpointMs?: number };
  /** Times of the protocols between workers. */
  readonly timing?: Partial<Timing>;
  /** Where sources listen, by source name. */
  readonly inputs?: Readonly<Record<string, AddressLike | SourceInput>>;
  /** Where sinks connect, in the order of the application; one address serves all of them. */
  readonly outputs?: readonly AddressLike[];
  /** Where operators' tools connect; without it nobody can. */
  readonly external?: AddressLike;
  readonly metrics?: AddressLike;
  /** Default: a free port on loopback, as for `data`. */
  readonly control?: AddressLike;
  readonly data?: AddressLike;
  /** Sources are muted while a sink holds more bytes than this, default 1 MiB. */
  readonly sinkWindowBytes?: number;
  /** Sources are muted while a link to another worker holds more bytes than this, default 4 MiB. */
  readonly linkWindowBytes?: number;
  /** A stopping worker gives up on sinks that take nothing for this long, default 2000. */
  readonly stopPauseMs?: number;
  /** Stops the worker as `stop` does. */
  readonly signal?: AbortSignal;
  /** Default: standard output, with the thresholds of WALLAROO_THRESHOLDS. */
  readonly log?: WorkerLog;
}

/** A worker that runs in this process. */
export interface WorkerHandle {
  /** Resolves when messages flow; rejects when the worker cannot start. */
  readonly ready: Promise<void>;
  /** Settles when the worker has ended: rejects with what made it fail. */
  readonly done: Promise<void>;
  /** Where the worker listens, with the real ports. Complete once it is ready. */
  readonly addresses: WorkerAddresses;
  /** Reads nothing more, processes what was read, flushes the sinks. The same promise as `done`. */
  stop(): Promise<void>;
}

/**
 * Starts an application in this process.
 * @throws ApplicationError, ConfigurationError when the application or the options cannot work
 */
export function runWorker(application: Application, options: RunOptions = {}): WorkerHandle {
  let settle: { resolve: () => void; reject: (error: Error) => void };
  const done = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  // Who only looks at `ready` must not die of an unhandled `done`.
  done.catch(() => undefined);
  const worker = new Worker(application, settingsOf(options), () => void stop());
  const stop = () => {
    worker.stop().then(
      () => settle.resolve(),
      (error: Error) => settle.reject(error),
    );
    return done;
  };
  const ready = worker.start();
  ready.catch((error: Error) => {
    const failed = () => settle.reject(error);
    worker.stop().then(failed, failed);
  });
  if (options.signal?.aborted) void stop();
  options.signal?.addEventListener('abort', () => void stop(), { once: true });
  return {
    ready,
    done,
    get addresses() {
      return worker.addresses;
    },
    stop,
  };
}

const mebibyte = 1024 * 1024;

function settingsOf(options: RunOptions): WorkerSettings {
  const { name = 'initializer', workerCount = 1, resilienceDirectory } = options;
  const initializer = toAddress(options.initializer);
  const contact = toAddress(options.join);
  const resilience = resilienceOf(options.resilience);
  const alone =
    initializer === undefined && contact === undefined && workerCount === 1 && resilience === undefined;
  return {
    name,
    role: roleOf(contact, initializer, workerCount),
    files: resilienceDirectory ?? (alone ? undefined : '/tmp'),
    resilience,
    resilienceDirectory: resilienceDirectory ?? '/tmp',
    control: toAddress(options.control),
    data: toAddress(options.data),
    external: toAddress(options.external),
    metrics: toAddress(options.metrics),
    inputs: new Map(Object.entries(options.inputs ?? {}).map(([source, input]) => [source, toInput(input)])),
    outputs: (options.outputs ?? []).map((output) => toAddress(output)!),
    windowBytes: { sink: options.sinkWindowBytes ?? mebibyte, link: options.linkWindowBytes ?? 4 * mebibyte },
    timing: { ...defaultTiming, ...options.timing },
    drainMs: 30_000,
    stopPauseMs: options.stopPauseMs ?? 2000,
    log: options.log ?? standardOutputLog(),
  };
}

function resilienceOf(wanted: RunOptions['resilience']): ResilienceSettings | undefined {
  if (wanted === undefined || wanted === false) return undefined;
  const { checkpointMs = 1000 } = wanted === true ? {} : wanted;
  return { checkpointNs: checkpointMs * 1e6, rotation: false, fileBytes: undefined };
}

function roleOf(contact: Address | undefined, initializer: Address | undefined, workerCount: number): Role {
  if (contact !== undefined) return { kind: 'joiner', contact, workerCount };
  return initializer === undefined ? { kind: 'initializer', workerCount } : { kind: 'worker', initializer };
}

/** Lines go to standard output at once. */
export function standardOutputLog(): WorkerLog {
  return lineLog((line) => process.stdout.write(line), process.env['WALLAROO_THRESHOLDS']);
}

function toAddress(address: AddressLike | undefined): Address | undefined {
  return typeof address === 'string' ? parseAddress(address) : address;
}

function toInput(input: AddressLike | SourceInput): SourceInput {
  if (typeof input === 'object' && 'address' in input) return input;
  return { address: toAddress(input)! };
}
