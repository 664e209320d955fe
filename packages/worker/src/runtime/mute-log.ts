import type { Log } from '../core/ports.js';

const intervalMs = 1000;

/**
 * Tells operators that sources are muted: the first time at once, then at most once a second. A sink that is
 * a little slower than the sources mutes and unmutes them hundreds of times a second.
 */
export class MuteLog {
  private announced = false;
  private announcedAt = -Infinity;
  private untold = 0;
  private later: NodeJS.Timeout | undefined;

  constructor(private readonly log: Log) {}

  muted(what: string): void {
    const wait = this.announcedAt + intervalMs - performance.now();
    if (wait <= 0) this.announce(what);
    else this.later = setTimeout(() => this.announce(what), wait).unref();
  }

  unmuted(what: string): void {
    clearTimeout(this.later);
    if (this.announced) this.log.write('info', 'Backpressure', `Sources unmuted: ${what} has caught up`);
    else this.untold++;
    this.announced = false;
  }

  private announce(what: string): void {
    const others = this.untold === 0 ? '' : ` (and ${this.untold} times more since the last such line)`;
    this.log.write(
      'info',
      'Backpressure',
      `Sources muted: ${what} does not take its output fast enough${others}`,
    );
    this.announced = true;
    this.announcedAt = performance.now();
    this.untold = 0;
  }
}
