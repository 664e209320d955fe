import type { PlantedBug } from '@wallaroo/worker/core';

/**
 * The first seed, counted from 1, by which each planted bug is caught: what dice and checkers are worth. It is
 * tried before all others, which saves most of the time; when it does not catch the bug any more, the search
 * begins with seed 1 and this list is out of date.
 */
export const firstCatches: Readonly<Record<PlantedBug, number>> = {
  'repeated frames are kept': 4,
  'incarnation is not raised': 3,
  'incarnations are not compared': 37,
  'newer epoch is dropped': 9,
  'older epoch is not fenced': 223,
  'acknowledged before processed': 127,
  'nothing is sent again': 9,
  'in flight is forgotten': 9,
  'processed before resume': 9,
  'commit without all': 1,
  'window is ignored': 6,
  'shutdown does not drain': 141,
  'no route version': 79,
  'state before barriers': 1,
  'no flush': 151,
  'drained straight in': 960,
  'in flight is not recorded': 39,
  'told before synced': 50,
  'commit before record': 26,
  'prepares are not chained': 33,
  'recorded behind new': 34,
  'processed before journaled': 14,
  'journal trimmed early': 14,
  'no copy on write': 60,
  'only the exact checkpoint is committed': 35,
  'changes since the base are left out': 274,
};

/** Bugs that show only with checkpoints; all others are looked for without. */
export const withCheckpoints: ReadonlySet<PlantedBug> = new Set([
  'in flight is not recorded',
  'told before synced',
  'commit before record',
  'prepares are not chained',
  'recorded behind new',
  'processed before journaled',
  'journal trimmed early',
  'no copy on write',
  'only the exact checkpoint is committed',
  'changes since the base are left out',
]);

/** Bugs that do nothing but keep a cluster from going on, and why. */
export const standstills: Partial<Readonly<Record<PlantedBug, string>>> = {
  'newer epoch is dropped': 'nothing is sent on a link before its greeting has been answered',
};

/**
 * Bugs by which a record of the cluster names what is not on a disk: a worker that finds it so has caught them. By
 * bug, what it finds damaged.
 */
export const damages: Partial<Readonly<Record<PlantedBug, string>>> = {
  'told before synced': 'The event log',
  'journal trimmed early': 'The journal',
};
