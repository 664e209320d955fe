import type { Process } from '../world/process.js';
import type { Journal, JournalEntry } from '../workload/journal.js';
import type { Report } from './finding.js';

/**
 * Nothing lost, nothing repeated, nothing out of order: from the journal, stage by stage.
 *
 * - What a process made that was not killed is processed at the next stage: at least once, not twice by one
 *   process, and not by two processes that both live on.
 * - What one process sees of one trail (messages from one key or lane to one key) never goes back: the
 *   numbers of the entries that made them grow. So nothing of an earlier life comes behind a later one's.
 */
export function checkLedger(journal: Journal, processes: readonly Process[], report: Report): void {
  checkOrder(journal, report);
  checkDelivery(journal, (life) => processes[life - 1]!.killed, report);
}

/** @param final everything that was sent must have come by now */
function checkDelivery({ entries }: Journal, killed: (life: number) => boolean, report: Report): void {
  const readers = new Map<string, JournalEntry[]>();
  for (const entry of entries) {
    if (entry.stage < 1) continue;
    const message = `${entry.from}.${entry.copy}`;
    const known = readers.get(message);
    if (known === undefined) readers.set(message, [entry]);
    else known.push(entry);
  }
  const lastStage = entries.reduce((last, { stage }) => Math.max(last, stage), 0);
  for (const entry of entries) {
    if (entry.stage < 0 || entry.stage === lastStage) continue;
    for (let copy = 0; copy < entry.outputs; copy++) {
      const read = readers.get(`${entry.id}.${copy}`) ?? [];
      const what = `message ${entry.id}.${copy}, made at stage ${entry.stage} by process ${entry.life} for key ${entry.key}`;
      if (read.length === 0 && !killed(entry.life)) {
        report({ checker: 'lost', text: `${what}, was never processed at the next stage` });
      }
      if (read.length > 1) checkRepeats(what, read, killed, report);
    }
  }
}

function checkRepeats(
  what: string,
  read: readonly JournalEntry[],
  killed: (life: number) => boolean,
  report: Report,
): void {
  const lives = read.map(({ life }) => life);
  if (new Set(lives).size < lives.length) {
    report({
      checker: 'repeated',
      text: `${what}, was processed twice by one of the processes ${lives.join(', ')}`,
    });
  } else if (lives.filter((life) => !killed(life)).length > 1) {
    report({ checker: 'repeated', text: `${what}, was processed by the processes ${lives.join(', ')}` });
  }
}

function checkOrder({ entries }: Journal, report: Report): void {
  const last = new Map<string, JournalEntry>();
  for (const entry of entries) {
    if (entry.stage < 1) continue;
    const trail = `${entry.stage} ${entry.life} ${entry.key} ${entries[entry.from]!.key}`;
    const before = last.get(trail);
    last.set(trail, entry);
    if (before === undefined || before.from < entry.from) continue;
    if (before.from === entry.from && before.copy < entry.copy) continue;
    report({
      checker: 'order',
      text:
        `process ${entry.life} saw message ${entry.from}.${entry.copy} of key ${entry.key} at stage ${entry.stage} ` +
        `after message ${before.from}.${before.copy} of the same trail`,
    });
  }
}
