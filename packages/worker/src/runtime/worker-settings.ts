import type { Address } from '@wallaroo/protocol';
import type { SourceInput } from '../api/source.js';
import type { Timing } from '../core/link/timing.js';
import type { ResilienceSettings } from '../core/membership/member/surroundings.js';
import type { Role } from '../core/membership/role.js';
import type { WorkerLog } from './log.js';

/** All that a worker needs to know, checked and complete. */
export interface WorkerSettings {
  readonly name: string;
  readonly role: Role;
  /** Where the worker's files belong; undefined for a worker alone, which has nothing to come back to. */
  readonly files: string | undefined;
  /** Checkpoints are taken; then there are files. */
  readonly resilience: ResilienceSettings | undefined;
  /** For the log. */
  readonly resilienceDirectory: string;
  /** Where to listen; undefined: where the worker listened in its former life, or on a free port of loopback. */
  readonly control: Address | undefined;
  readonly data: Address | undefined;
  readonly external: Address | undefined;
  readonly metrics: Address | undefined;
  /** Where sources take their input, by name; the name '' stands for the only source. */
  readonly inputs: ReadonlyMap<string, SourceInput>;
  readonly outputs: readonly Address[];
  /** Sources are muted while a sink, or a link to another worker, holds more than this. */
  readonly windowBytes: { readonly sink: number; readonly link: number };
  readonly timing: Timing;
  /** Slots that move at once, for measurements. */
  readonly slotsPerRoute?: number | undefined;
  /** How long a worker that leaves waits for the clients of its sources, if it is asked to. */
  readonly drainMs: number;
  /** A stopping worker gives up on sinks that take nothing for this long. */
  readonly stopPauseMs: number;
  readonly log: WorkerLog;
}

/** Where a worker listens. */
export interface WorkerAddresses {
  readonly external: Address | undefined;
  readonly control: Address | undefined;
  readonly data: Address | undefined;
  /** By source name; a source that does not listen has none. */
  readonly sources: Readonly<Record<string, Address>>;
}
