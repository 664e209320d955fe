import type { Dice } from '../random/dice.js';
import { ms, type Schedule } from './schedule.js';
import type { SinkPace } from './sink.js';

const prepareMsMax = 9000;

/** What becomes of a question whether something is prepared. */
export interface Vote {
  yes(): void;
  /** What was to be prepared belongs to the next checkpoint. */
  no(why: string): void;
}

/**
 * A sink outside of the cluster that commits in two phases, as one worker knows it: what it has prepared and
 * committed outlives the worker's processes, and its own. Whoever comes later fences whoever came before.
 */
export class TwoPhaseSink {
  /** Everything that counts, in order. */
  readonly committed: Buffer[] = [];
  /** Above 0: it votes against all that it is asked. */
  refusing = 0;
  /** Asked to be prepared and not decided, by checkpoint; in the order of checkpoints. */
  private readonly asked = new Map<number, Buffer>();
  /** Prepared, by checkpoint. */
  private readonly prepared = new Map<number, Buffer>();
  /** Given by the process, and not asked to be prepared. */
  private open: Buffer[] = [];
  private fence = 0;
  /** Questions that are not answered. */
  private questions = 0;
  /** Above 0: nobody can reach it. */
  private away = 0;
  /** How often it has gone: what it had not answered by then it has forgotten. */
  private outages = 0;
  /** What it will be told as soon as it is back. */
  private untold: (() => void)[] = [];
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

  /**
   * Several prepares may be on their way, and be answered in any order.
   * @param counted the newest checkpoint that counts: what belongs to it is let out
   */
  prepare(checkpoint: number, counted: number, vote: Vote): void {
    this.commit(counted);
    const bytes = Buffer.concat(this.open);
    this.open = [];
    this.asked.set(checkpoint, bytes);
    const { fence, outages } = this;
    const gone = this.away > 0;
    this.questions++;
    this.schedule.after(ms(this.prepareMs()), () => {
      this.questions--;
      if (fence !== this.fence) return;
      // Without output there is nothing that could be lost.
      const lost = (gone || outages !== this.outages) && this.asked.get(checkpoint)!.length > 0;
      if (lost || this.refusing > 0) {
        this.putBack(checkpoint);
        return vote.no(lost ? 'the sink is not connected' : 'the sink voted against it');
      }
      this.prepared.set(checkpoint, this.asked.get(checkpoint)!);
      this.asked.delete(checkpoint);
      vote.yes();
    });
  }

  commit(checkpoint: number): void {
    this.tell(() => this.letOut(checkpoint));
  }

  restore(checkpoint: number, done: () => void): void {
    const fence = ++this.fence;
    this.open = [];
    this.asked.clear();
    this.schedule.after(ms(this.pace.nextMs()), () => {
      if (fence !== this.fence) return;
      // Told late, it must not forget what has been prepared since.
      const former = [...this.prepared.keys()];
      this.tell(() => {
        this.letOut(checkpoint);
        for (const id of former) this.prepared.delete(id);
      });
      done();
    });
  }

  /** It cannot be reached, or has died: what is decided it is told when it is back. */
  leave(): void {
    this.away++;
    this.outages++;
  }

  comeBack(): void {
    if (--this.away > 0) return;
    const { untold } = this;
    this.untold = [];
    for (const tell of untold) tell();
  }

  /** The process is dead: what it has not asked to be prepared is gone. */
  abandon(): void {
    this.open = [];
  }

  /** The worker has ended in order: nothing of it will ever be taken back. */
  finish(): void {
    this.letOut(Infinity);
    this.committed.push(...this.open);
    this.open = [];
  }

  /** Nothing is on its way. */
  get idle(): boolean {
    return this.questions === 0 && this.away === 0;
  }

  /** What was not prepared belongs to the next checkpoint, whether that is asked for already or not. */
  private putBack(checkpoint: number): void {
    const bytes = this.asked.get(checkpoint)!;
    this.asked.delete(checkpoint);
    const later = (ids: Iterable<number>) => [...ids].filter((id) => id > checkpoint);
    const next = Math.min(...later(this.asked.keys()), ...later(this.prepared.keys()));
    const where = this.asked.has(next) ? this.asked : this.prepared;
    if (next === Infinity) this.open.unshift(bytes);
    else where.set(next, Buffer.concat([bytes, where.get(next)!]));
  }

  private tell(act: () => void): void {
    if (this.away > 0) this.untold.push(act);
    else act();
  }

  private letOut(checkpoint: number): void {
    for (const id of [...this.prepared.keys()].sort((one, other) => one - other)) {
      if (id > checkpoint) continue;
      this.committed.push(this.prepared.get(id)!);
      this.prepared.delete(id);
    }
  }

  /** Some sinks take so long now and then that the cluster gives the checkpoint up. */
  private prepareMs(): number {
    if (this.stubborn && this.dice.chance(0.15)) return this.dice.logUniform(4000, prepareMsMax);
    // A sink that takes longer than workers have patience is none that can be stopped in order.
    return Math.min(this.pace.nextMs() * (this.dice.chance(0.2) ? 20 : 1), prepareMsMax);
  }
}
