import type { ControlMessage } from './messages.js';

type Report = Extract<ControlMessage, { type: 'drained' }>;

const longestTickNs = 100e6;
const absencePatience = 0.25;
const askAgainNs = 1e9;

/**
 * A clean shutdown, led by the worker that was asked for it. In rounds, everybody says how many frames it has
 * sent and processed. When all sources have ended, and two rounds with the same totals show as many frames
 * processed as sent, nothing is under way: what was counted in the first round cannot have moved before the
 * second one began. Then a last checkpoint is taken, so that whoever dies on the way out has lost nothing.
 *
 * Mattern, Algorithms for distributed termination detection, 1987, sec. 4 (four counters).
 */
export class Shutdown {
  private round = 0;
  private reports = new Map<string, Report>();
  private totals = '';
  private epochs = '';
  /** In this epoch nothing is under way; 0: not known of any. */
  private quiet = 0;
  /** The newest checkpoint that anybody had been cut for then. */
  private after = 0;
  private asking = false;
  private askedAt = 0;
  private waitedNs = 0;
  private tickedAt: number;
  private done = false;

  constructor(
    private readonly members: () => readonly string[],
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
    // Who has been started again has not heard of it.
    else if (now - this.askedAt > askAgainNs) this.askWhoIsMissing();
  }

  report(member: string, report: Report): void {
    if (this.done || !this.asking || report.round !== this.round) return;
    this.reports.set(member, report);
    const reports = this.members().map((name) => this.reports.get(name));
    if (!reports.every((one) => one !== undefined)) return;
    this.asking = false;
    let sent = 0;
    let processed = 0;
    let unsent = 0;
    let ended = 0;
    let settled = 0;
    for (const one of reports) {
      sent += one.sent;
      processed += one.processed;
      unsent += one.unsent;
      ended += one.sourcesEnded ? 1 : 0;
      settled += one.settled ? 1 : 0;
    }
    const epochs = [...new Set(reports.map(({ epoch }) => epoch))];
    // A new epoch may have gone back to a checkpoint: it all begins anew.
    if (epochs.join() !== this.epochs) this.quiet = 0;
    this.epochs = epochs.join();
    const totals = `${this.epochs}: ${sent} ${processed} ${ended} ${unsent} ${settled}`;
    const same = totals === this.totals;
    this.totals = totals;
    if (!same) this.waitedNs = 0;
    if (ended < reports.length) return;
    if (this.hasty) return this.finish(true);
    if (sent !== processed || epochs.length > 1) return;
    if (!same) return this.ask();
    if (settled === reports.length) return this.finish(true);
    if (this.quiet > 0) return;
    this.quiet = epochs[0]!;
    this.after = Math.max(...reports.map(({ cut }) => cut));
    this.ask();
  }

  private ask(): void {
    this.asking = true;
    this.round++;
    this.reports.clear();
    this.askWhoIsMissing();
  }

  private askWhoIsMissing(): void {
    this.askedAt = this.tickedAt;
    for (const member of this.members()) {
      if (!this.reports.has(member))
        this.send(member, { type: 'drain', round: this.round, quiet: this.quiet, after: this.after });
    }
  }

  private finish(complete: boolean): void {
    this.done = true;
    for (const member of this.members())
      this.send(member, { type: 'finish', complete, keepFiles: !complete });
  }
}
