import type { Dice } from '../random/dice.js';

interface Entry {
  readonly at: number;
  readonly tie: number;
  readonly number: number;
  readonly run: () => void;
}

/**
 * What is to happen, by virtual time: one binary heap. Things at the same moment happen in an order that the
 * dice decide, for nothing may depend on it; what must stay in order is kept in order by those who schedule.
 */
export class Schedule {
  /** Virtual time in nanoseconds. */
  now = 0;
  /** How many things have happened. */
  happened = 0;
  private readonly heap: Entry[] = [];
  private scheduled = 0;

  constructor(private readonly dice: Dice) {}

  after(delayNs: number, run: () => void): void {
    const at = this.now + Math.max(0, Math.floor(delayNs));
    this.push({ at, tie: this.dice.u32(), number: this.scheduled++, run });
  }

  /** Lets the next thing happen. False when there is none, or none up to `until`. */
  next(until: number): boolean {
    const [first] = this.heap;
    if (first === undefined || first.at > until) {
      this.now = Math.max(this.now, until);
      return false;
    }
    this.pop();
    this.now = first.at;
    this.happened++;
    first.run();
    return true;
  }

  private push(entry: Entry): void {
    const { heap } = this;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    const count = heap.length;
    if (count === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.tie === b.tie ? a.number < b.number : a.tie < b.tie;
}

export function ms(milliseconds: number): number {
  return milliseconds * 1e6;
}
