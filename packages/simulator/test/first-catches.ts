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
  'drained straight in': 1143,
  'in flight is not recorded': 20,
  'told before synced': 27,
  'commit before record': 26,
  'prepares are not chained': 33,
  'recorded behind new': 14,
  'processed before journaled': 33,
  'journal trimmed early': 14,
  'no copy on write': 60,
  'only the exact checkpoint is committed': 244,
  'changes since the base are left out': 274,
  'the end of the log is not cut off': 9,
  'kept output is not restored': 35,
  'a failed file is gone on with': 244,
  'ends are not waited for': 333,
  'positions of streams are late': 9,
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
  'the end of the log is not cut off',
  'kept output is not restored',
  'a failed file is gone on with',
  'ends are not waited for',
  'positions of streams are late',
]);

/** Bugs that do nothing but keep a cluster from going on, and why. */
export const standstills: Partial<Readonly<Record<PlantedBug, string>>> = {
  'newer epoch is dropped': 'nothing is sent on a link before its greeting has been answered',
};

/**
 * Bugs by which a record of the cluster names what is not on a disk, or not as it was written: a worker that finds it so has caught them. By
 * bug, what it finds damaged.
 */
export const damages: Partial<Readonly<Record<PlantedBug, string>>> = {
  'told before synced': 'The event log',
  'journal trimmed early': 'The journal',
  'the end of the log is not cut off': 'The event log',
  'a failed file is gone on with': 'The event log',
};
