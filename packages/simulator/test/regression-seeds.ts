import type { Fault } from '../src/faults/fault.js';

/** A run that once failed and must never fail again. */
export interface RegressionSeed {
  readonly seed: number;
  /** What went wrong. */
  readonly why: string;
  /** Instead of those that the seed draws: what shrinking has left of them. */
  readonly faults?: readonly Fault[];
  readonly messages?: number;
  /** So many times the faults that are drawn; default: 1. */
  readonly faultRate?: number;
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
  {
    seed: 5148,
    why: 'another worker led before the leader had left by a record in effect, and everything went back',
    messages: 45,
    resilience: true,
    faults: [{ when: { atMs: 1177 }, kind: 'shrink', ask: 0, leave: [0], drain: true }],
  },
  {
    seed: 459,
    why: 'a member that had joined after the last checkpoint was left behind, with what its clients had sent',
    messages: 1,
    resilience: true,
    faults: [
      { when: { atMs: 1643 }, kind: 'slowProcess', host: 1, forMs: 1311 },
      { when: { atMs: 2551 }, kind: 'slowProcess', host: 1, forMs: 3687 },
      { when: { wish: 'store', nth: 1 }, kind: 'join', host: 1 },
    ],
  },
  {
    seed: 3027,
    why: 'a joiner took messages while the others were already going on without it',
    messages: 20,
    faults: [
      { when: { atMs: 8274 }, kind: 'partition', from: 2, to: 0, forMs: 3259 },
      { when: { wish: 'dial', host: 2, nth: 5 }, kind: 'partition', from: 2, to: 0, forMs: 3276 },
      { when: { atMs: 7464 }, kind: 'failDisk', host: 3, forMs: 6000 },
      { when: { atMs: 6785 }, kind: 'join', host: 3, together: [2], apartMs: 410 },
    ],
  },
  {
    seed: 3008,
    why: 'records of a journal that the power had lost were taken for damage',
    messages: 226,
    resilience: true,
    faults: [
      { when: { atMs: 4683 }, kind: 'kill', host: 1, downMs: 88, wishes: 7, part: 0, power: true },
      { when: { phase: 'processing', nth: 1 }, kind: 'join', host: 2 },
    ],
  },
  {
    seed: 1136,
    why: 'a worker without files was taken for the one of the record, whose incarnation others knew',
    messages: 1,
    resilience: true,
    faults: [
      { when: { atMs: 1805 }, kind: 'reset', between: [2, 0] },
      { when: { wish: 'close', nth: 1 }, kind: 'reset', between: [3, 0] },
      { when: { atMs: 2244 }, kind: 'halfOpen', from: 0, to: 1, both: false },
      { when: { atMs: 1899 }, kind: 'partition', from: 0, to: 3, forMs: 290 },
      { when: { atMs: 2924 }, kind: 'kill', host: 1, downMs: 500, wishes: 0, part: 0, power: false },
      { when: { atMs: 2826 }, kind: 'kill', host: 4, downMs: 40, wishes: 0, part: 0, power: false },
      { when: { atMs: 3343 }, kind: 'kill', host: 0, downMs: 149, wishes: 0, part: 0, power: false },
    ],
  },
  {
    seed: 9344,
    why: 'a worker that waited for its first record took another incarnation than the leader counted on',
    messages: 1,
    faults: [
      { when: { atMs: 2208 }, kind: 'partition', from: 0, to: 4, forMs: 821 },
      { when: { atMs: 2204 }, kind: 'kill', host: 3, downMs: 36, wishes: 4, part: 0, power: false },
    ],
  },
  {
    seed: 60062,
    why: 'one that had joined, read, and gone back to a time before it was no member any more when it was away',
    messages: 27,
    resilience: true,
    faults: [
      {
        when: { line: 'slots are to move', nth: 1 },
        kind: 'stall',
        from: 3,
        to: 2,
        channel: 'data',
        forMs: 6000,
      },
      { when: { atMs: 11372 }, kind: 'reset', between: [4, 0] },
      { when: { atMs: 7978 }, kind: 'partition', from: 4, to: 3, forMs: 3722 },
      { when: { atMs: 11412 }, kind: 'partition', from: 0, to: 4, forMs: 3656 },
      { when: { atMs: 7728 }, kind: 'kill', host: 0, downMs: 71, wishes: 0, part: 0, power: false },
      { when: { atMs: 4557 }, kind: 'join', host: 4 },
    ],
  },
  {
    seed: 100127,
    why: 'a journal that was cut short in the middle was taken for its end, and what followed was removed',
    messages: 69,
    resilience: true,
    faults: [
      {
        ...{ when: { atMs: 5228 }, kind: 'damage', host: 3, downMs: 2 },
        ...{ file: 'journal', how: 'cut', at: 0.013252340024337173, bit: 4, other: 1 },
      },
    ],
  },
  {
    seed: 200274,
    why: 'one that had joined and read was taken for one that need not come back, while a record was on its way',
    messages: 96,
    faults: [
      { when: { atMs: 11649 }, kind: 'kill', host: 1, downMs: 460, wishes: 0, part: 0, power: true },
      {
        when: { phase: 'ready', nth: 3 },
        kind: 'kill',
        host: 5,
        downMs: 59,
        wishes: 0,
        part: 0,
        power: false,
      },
      { when: { line: 'Cluster is ready to work', nth: 5 }, kind: 'slowProcess', host: 5, forMs: 5146 },
      { when: { atMs: 11638 }, kind: 'slowProcess', host: 1, forMs: 85 },
      { when: { atMs: 11638 }, kind: 'join', host: 3 },
      { when: { wish: 'output', host: 1, nth: 10 }, kind: 'join', host: 3, together: [5, 4], apartMs: 943 },
    ],
  },
  {
    seed: 313309,
    why: 'a worker that was leaving, and lived, was given up while it had no connection, with what it had read',
    messages: 82,
    faults: [
      { when: { atMs: 6961 }, kind: 'reset', between: [1, 0] },
      { when: { phase: 'forming', nth: 2 }, kind: 'partition', from: 1, to: 0, forMs: 4347 },
      { when: { atMs: 15432 }, kind: 'partition', from: 1, to: 0, forMs: 6000 },
      { when: { atMs: 7322 }, kind: 'slowProcess', host: 0, forMs: 6000 },
      { when: { atMs: 9451 }, kind: 'shrink', ask: 0, leave: [1], drain: true },
    ],
  },
  {
    seed: 301253,
    why: 'that nothing was under way in one epoch was taken to be so in the next, and no last checkpoint came',
    messages: 1,
    faults: [
      {
        ...{ when: { phase: 'draining', nth: 1 }, kind: 'kill', host: 0, downMs: 21, wishes: 27 },
        ...{ part: 0, power: true, atShutdown: true },
      },
    ],
  },
  {
    seed: 301177,
    why: 'a joiner that had promised an epoch, and heard no more of it, was let in and never took the record',
    messages: 1,
    faults: [
      { when: { atMs: 5679 }, kind: 'kill', host: 3, downMs: 15, wishes: 0, part: 0, power: true },
      { when: { atMs: 7014 }, kind: 'kill', host: 0, downMs: 661, wishes: 4, part: 0, power: false },
      { when: { atMs: 4426 }, kind: 'failDisk', host: 0, forMs: 3499 },
      { when: { atMs: 5183 }, kind: 'join', host: 4 },
    ],
  },
  {
    seed: 313832,
    why: 'workers counted the frames of a new initializer on from those of its former life, which had no files',
    messages: 1,
    faults: [
      {
        ...{ when: { line: 'Distributing local topologies', nth: 1 }, kind: 'kill', host: 0, downMs: 4000 },
        ...{ wishes: 0, part: 0, power: false },
      },
      { when: { atMs: 5461 }, kind: 'kill', host: 2, downMs: 2, wishes: 0, part: 0.15, power: false },
      { when: { atMs: 5808 }, kind: 'kill', host: 0, downMs: 19, wishes: 47, part: 0.45, power: false },
      { when: { atMs: 3912 }, kind: 'failDisk', host: 0, forMs: 2574 },
    ],
  },
  {
    seed: 324905,
    why: 'one sink had voted no, and what another one still prepared for that checkpoint was taken to be over',
    messages: 76,
    faults: [
      { when: { phase: 'draining', nth: 1 }, kind: 'failSink', host: 0, how: 'refuses', forMs: 6000 },
      {
        ...{ when: { phase: 'finishing', nth: 1 }, kind: 'kill', host: 0, downMs: 3, wishes: 0 },
        ...{ part: 0, power: false, atShutdown: true },
      },
    ],
  },
  {
    seed: 600378,
    why: 'a leader that was leaving took the word of one disk for its leave, and another one waited for it',
    messages: 1,
    faults: [
      { when: { atMs: 1774 }, kind: 'reset', between: [1, 0] },
      { when: { atMs: 1609 }, kind: 'reset', between: [0, 2] },
      { when: { atMs: 4233 }, kind: 'halfOpen', from: 0, to: 1, both: true },
      { when: { atMs: 4874 }, kind: 'kill', host: 2, downMs: 8, wishes: 4, part: 0.95, power: false },
      {
        when: { wish: 'dial', nth: 1 },
        kind: 'kill',
        host: 2,
        downMs: 43,
        wishes: 24,
        part: 0.45,
        power: false,
      },
      { when: { atMs: 1668 }, kind: 'shrink', ask: 0, leave: [0], drain: true },
    ],
  },
  {
    seed: 810023,
    why: 'a leader that died while it left took its own disk for the word that it had, and nobody led',
    messages: 22,
    faults: [
      { when: { atMs: 2129 }, kind: 'stall', from: 1, to: 0, channel: 'data', forMs: 3315 },
      { when: { atMs: 3010 }, kind: 'reset', between: [1, 0] },
      { when: { wish: 'store', nth: 4 }, kind: 'reset', between: [0, 1] },
      { when: { atMs: 3155 }, kind: 'reset', between: [0, 1] },
      { when: { phase: 'ready', nth: 2 }, kind: 'reset', between: [1, 0] },
      {
        ...{ when: { wish: 'output', host: 1, nth: 7 }, kind: 'kill', host: 0, downMs: 7 },
        ...{ wishes: 108, part: 0, power: false },
      },
      { when: { atMs: 3306 }, kind: 'slowDisk', host: 0, byMs: 9, forMs: 419 },
      { when: { atMs: 1720 }, kind: 'shrink', ask: 1, leave: [0], drain: false },
    ],
  },
  {
    seed: 811285,
    why: 'a leader that had left by a later epoch waited for who had gone on without it',
    messages: 80,
    faults: [
      { when: { wish: 'write', nth: 2 }, kind: 'delay', from: 0, to: 1, byMs: 30, forMs: 1644 },
      { when: { atMs: 4309 }, kind: 'delay', from: 1, to: 0, byMs: 3033, forMs: 6000 },
      { when: { atMs: 1930 }, kind: 'delay', from: 0, to: 1, byMs: 2795, forMs: 197 },
      { when: { atMs: 5389 }, kind: 'delay', from: 1, to: 0, byMs: 1093, forMs: 1388 },
      {
        ...{ when: { line: 'slots are to move', nth: 1 }, kind: 'stall', from: 0, to: 1 },
        ...{ channel: 'data', forMs: 616 },
      },
      { when: { atMs: 3816 }, kind: 'halfOpen', from: 0, to: 1, both: true },
      { when: { phase: 'processing', nth: 2 }, kind: 'partition', from: 0, to: 1, forMs: 183 },
      { when: { atMs: 858 }, kind: 'partition', from: 0, to: 1, forMs: 5 },
      { when: { atMs: 1830 }, kind: 'slowDisk', host: 1, byMs: 8, forMs: 146 },
      { when: { atMs: 1851 }, kind: 'shrink', ask: 0, leave: [0], drain: false },
    ],
  },
  {
    seed: 943478,
    why: 'a second barrier of a route, which nobody waits for, was taken for processed: a link stood still for ever',
    messages: 42,
    faults: [
      {
        ...{ when: { line: 'slots are to move', nth: 1 }, kind: 'stall', from: 0, to: 2 },
        ...{ channel: 'data', forMs: 2575 },
      },
      {
        ...{ when: { phase: 'ready', host: 3, nth: 1 }, kind: 'stall', from: 1, to: 0 },
        ...{ channel: 'control', forMs: 6000 },
      },
      { when: { atMs: 640 }, kind: 'halfOpen', from: 0, to: 1, both: false },
      { when: { phase: 'ready', nth: 5 }, kind: 'halfOpen', from: 1, to: 2, both: true },
      { when: { atMs: 3398 }, kind: 'kill', host: 3, downMs: 1594, wishes: 0, part: 0.22, power: false },
      { when: { wish: 'flow', nth: 2 }, kind: 'join', host: 3 },
    ],
  },
  {
    seed: 933550,
    why: 'the same, of a giver that had been started again',
    messages: 62,
    faults: [
      { when: { atMs: 5258 }, kind: 'partition', from: 1, to: 2, forMs: 1075 },
      {
        ...{ when: { wish: 'store', host: 2, nth: 6 }, kind: 'kill', host: 1, downMs: 117 },
        ...{ wishes: 2, part: 0, power: false },
      },
      { when: { atMs: 7646 }, kind: 'kill', host: 0, downMs: 4, wishes: 0, part: 0, power: false },
      { when: { atMs: 5236 }, kind: 'join', host: 2, together: [1, 3], apartMs: 14 },
      { when: { atMs: 6706 }, kind: 'shrink', ask: 3, leave: [2], drain: true },
    ],
  },
  {
    seed: 610973,
    why: 'a joiner that was a member already took the late word of its contact, that its name was taken, for its own',
    faultRate: 2,
  },
  {
    seed: 957363,
    why: 'what a journal had in memory only was processed, and lost with the power',
    resilience: true,
    messages: 295,
    faults: [
      { when: { atMs: 554 }, kind: 'kill', host: 0, downMs: 271, wishes: 1, part: 0.76, power: false },
      {
        ...{ when: { phase: 'processing', nth: 1 }, kind: 'slowDisk', host: 0 },
        ...{ byMs: 3247, forMs: 2674 },
      },
      {
        ...{ when: { wish: 'sync', log: 'events', nth: 2, host: 0 }, kind: 'kill', host: 0, downMs: 2 },
        ...{ wishes: 2, part: 0, power: true },
      },
    ],
  },
  {
    seed: 952097,
    why: 'a worker that had left by its own disk alone found its journal damaged, which had lost nothing',
    resilience: true,
    messages: 258,
    faults: [
      { when: { phase: 'preparing', nth: 2 }, kind: 'reset', between: [0, 2] },
      { when: { wish: 'flow', nth: 1 }, kind: 'partition', from: 0, to: 2, forMs: 240 },
      {
        ...{ when: { wish: 'store', nth: 35 }, kind: 'damage', host: 0, downMs: 7, file: 'journal' },
        ...{ how: 'cut', at: 0.6006901620421559, bit: 0, other: 2 },
      },
      { when: { phase: 'processing', nth: 3 }, kind: 'shrink', ask: 1, leave: [0], drain: true },
    ],
  },
];
