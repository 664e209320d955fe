import type { Dice } from '../random/dice.js';
import type { CoreMember } from './core.js';
import { drawLatencyMs, type Latency } from './path.js';
import { ms, type Schedule } from './schedule.js';

/** How fast sinks take what they get: one for all sinks of a host. */
export class SinkPace {
  /** Added to what a piece takes. */
  slownessMs = 0;

  constructor(
    private readonly dice: Dice,
    private readonly latency: Latency,
  ) {}

  nextMs(): number {
    const slowness = this.slownessMs > 0 ? this.dice.logUniform(this.slownessMs / 4, this.slownessMs) : 0;
    return drawLatencyMs(this.latency, this.dice) + slowness;
  }

  /** How many of `bytes` are taken at once. */
  piece(bytes: number): number {
    return this.dice.chance(0.7) ? bytes : this.dice.between(1, bytes);
  }
}

/** What one process hands to one sink, and what of it the outside has got. */
export class Sink {
  readonly received: Buffer[] = [];
  private unsent: Buffer[] = [];
  private busy = false;

  constructor(
    private readonly name: string,
    private readonly schedule: Schedule,
    private readonly pace: SinkPace,
    private readonly post: (act: (core: CoreMember) => void) => void,
  ) {}

  get unsentBytes(): number {
    return this.unsent.reduce((sum, { length }) => sum + length, 0);
  }

  get idle(): boolean {
    return this.unsent.length === 0;
  }

  take(bytes: Buffer): void {
    this.unsent.push(bytes);
    this.tell();
    this.work();
  }

  /** The process is dead: of what it had handed over some first part still goes out. */
  abandon(dice: Dice): void {
    this.passOn(dice.below(this.unsentBytes + 1));
    this.unsent = [];
  }

  private work(): void {
    if (this.busy || this.unsent.length === 0) return;
    this.busy = true;
    this.schedule.after(ms(this.pace.nextMs()), () => {
      this.busy = false;
      if (this.unsent.length === 0) return;
      this.passOn(this.pace.piece(this.unsentBytes));
      this.tell();
      this.work();
    });
  }

  private passOn(count: number): void {
    const all = Buffer.concat(this.unsent);
    this.received.push(all.subarray(0, count));
    this.unsent = count < all.length ? [all.subarray(count)] : [];
  }

  private tell(): void {
    this.post((core) => core.sinkHolds(this.name, this.unsentBytes));
  }
}
