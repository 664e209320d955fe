import type { Workload } from '../workloads/workload.js';
import { Contender, type FloodResult } from './contender.js';
import { withRig } from './rig.js';
import type { SystemUnderTest } from './systems.js';

/** Short beside the seconds for which this kind of machine stays fast or slow; long beside a filled cache. */
const turnMs = 200;
const warmUpTurns = 14;
/** After so many turns each, memory and progress are looked at. An even number: both orders equally often. */
const checkTurns = 2;
/** An interval grows to at most so many times what was asked for, even if too few messages were seen. */
const longestInterval = 20;

export interface DuelOptions {
  readonly workload: Workload;
  readonly baseline: SystemUnderTest;
  readonly candidate: SystemUnderTest;
  /** Who starts and takes the first turn: let it change from round to round. */
  readonly candidateFirst: boolean;
  /** Each system's own time; more if it would see fewer than `messages`. */
  readonly seconds: number;
  readonly messages: number;
}

export interface DuelResult {
  readonly baseline: FloodResult;
  readonly candidate: FloodResult;
}

/**
 * Two fresh processes on one core, which take turns of a fifth of a second: whatever the machine does,
 * it does to both.
 */
export function duel(options: DuelOptions): Promise<DuelResult> {
  const { workload, baseline, candidate, candidateFirst } = options;
  const [first, second] = candidateFirst ? [candidate, baseline] : [baseline, candidate];
  return withRig({ workload, system: first }, (one) =>
    withRig({ workload, system: second }, async (other) => {
      const [a, b] = await fight([Contender.begin(one), Contender.begin(other)], options);
      return candidateFirst ? { baseline: b!, candidate: a! } : { baseline: a!, candidate: b! };
    }),
  );
}

async function fight(
  contenders: readonly Contender[],
  { seconds, messages }: DuelOptions,
): Promise<FloodResult[]> {
  await takeTurns(contenders, warmUpTurns);
  for (const contender of contenders) await contender.beginInterval();
  const turns = Math.ceil((seconds * 1000) / turnMs);
  for (let taken = 0; taken < turns * longestInterval; taken += checkTurns) {
    await takeTurns(contenders, checkTurns);
    for (const contender of contenders) contender.noteMemory();
    const seen = await Promise.all(contenders.map((contender) => contender.messagesSoFar()));
    if (taken + checkTurns >= turns && Math.min(...seen) >= messages) break;
  }
  const results: FloodResult[] = [];
  for (const contender of contenders) results.push(await contender.finish());
  return results;
}

async function takeTurns(contenders: readonly Contender[], turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    const order = turn % 2 === 0 ? contenders : [...contenders].reverse();
    for (const contender of order) await contender.takeTurn(turnMs);
  }
}
