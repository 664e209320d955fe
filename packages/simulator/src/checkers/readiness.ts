import type { CoreStatus } from '../world/core.js';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Journal } from '../workload/journal.js';
import type { Report } from './finding.js';

const readyPhases: ReadonlySet<string> = new Set(['ready', 'processing', 'draining', 'finishing']);
const stopping: ReadonlySet<string> = new Set(['draining', 'finishing', 'ended']);

/**
 * Nothing is processed in an epoch before all members that it began with are ready for it. A clean shutdown does not
 * wait for that: it processes what there is.
 */
export class ReadinessChecker implements Partial<Watch> {
  private seen = 1;
  /** Members of each epoch, as the first worker that was in it saw them. */
  private readonly members = new Map<number, readonly string[]>();
  /** The newest epoch that each worker has been ready for. */
  private readonly ready = new Map<string, number>();

  constructor(
    private readonly journal: Journal,
    private readonly report: Report,
  ) {}

  called(process: Process, status: CoreStatus): void {
    this.note(process, status);
    this.check(process, status);
  }

  /** The last call into a process that was killed in the middle of its wishes. */
  ended(process: Process): void {
    if (process.core === undefined) return;
    const { status } = process.core;
    this.note(process, status);
    this.check(process, status);
  }

  private note({ name }: Process, status: CoreStatus): void {
    const { epoch, phase } = status;
    if (epoch === 0) return;
    if (!this.members.has(epoch)) this.members.set(epoch, status.members);
    if (readyPhases.has(phase)) this.ready.set(name, epoch);
  }

  private check({ name }: Process, { epoch, phase }: CoreStatus): void {
    const { entries } = this.journal;
    for (; this.seen < entries.length; this.seen++) {
      if (entries[this.seen]!.stage < 1 || stopping.has(phase)) continue;
      const late = this.members.get(epoch)?.find((member) => (this.ready.get(member) ?? 0) < epoch);
      if (late === undefined) continue;
      const text = `${name} processed a message in epoch ${epoch} before ${late} was ready`;
      this.report({ checker: 'readiness', text });
      return;
    }
  }
}
