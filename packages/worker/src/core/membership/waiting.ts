import { formatAddress, type Address } from '@wallaroo/protocol';
import type { Role } from './role.js';

/** What a worker that waits knows of the others. */
export interface Others {
  /** It has been a member before. */
  readonly returning: boolean;
  /** Members that are not there. */
  readonly missing: readonly string[];
  readonly workers: readonly {
    readonly name: string;
    readonly control: Address | undefined;
    readonly present: boolean;
  }[];
}

/** For whom a worker waits, in words. */
export function waitsFor(role: Role, { returning, missing, workers }: Others): string {
  if (returning) return missing.length > 0 ? missing.join(', ') : 'the cluster to take this worker in again';
  switch (role.kind) {
    case 'initializer':
      return waitsForWorkers(role.workerCount - 1, workers);
    case 'worker':
      return workers.some(({ present }) => present)
        ? 'the other workers of the cluster'
        : `the initializer at ${formatAddress(role.initializer)}`;
    case 'joiner':
      return workers.some(({ present }) => present)
        ? `the cluster, which waits for ${counted(role.workerCount, 'joining worker')}`
        : `a member of the cluster at ${formatAddress(role.contact)}`;
  }
}

/** A worker has come while the cluster forms, and so many have not. */
export function arrival(worker: string, missing: number): string {
  const rest = missing > 0 ? `${counted(missing, 'worker')} still missing` : 'all workers are here';
  return `Worker ${worker} has arrived: ${rest}.`;
}

function waitsForWorkers(wanted: number, workers: Others['workers']): string {
  const missing = wanted - workers.length;
  const unheard = workers.filter(({ present, control }) => !present && control !== undefined);
  const notes = [
    ...(workers.length > 0 ? [`here: ${workers.map(({ name }) => name).join(', ')}`] : []),
    ...unheard.map(({ name, control }) => `${name} cannot be reached at ${formatAddress(control!)}`),
  ];
  const what = missing > 0 ? counted(missing, workers.length > 0 ? 'more worker' : 'worker') : 'connections';
  return `${what}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
