import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Contestant, type Entry, type Measured } from './contestant.js';
import { makes, type Make } from './programs.js';

/** See `harness/duel.ts`. */
const turnMs = 200;
const workOfMessage = 400;

/** The cases that are compared, by the make they are of. */
export const cases = {
  /** All keys on one worker. */
  one: { workers: 1, placement: 'all', work: 0 },
  /** One worker with as many keys as each of two has. */
  share: { workers: 1, placement: 'own', work: 0 },
  local: { workers: 2, placement: 'own', work: 0 },
  half: { workers: 2, placement: 'all', work: 0 },
  remote: { workers: 2, placement: 'other', work: 0 },
  /** As `one` and `half`, with about as much work for each message as splitting a line into words. */
  oneWorking: { workers: 1, placement: 'all', work: workOfMessage },
  halfWorking: { workers: 2, placement: 'all', work: workOfMessage },
} as const satisfies Record<string, Omit<Entry, 'name' | 'make'>>;
export type CaseName = keyof typeof cases;
export const caseNames = Object.keys(cases) as CaseName[];

export type RoundResult = Readonly<Record<Make, Partial<Record<CaseName, Measured>>>>;

export interface RoundOptions {
  readonly names: readonly CaseName[];
  /** Of turns, each contestant's own. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Fresh processes for every case and make, which take turns on the two cores; each is verified at its end. */
export async function runRound({ names, warmUpSeconds, seconds }: RoundOptions): Promise<RoundResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'wallaroo-bench-'));
  const contestants: Contestant[] = [];
  try {
    for (const name of names) {
      for (const make of makes) {
        contestants.push(await Contestant.begin({ name: `${name} ${make}`, make, ...cases[name] }, scratch));
      }
    }
    await takeTurns(contestants, warmUpSeconds);
    for (const contestant of contestants) await contestant.beginInterval();
    await takeTurns(contestants, seconds);
    const result: Record<Make, Partial<Record<CaseName, Measured>>> = { worker: {}, baseline: {} };
    for (const [index, contestant] of contestants.entries()) {
      const name = names[Math.floor(index / makes.length)]!;
      result[contestant.entry.make][name] = await contestant.endInterval();
      await contestant.finish();
    }
    return result;
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.kill()));
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function takeTurns(contestants: readonly Contestant[], seconds: number): Promise<void> {
  const turns = Math.ceil((seconds * 1000) / turnMs);
  for (let turn = 0; turn < turns; turn++) {
    const order = turn % 2 === 0 ? contestants : [...contestants].reverse();
    for (const contestant of order) await contestant.takeTurn(turnMs);
  }
}
