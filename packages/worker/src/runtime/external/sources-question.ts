import { formatAddress, parseAddress, type Address } from '@wallaroo/protocol';
import { reachable } from '../reachable.js';

/** What workers ask each other: where do your sources listen? */
export const sourcesQuestion = 'sources';

export function sourcesAnswer(addresses: Readonly<Record<string, Address>>): string {
  const texts = Object.entries(addresses).map(([name, address]) => [name, formatAddress(address)]);
  return JSON.stringify(Object.fromEntries(texts));
}

/**
 * Where clients reach the source at the first of these workers that has it; undefined when none said so.
 * @param hostOf by which the cluster knows a worker: one that listens on every interface does not say which
 */
export function sourceOf(
  source: string,
  workers: readonly string[],
  answers: ReadonlyMap<string, string>,
  hostOf: (worker: string) => string | undefined,
): Address | undefined {
  for (const worker of workers) {
    const answer = answers.get(worker);
    if (answer === undefined || answer === '') continue;
    const text = (JSON.parse(answer) as Record<string, string>)[source];
    const address = text === undefined ? undefined : reachable(parseAddress(text), hostOf(worker));
    if (address !== undefined) return address;
  }
  return undefined;
}
