import type { Dice } from '../random/dice.js';
import { ms, type Schedule } from './schedule.js';
import type { SinkPace } from './sink.js';

/**
 * A sink outside of the cluster that commits in two phases, as one worker knows it: what it has prepared and
 * committed outlives the worker's processes. Whoever comes later fences whoever came before.
 */
export class TwoPhaseSink {
  /** Everything that counts, in order. */
  readonly committed: Buffer[] = [];
  /** Prepared, by checkpoint. */
  private prepared = new Map<number, Buffer>();
  /** Given by the process, and not prepared. */
  private open: Buffer[] = [];
  private fence = 0;
  /** Bytes asked to be prepared while it is busy. */
  private asked = 0;
  private readonly stubborn: boolean;

  constructor(
    private readonly schedule: Schedule,
    private readonly dice: Dice,
    private readonly pace: SinkPace,
  ) {
    this.stubborn = dice.chance(0.4);
  }

  take(bytes: Buffer): void {
    this.open.push(bytes);
  }

  /** Several prepares may be on their way, and be answered in any order. */
  prepare(checkpoint: number, done: () => void): void {
    const bytes = Buffer.concat(this.open);
    this.open = [];
    const { fence } = this;
    this.asked++;
    this.schedule.after(ms(this.prepareMs()), () => {
      this.asked--;
      if (fence !== this.fence) return;
      this.prepared.set(checkpoint, bytes);
      done();
    });
  }

  /** Some sinks take so long now and then that the cluster gives the checkpoint up. */
  private prepareMs(): number {
    if (this.stubborn && this.dice.chance(0.15)) return this.dice.logUniform(4000, 9000);
    return this.pace.nextMs() * (this.dice.chance(0.2) ? 20 : 1);
  }

  commit(checkpoint: number): void {
    for (const id of [...this.prepared.keys()].sort((one, other) => one - other)) {
      if (id > checkpoint) continue;
      this.committed.push(this.prepared.get(id)!);
      this.prepared.delete(id);
    }
  }

  restore(checkpoint: number, done: () => void): void {
    const fence = ++this.fence;
    this.open = [];
    this.schedule.after(ms(this.pace.nextMs()), () => {
      if (fence !== this.fence) return;
      this.commit(checkpoint);
      this.prepared.clear();
      done();
    });
  }

  /** The process is dead: what it has not asked to be prepared is gone. */
  abandon(): void {
    this.open = [];
  }

  /** The worker has ended in order: nothing of it will ever be taken back. */
  finish(): void {
    this.commit(Infinity);
    this.committed.push(...this.open);
    this.open = [];
  }

  /** Nothing is on its way. */
  get idle(): boolean {
    return this.asked === 0;
  }
}
