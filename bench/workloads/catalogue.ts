import { alphabet } from './alphabet.js';
import { marketSpread } from './market-spread.js';
import { wordCount } from './word-count.js';
import type { Workload, WorkloadName } from './workload.js';

const makers: Record<WorkloadName, () => Workload> = {
  alphabet,
  'word-count': wordCount,
  'market-spread': marketSpread,
};

/** Builds the workload; the same bytes in every process. */
export function workloadNamed(name: WorkloadName): Workload {
  return makers[name]();
}
