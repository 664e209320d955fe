import type { Dice } from '../random/dice.js';
import { ms, type Schedule } from './schedule.js';

/** How long bytes are under way: any order of magnitude from `leastMs` to `mostMs`, and now and then the tail. */
export interface Latency {
  readonly leastMs: number;
  readonly mostMs: number;
  readonly tailChance: number;
  readonly tailMs: number;
}

export function drawLatencyMs({ leastMs, mostMs, tailChance, tailMs }: Latency, dice: Dice): number {
  return dice.chance(tailChance) ? dice.logUniform(mostMs, tailMs) : dice.logUniform(leastMs, mostMs);
}

/** Where something arrives. What goes to one place arrives in the order in which it was sent. */
export interface Destination {
  lastArrival: number;
  /** What is on its way: things that arrive at the same moment keep their order, too. */
  readonly coming: (() => void)[];
}

/** The way from one host to another, in this direction only. */
export class Path {
  private blocks = 0;
  private slownessMs = 0;
  private waiting: (readonly [Destination, () => void])[] = [];

  constructor(
    private readonly schedule: Schedule,
    private readonly dice: Dice,
    private readonly latency: Latency,
  ) {}

  /** Brings something over; while the path is blocked it waits, as what TCP sends again and again does. */
  carry(to: Destination, arrive: () => void): void {
    if (this.blocks > 0) {
      this.waiting.push([to, arrive]);
      return;
    }
    const { schedule } = this;
    let delay = ms(drawLatencyMs(this.latency, this.dice));
    if (this.slownessMs > 0) delay += ms(this.dice.logUniform(this.slownessMs / 16, this.slownessMs));
    to.lastArrival = Math.max(to.lastArrival, schedule.now + Math.floor(delay));
    to.coming.push(arrive);
    schedule.after(to.lastArrival - schedule.now, () => to.coming.shift()!());
  }

  block(): void {
    this.blocks++;
  }

  unblock(): void {
    if (--this.blocks > 0) return;
    const { waiting } = this;
    this.waiting = [];
    for (const [to, arrive] of waiting) this.carry(to, arrive);
  }

  slowDown(milliseconds: number): void {
    this.slownessMs += milliseconds;
  }
}
