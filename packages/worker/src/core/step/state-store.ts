import { slotOf } from '../slots/hash.js';

/** The state of one key in one stage. */
export interface Entry {
  readonly key: string;
  readonly slot: number;
  readonly state: unknown;
}

/**
 * The keyed state of one stage on this worker. The engine works through this interface only, so that other
 * layouts than a map of objects can stand beside it.
 */
export interface StateStore {
  readonly size: number;
  /** The state of a key, made by the author's factory when the key is new. */
  get(key: string): unknown;
  /** The state of a key, undefined when the key is unknown. */
  peek(key: string): unknown;
  keys(): Iterable<string>;
  /** All that belongs to one slot, in the order in which the keys came. */
  entriesOfSlot(slot: number): Iterable<Entry>;
}

/**
 * State as objects in one map by key. A key is hashed to its slot once, when it is new: known keys, the
 * common case, cost one map access.
 */
export class MapStateStore implements StateStore {
  private readonly entries = new Map<string, Entry>();
  private readonly slots: Entry[][] = [];

  constructor(
    private readonly slotCount: number,
    private readonly newState: () => unknown,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  get(key: string): unknown {
    const entry = this.entries.get(key);
    return entry === undefined ? this.create(key) : entry.state;
  }

  peek(key: string): unknown {
    return this.entries.get(key)?.state;
  }

  keys(): Iterable<string> {
    return this.entries.keys();
  }

  entriesOfSlot(slot: number): Iterable<Entry> {
    return this.slots[slot] ?? [];
  }

  private create(key: string): unknown {
    const slot = slotOf(key, this.slotCount);
    const entry: Entry = { key, slot, state: this.newState() };
    this.entries.set(key, entry);
    (this.slots[slot] ??= []).push(entry);
    return entry.state;
  }
}
