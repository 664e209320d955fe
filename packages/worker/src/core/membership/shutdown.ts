import type { ControlMessage } from './messages.js';

type Report = Extract<ControlMessage, { type: 'drained' }>;

const longestTickNs = 100e6;
const absencePatience = 0.25;

/**
 * A clean shutdown, led by the worker that was asked for it. In rounds, everybody says how many frames it has
 * sent and processed. When all sources have ended, and two rounds with the same totals show as many frames
 * processed as sent, nothing is under way: what was counted in the first round cannot have moved before the
 * second one began.
 *
 * Mattern, Algorithms for distributed termination detection, 1987, sec. 4 (four counters).
 */
export class Shutdown {
  private round = 0;
  private reports = new Map<string, Report>();
  private totals = '';
  private asking = false;
  private waitedNs = 0;
  private tickedAt: number;
  private done = false;

  constructor(
    private readonly members: readonly string[],
    private readonly send: (member: string, message: ControlMessage) => void,
    /** A shutdown that makes no progress for so long is given up: some output cannot be delivered. */
    private readonly patienceNs: number,
    private readonly hasty: boolean,
    now: number,
  ) {
    this.tickedAt = now;
  }

  /** @param allThere whether all members can be reached: one that cannot gets more time to come back */
  tick(now: number, allThere: boolean): void {
    if (this.done) return;
    // A worker that stood still itself has seen nothing of what the others did meanwhile.
    this.waitedNs += Math.min(now - this.tickedAt, longestTickNs) * (allThere ? 1 : absencePatience);
    this.tickedAt = now;
    if (this.waitedNs > this.patienceNs) return this.finish(false);
    if (!this.asking) this.ask();
  }

  report(member: string, report: Report): void {
    if (this.done || report.round !== this.round || !this.members.includes(member)) return;
    this.reports.set(member, report);
    if (this.reports.size < this.members.length) return;
    this.asking = false;
    let sent = 0;
    let processed = 0;
    let unsent = 0;
    let ended = 0;
    for (const one of this.reports.values()) {
      sent += one.sent;
      processed += one.processed;
      unsent += one.unsent;
      ended += one.sourcesEnded ? 1 : 0;
    }
    const totals = `${sent} ${processed} ${ended} ${unsent}`;
    const same = totals === this.totals;
    this.totals = totals;
    if (!same) this.waitedNs = 0;
    if (ended < this.members.length) return;
    if (this.hasty || (same && sent === processed)) this.finish(true);
    else if (sent === processed) this.ask();
  }

  private ask(): void {
    this.asking = true;
    this.round++;
    this.reports.clear();
    for (const member of this.members) this.send(member, { type: 'drain', round: this.round });
  }

  private finish(complete: boolean): void {
    this.done = true;
    for (const member of this.members) this.send(member, { type: 'finish', complete, keepFiles: !complete });
  }
}
