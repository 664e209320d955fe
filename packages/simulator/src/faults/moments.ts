import type { Process } from '../world/process.js';
import type { CoreStatus } from '../world/core.js';
import type { Watch } from '../world/host.js';
import type { Wish } from '../world/wishes.js';
import type { Moment } from './fault.js';

interface Waiting {
  readonly expression: RegExp | undefined;
  readonly moment: Exclude<Moment, { atMs: number }>;
  readonly come: () => void;
  readonly late: boolean;
  seen: number;
}

/** Waits for moments that are not times: lines, phases and wishes. */
export class Moments implements Partial<Watch> {
  private waiting: Waiting[] = [];
  private readonly phases = new Map<Process, string>();

  /** @param late it may come when {@link forget} has been called, too */
  await(moment: Exclude<Moment, { atMs: number }>, come: () => void, late = false): void {
    const expression = 'line' in moment ? new RegExp(moment.line) : undefined;
    this.waiting.push({ expression, moment, come, late, seen: 0 });
  }

  /** What has not come by now will not come, unless it is late. */
  forget(): void {
    this.waiting = this.waiting.filter(({ late }) => late);
  }

  wished(process: Process, wish: Wish): void {
    for (const waiting of this.waiting) {
      const { moment, expression } = waiting;
      if (!concerns(moment, process)) continue;
      if ('line' in moment ? wish.kind === 'line' && expression!.test(wish.text) : isWish(moment, wish)) {
        this.see(waiting);
      }
    }
  }

  called(process: Process, { phase }: CoreStatus): void {
    if (this.phases.get(process) === phase) return;
    this.phases.set(process, phase);
    for (const waiting of this.waiting) {
      const { moment } = waiting;
      if (concerns(moment, process) && 'phase' in moment && moment.phase === phase) this.see(waiting);
    }
  }

  private see(waiting: Waiting): void {
    if (++waiting.seen !== waiting.moment.nth) return;
    this.waiting = this.waiting.filter((other) => other !== waiting);
    waiting.come();
  }
}

function concerns({ host }: { host?: number }, process: Process): boolean {
  return host === undefined || host === process.host;
}

function isWish(moment: Waiting['moment'], wish: Wish): boolean {
  if (!('wish' in moment) || moment.wish !== wish.kind) return false;
  return moment.log === undefined || ('log' in wish && moment.log === wish.log);
}
