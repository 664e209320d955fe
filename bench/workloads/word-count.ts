import { billOfRights } from './bill-of-rights.js';
import { framed, type Reference, type Workload } from './workload.js';

/** Words of lines of text; each word answers with `word => n`. */
export function wordCount(): Workload {
  const words = billOfRights.map((line) =>
    [...line.matchAll(/[A-Za-z]+/g)].map(([word]) => word.toLowerCase()),
  );
  return {
    name: 'word-count',
    streams: [{ source: 'lines', cycle: billOfRights.map((line) => framed(Buffer.from(line))) }],
    outputShape: { kind: 'lines' },
    causes: Uint32Array.from(words.flatMap((ofLine, step) => ofLine.map(() => step))),
    unpredictableBytes: 0,
    newReference: () => newReference(words),
  };
}

function newReference(words: readonly (readonly string[])[]): Reference {
  const counts = new Map<string, number>();
  const add = (word: string, amount: number): number => {
    const count = (counts.get(word) ?? 0) + amount;
    counts.set(word, count);
    return count;
  };
  return {
    skipCycles: (count) => {
      for (const word of words.flat()) add(word, count);
    },
    apply: (index) => words[index]!.map((word) => Buffer.from(`${word} => ${add(word, 1)}\n`)),
  };
}
