import type { Process } from '../world/process.js';
import type { Journal } from '../workload/journal.js';
import { linesOf } from '../workload/outputs.js';
import type { Report } from './finding.js';

/**
 * What a process made at its last stage is what each of its sinks got, in that order; of a process that was
 * killed they got some first part of it.
 */
export function checkSinks(
  journal: Journal,
  processes: readonly Process[],
  { sinks, lastStage }: { readonly sinks: readonly string[]; readonly lastStage: number },
  report: Report,
): void {
  const made = new Map<number, number[]>();
  for (const { id, stage, life } of journal.entries) {
    if (stage !== lastStage) continue;
    const known = made.get(life);
    if (known === undefined) made.set(life, [id]);
    else known.push(id);
  }
  for (const process of processes) {
    const expected = made.get(process.life) ?? [];
    for (const sink of sinks) {
      const got = linesOf(process, sink).map(({ from }) => from);
      const differs = got.findIndex((from, i) => from !== expected[i]);
      const who = `sink ${sink} of process ${process.life} (${process.name})`;
      if (differs >= 0) {
        report({
          checker: 'sinks',
          text: `${who} got entry ${got[differs]} at place ${differs} where ${expected[differs] ?? 'nothing'} must be`,
        });
      } else if (!process.killed && got.length < expected.length) {
        report({ checker: 'sinks', text: `${who} got ${got.length} of ${expected.length} messages` });
      }
    }
  }
}
