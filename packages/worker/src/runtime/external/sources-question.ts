import { formatAddress, parseAddress, type Address } from '@wallaroo/protocol';

/** What workers ask each other: where do your sources listen? */
export const sourcesQuestion = 'sources';

export function sourcesAnswer(addresses: Readonly<Record<string, Address>>): string {
  const texts = Object.entries(addresses).map(([name, address]) => [name, formatAddress(address)]);
  return JSON.stringify(Object.fromEntries(texts));
}

/** Where the first of these workers that has the source listens for it; undefined when none said so. */
export function sourceOf(
  source: string,
  workers: readonly string[],
  answers: ReadonlyMap<string, string>,
): Address | undefined {
  for (const worker of workers) {
    const answer = answers.get(worker);
    if (answer === undefined || answer === '') continue;
    const text = (JSON.parse(answer) as Record<string, string>)[source];
    if (text !== undefined) return parseAddress(text);
  }
  return undefined;
}
