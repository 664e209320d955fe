import type { Dice } from '../random/dice.js';
import type { CoreMember } from './core.js';
import { drawLatencyMs, type Latency } from './path.js';
import { ms, type Schedule } from './schedule.js';

interface Operation {
  readonly number: number;
  /** Undefined: the file is removed. */
  readonly file: Buffer | undefined;
}

/** The file of one worker, which outlives its processes. Operations take effect one after the other. */
export class Disk {
  /** What a process that starts now finds. */
  file: Buffer | undefined;
  /** Added to what an operation takes. */
  slownessMs = 0;
  private pending: Operation[] = [];

  constructor(
    private readonly schedule: Schedule,
    private readonly dice: Dice,
    private readonly latency: Latency,
  ) {}

  /** @param post tells the process that asked */
  write(number: number, file: Buffer | undefined, post: (act: (core: CoreMember) => void) => void): void {
    const operation = { number, file };
    this.pending.push(operation);
    if (this.pending.length === 1) this.work(operation, post);
    else this.queue.push(() => this.work(operation, post));
  }

  /** The process is dead: of what it had asked for, some first part is on disk and the rest never will be. */
  abandon(): void {
    const done = this.dice.below(this.pending.length + 1);
    for (const { file } of this.pending.slice(0, done)) this.file = file;
    this.pending = [];
    this.queue = [];
  }

  private queue: (() => void)[] = [];

  private work(operation: Operation, post: (act: (core: CoreMember) => void) => void): void {
    let delay = drawLatencyMs(this.latency, this.dice);
    if (this.slownessMs > 0) delay += this.dice.logUniform(this.slownessMs / 16, this.slownessMs);
    this.schedule.after(ms(delay), () => {
      if (this.pending[0] !== operation) return;
      this.pending.shift();
      this.file = operation.file;
      post((core) => core.stored(operation.number));
      this.queue.shift()?.();
    });
  }
}
