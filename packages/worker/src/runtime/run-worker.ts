import { parseAddress, type Address } from '@wallaroo/protocol';
import type { Application } from '../api/application.js';
import type { SourceInput } from '../api/source.js';
import { lineLog, type WorkerLog } from './log.js';
import { Worker, type WorkerAddresses, type WorkerSettings } from './worker.js';

type AddressLike = Address | string;

export interface RunOptions {
  /** Default `initializer`. */
  readonly name?: string;
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

const loopback: Address = { host: '127.0.0.1', port: 0 };

function settingsOf(options: RunOptions): WorkerSettings {
  return {
    name: options.name ?? 'initializer',
    resilienceDirectory: '/tmp',
    control: toAddress(options.control) ?? loopback,
    data: toAddress(options.data) ?? loopback,
    external: toAddress(options.external),
    metrics: toAddress(options.metrics),
    inputs: new Map(Object.entries(options.inputs ?? {}).map(([name, input]) => [name, toInput(input)])),
    outputs: (options.outputs ?? []).map((output) => toAddress(output)!),
    sinkWindowBytes: options.sinkWindowBytes ?? 1024 * 1024,
    stopPauseMs: options.stopPauseMs ?? 2000,
    log: options.log ?? standardOutputLog(),
  };
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
