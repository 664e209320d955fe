import type { Fault } from '../src/faults/fault.js';

/** A run that once failed and must never fail again. */
export interface RegressionSeed {
  readonly seed: number;
  /** What went wrong. */
  readonly why: string;
  /** Instead of those that the seed draws: what shrinking has left of them. */
  readonly faults?: readonly Fault[];
  readonly messages?: number;
  /** With checkpoints; default: without. */
  readonly resilience?: boolean;
}

export const regressionSeeds: readonly RegressionSeed[] = [
  {
    seed: 212,
    why: 'what a killed worker had processed, and given away since, was sent again to its next life',
    messages: 103,
    faults: [
      {
        when: { wish: 'write', host: 2, nth: 84 },
        kind: 'stall',
        from: 2,
        to: 1,
        channel: 'data',
        forMs: 6000,
      },
      { when: { atMs: 1753 }, kind: 'kill', host: 2, downMs: 32, wishes: 0, part: 0.21, power: true },
      { when: { atMs: 52 }, kind: 'join', host: 3 },
    ],
  },
  {
    seed: 399,
    why: 'a joiner that had begun anew was held for an older life of itself',
    messages: 1,
    faults: [
      { when: { atMs: 879 }, kind: 'delay', from: 0, to: 2, byMs: 147, forMs: 2397 },
      { when: { atMs: 973 }, kind: 'reset', between: [4, 0] },
      {
        when: { phase: 'processing', nth: 2 },
        kind: 'kill',
        host: 6,
        downMs: 13,
        wishes: 16,
        part: 0.5,
        power: true,
      },
      {
        when: { line: 'Attempting to recover', nth: 2 },
        kind: 'kill',
        host: 0,
        downMs: 119,
        wishes: 9,
        part: 0,
        power: false,
      },
      { when: { atMs: 1446 }, kind: 'kill', host: 3, downMs: 3, wishes: 1, part: 0.09, power: true },
      { when: { atMs: 1277 }, kind: 'join', host: 6 },
    ],
  },
  {
    seed: 163,
    why: 'a worker was known by its new incarnation before that was on its disk, and so had it twice',
    messages: 1,
    faults: [
      { when: { atMs: 667 }, kind: 'kill', host: 1, downMs: 84, wishes: 0, part: 0, power: false },
      { when: { atMs: 3458 }, kind: 'slowDisk', host: 0, byMs: 1364, forMs: 1993 },
      { when: { atMs: 4842 }, kind: 'kill', host: 0, downMs: 33, wishes: 0, part: 0, power: false },
      { when: { atMs: 5041 }, kind: 'kill', host: 0, downMs: 998, wishes: 0, part: 0.77, power: false },
    ],
  },
  {
    seed: 149,
    why: 'a leader that had left was not let in any more to say so',
    messages: 63,
    faults: [
      { when: { atMs: 480 }, kind: 'slowProcess', host: 0, forMs: 112 },
      { when: { atMs: 2623 }, kind: 'slowProcess', host: 3, forMs: 208 },
      {
        when: { line: 'AUTOSCALE: Shutting down', host: 2, nth: 1 },
        kind: 'slowProcess',
        host: 1,
        forMs: 1942,
      },
      { when: { atMs: 1674 }, kind: 'slowSink', host: 1, byMs: 740, forMs: 931 },
      { when: { atMs: 2955 }, kind: 'shrink', ask: 0, leave: [0, 2], drain: false },
    ],
  },
];
