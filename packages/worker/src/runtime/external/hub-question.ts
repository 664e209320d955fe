import { formatAddress, parseAddress, type Address } from '@wallaroo/protocol';
import { reachable } from '../reachable.js';

/** What workers ask each other: which metrics hub do you report to? */
export const hubQuestion = 'metrics hub';

export function hubAnswer(hub: Address | undefined): string {
  return hub === undefined ? '' : formatAddress(hub);
}

/**
 * The hub of the first of these workers that has one.
 * @param hostOf by which the cluster knows a worker: its hub may be on its own machine, without a name
 */
export function hubOf(
  workers: readonly string[],
  answers: ReadonlyMap<string, string>,
  hostOf: (worker: string) => string | undefined,
): Address | undefined {
  for (const worker of workers) {
    const answer = answers.get(worker) ?? '';
    const hub = answer === '' ? undefined : reachable(parseAddress(answer), hostOf(worker));
    if (hub !== undefined) return hub;
  }
  return undefined;
}
