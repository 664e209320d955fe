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
  /** Whether the key has state. A `get` of the same key that follows costs next to nothing. */
  has(key: string): boolean;
  /** The state of a key, undefined when the key is unknown. */
  peek(key: string): unknown;
  keys(): Iterable<string>;
  /** All that belongs to one slot, in the order in which the keys came. */
  entriesOfSlot(slot: number): Iterable<Entry>;
  /** Takes all of one slot out of the store. */
  takeSlot(slot: number): Iterable<Entry>;
  /** Puts the state of a key in, in place of what it may have. */
  put(key: string, state: unknown): void;
  /** The state of a new key, as the author makes it, without a key. */
  sample(): unknown;
}

/**
 * State as objects in one map by key. A key is hashed to its slot once, when it is new: known keys, the
 * common case, cost one map access.
 */
export class MapStateStore implements StateStore {
  private readonly entries = new Map<string, Entry>();
  private readonly slots: Entry[][] = [];
  /** The entry that `has` found last. */
  private found: Entry | undefined;

  constructor(
    private readonly slotCount: number,
    private readonly newState: () => unknown,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  has(key: string): boolean {
    const entry = this.entries.get(key);
    if (entry === undefined) return false;
    this.found = entry;
    return true;
  }

  get(key: string): unknown {
    const { found } = this;
    if (found !== undefined && found.key === key) return found.state;
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

  takeSlot(slot: number): Iterable<Entry> {
    const taken = this.slots[slot] ?? [];
    this.slots[slot] = [];
    for (const { key } of taken) this.entries.delete(key);
    this.found = undefined;
    return taken;
  }

  put(key: string, state: unknown): void {
    const known = this.entries.get(key);
    if (known !== undefined) {
      const entries = this.slots[known.slot]!;
      entries.splice(entries.indexOf(known), 1);
    }
    this.found = undefined;
    this.add(key, state);
  }

  sample(): unknown {
    return this.newState();
  }

  private create(key: string): unknown {
    return this.add(key, this.newState());
  }

  private add(key: string, state: unknown): unknown {
    const slot = slotOf(key, this.slotCount);
    const entry: Entry = { key, slot, state };
    this.entries.set(key, entry);
    (this.slots[slot] ??= []).push(entry);
    return state;
  }
}
