import type { Profiler } from 'node:inspector';
import { basename } from 'node:path';

export interface SelfTime {
  readonly name: string;
  /** Share of the samples in which this function was the running one. */
  readonly share: number;
}

/** By function, the largest first. Inlined functions count as the function they were inlined into. */
export function selfTimes(profile: Profiler.Profile): SelfTime[] {
  const hits = new Map<string, number>();
  let all = 0;
  for (const { callFrame, hitCount = 0 } of profile.nodes) {
    const { functionName, url, lineNumber } = callFrame;
    const place = url === '' ? '' : ` ${basename(url)}:${lineNumber + 1}`;
    const name = (functionName || '(anonymous)') + place;
    if (name === '(idle)') continue;
    hits.set(name, (hits.get(name) ?? 0) + hitCount);
    all += hitCount;
  }
  return [...hits]
    .map(([name, count]) => ({ name, share: count / all }))
    .sort((one, other) => other.share - one.share);
}
