import type { Dice } from '../random/dice.js';
import { drawLatencyMs, type Latency } from './path.js';
import { ms, type Schedule } from './schedule.js';

interface Operation {
  readonly number: number;
  /** Undefined: the file is removed. */
  readonly file: Buffer | undefined;
}

/** How a process is told what has become of what it asked for. */
export interface Tell {
  stored(operation: number): void;
  failed(operation: number, why: string): void;
}

/** The file of one worker, which outlives its processes. Operations take effect one after the other. */
export class Disk {
  /** What a process that starts now finds. */
  file: Buffer | undefined;
  /** Added to what an operation takes. */
  slownessMs = 0;
  /** Above 0: nothing can be written. */
  failing = 0;
  private pending: Operation[] = [];

  constructor(
    private readonly schedule: Schedule,
    private readonly dice: Dice,
    private readonly latency: Latency,
    /** The file has been removed: all that goes with it is nobody's any more. */
    private readonly removed: () => void,
  ) {}

  /** @param tell how the process that asked is told */
  write(number: number, file: Buffer | undefined, tell: Tell): void {
    const operation = { number, file };
    this.pending.push(operation);
    if (this.pending.length === 1) this.work(operation, tell);
    else this.queue.push(() => this.work(operation, tell));
  }

  /** The process is dead: of what it had asked for, some first part is on disk and the rest never will be. */
  abandon(): void {
    const done = this.failing > 0 ? 0 : this.dice.below(this.pending.length + 1);
    for (const { file } of this.pending.slice(0, done)) this.put(file);
    this.pending = [];
    this.queue = [];
  }

  private queue: (() => void)[] = [];

  private put(file: Buffer | undefined): void {
    this.file = file;
    if (file === undefined) this.removed();
  }

  private work(operation: Operation, tell: Tell): void {
    let delay = drawLatencyMs(this.latency, this.dice);
    if (this.slownessMs > 0) delay += this.dice.logUniform(this.slownessMs / 16, this.slownessMs);
    this.schedule.after(ms(delay), () => {
      if (this.pending[0] !== operation) return;
      this.pending.shift();
      if (this.failing > 0) {
        tell.failed(operation.number, 'no space left on device');
      } else {
        this.put(operation.file);
        tell.stored(operation.number);
      }
      this.queue.shift()?.();
    });
  }
}
