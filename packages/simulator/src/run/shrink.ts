import type { Fault } from '../faults/fault.js';
import type { Finding } from '../checkers/finding.js';
import type { FiredFault } from '../faults/injector.js';

/** What a run is shrunk by: the rest of it comes from its seed. */
export interface Reproduction {
  readonly faults: readonly Fault[];
  readonly messages: number;
}

export interface Attempt {
  readonly violation: Finding | undefined;
  readonly fired: readonly FiredFault[];
}

export interface Shrunk extends Reproduction {
  readonly violation: Finding;
  /** Runs that it took. */
  readonly runs: number;
}

/**
 * Makes a failing run smaller while the same checker fails: first without the faults that never fired, then
 * without ever smaller parts of the others (Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing
 * Input, IEEE TSE 28(2), 2002), then with fewer messages.
 * @param run makes a run of it; @param runsMax where to stop
 */
export function shrink(
  failing: Reproduction,
  first: Attempt,
  run: (reproduction: Reproduction) => Attempt,
  runsMax = 200,
): Shrunk {
  const { checker } = first.violation!;
  let best = failing;
  let violation = first.violation!;
  let runs = 0;
  const fails = (candidate: Reproduction): boolean => {
    if (runs >= runsMax) return false;
    runs++;
    const attempt = run(candidate);
    if (attempt.violation?.checker !== checker) return false;
    best = candidate;
    violation = attempt.violation;
    return true;
  };
  const fired = new Set(first.fired.map(({ fault }) => fault));
  fails({ ...best, faults: best.faults.filter((fault) => fired.has(fault)) });
  minimize(best.faults, (faults) => fails({ ...best, faults }));
  while (best.messages > 1 && fails({ ...best, messages: Math.floor(best.messages / 2) }));
  minimize(best.faults, (faults) => fails({ ...best, faults }));
  return { ...best, violation, runs };
}

/** Leaves out whatever can be left out. @param fails says so, and then the shorter list is what is minimized on */
function minimize<T>(list: readonly T[], fails: (shorter: readonly T[]) => boolean): void {
  let now = list;
  if (now.length > 0 && fails([])) return;
  for (let size = Math.ceil(now.length / 2); size >= 1 && now.length > 0;) {
    let left = false;
    for (let start = 0; start < now.length;) {
      const shorter = [...now.slice(0, start), ...now.slice(start + size)];
      if (fails(shorter)) {
        now = shorter;
        left = true;
      } else {
        start += size;
      }
    }
    if (size === 1 && !left) return;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
}
