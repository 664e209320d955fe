import type { Fault } from '../src/faults/fault.js';

/** A run that once failed and must never fail again. */
export interface RegressionSeed {
  readonly seed: number;
  /** What went wrong. */
  readonly why: string;
  /** Instead of those that the seed draws: what shrinking has left of them. */
  readonly faults?: readonly Fault[];
  readonly messages?: number;
}

/** One line for each. */
export const regressionSeeds: readonly RegressionSeed[] = [];
