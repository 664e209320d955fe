import { slotOf } from '../slots/hash.js';
import { KeyMap } from './key-map.js';

/** The state of one key in one stage. */
export interface Entry {
  readonly key: string;
  readonly slot: number;
  readonly state: unknown;
}

/** What a cut asks for: all entries, those that have changed since the last cut of everything, or since the last cut. */
export type CutScope = WideScope | 'changes';
export type WideScope = 'everything' | 'since base';

/** Takes the state of an entry as it is now. */
export type WriteEntry = (entry: Entry) => void;

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
  /** Forgets everything; what comes is written with the next cut, unless it is restored. */
  clear(): void;
  /** Puts the state of a key in that is on disk already. */
  restore(key: string, state: unknown): void;
  /**
   * A cut: from now on, `writeSome` writes what has changed since the last cut, as it is at this moment; what is
   * about to change before its turn has come is written first, by `write`.
   */
  cut(scope: CutScope, write: WriteEntry): void;
  /** How many entries have changed since the base: the last cut of everything, or what was restored until it was called one. */
  readonly changedSinceBase: number;
  /** What was restored so far is the base; what is restored from now on has changed since. */
  baseRestored(): void;
  /**
   * Writes some entries, at most about `count`. @returns how many, where some that were looked at in vain count as one;
   * 0: all that the cut asks for is written
   */
  writeSome(count: number): number;
}

/**
 * An entry with its mark, which says whether it is to be written. Cuts are numbered from 1 up.
 *
 * - the number of a cut: changed since that cut, and not written since;
 * - the negative number of a cut: written for that cut, and not changed since.
 */
interface MarkedEntry extends Entry {
  state: unknown;
  mark: number;
}

/** To look at so many entries takes about as long as to write one. */
const looksPerWrite = 8;

/** The mark of an entry that is no longer in the store. */
const gone = -0x3fff_ffff;

/**
 * State as objects in one map by key. A key is hashed to its slot once, when it is new: known keys, the
 * common case, cost one look into the map.
 *
 * Cuts copy on write: an entry costs a comparison of
 * numbers at each access, and an encoding once per cut in which it changes.
 */
export class MapStateStore implements StateStore {
  private entries = new KeyMap<MarkedEntry>();
  private slots: MarkedEntry[][] = [];
  /** The entry that `has` found last. */
  private found: MarkedEntry | undefined;
  /** The number of the last cut. Without checkpoints it stays 0, as all marks do. */
  private lastCut = 0;
  /** Entries that have changed since the last cut; filled only once there was one. */
  private changed: MarkedEntry[] = [];
  /** Lists of entries that the last cut asks for, and where in them writing stands. */
  private asked: (readonly MarkedEntry[])[] = [];
  private list = 0;
  private place = 0;
  /** An upper bound of what is asked for and not written; 0: there is nothing left to look for. */
  private unwritten = 0;
  /** The cut that asked for more than changes, and is not through; 0: there is none. */
  private wideCut = 0;
  /** What was written for this cut or before is the base. */
  private base = 0;
  /** Entries that have changed since, each once. */
  private sinceBase: MarkedEntry[] = [];
  /** The cut that asks for more asks for what was written since this one: the base, or 0 for everything. */
  private floor = 0;
  private write: WriteEntry = () => undefined;

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
    const entry = found !== undefined && found.key === key ? found : this.entries.get(key);
    if (entry === undefined) return this.add(key, this.newState()).state;
    if (entry.mark !== this.lastCut) this.change(entry);
    return entry.state;
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
    for (const entry of taken) {
      this.entries.delete(entry.key);
      entry.mark = gone;
    }
    this.found = undefined;
    return taken;
  }

  put(key: string, state: unknown): void {
    const known = this.entries.get(key);
    if (known === undefined) {
      this.add(key, state);
    } else {
      if (known.mark !== this.lastCut) this.change(known);
      known.state = state;
    }
  }

  sample(): unknown {
    return this.newState();
  }

  clear(): void {
    this.entries = new KeyMap();
    this.slots = [];
    this.found = undefined;
    this.changed = [];
    this.asked = [];
    this.list = 0;
    this.place = 0;
    this.wideCut = 0;
    this.sinceBase = [];
    // Before the first cut changes are not gathered: it asks for everything. This one may not.
    this.lastCut = Math.max(this.lastCut, 1);
    this.base = this.lastCut;
  }

  restore(key: string, state: unknown): void {
    const known = this.entries.get(key);
    const entry = known ?? this.insert(key, state, -this.lastCut);
    entry.state = state;
    if (this.lastCut === this.base || (known !== undefined && !this.inBase(known))) return;
    entry.mark = -this.lastCut;
    this.sinceBase.push(entry);
  }

  baseRestored(): void {
    this.lastCut++;
  }

  get changedSinceBase(): number {
    return this.sinceBase.length;
  }

  cut(scope: CutScope, write: WriteEntry): void {
    this.lastCut++;
    this.write = write;
    // What an abandoned cut has left unwritten stays asked for.
    const left = this.asked.slice(this.list);
    if (this.place > 0 && left.length > 0) left[0] = left[0]!.slice(this.place);
    if (scope === 'everything') {
      this.asked = Object.values(this.slots);
    } else if (scope === 'since base') {
      this.sinceBase = this.sinceBase.filter(({ mark }) => mark !== gone);
      this.asked = [...left, [...this.sinceBase]];
    } else {
      this.asked = [...left, this.changed];
    }
    this.unwritten = scope === 'changes' && left.length === 0 ? this.changed.length : Infinity;
    if (scope !== 'changes') {
      this.wideCut = this.lastCut;
      this.floor = scope === 'everything' ? 0 : this.base;
    }
    this.list = 0;
    this.place = 0;
    this.changed = [];
  }

  writeSome(count: number): number {
    let written = 0;
    let seen = 0;
    while (this.list < this.asked.length && this.unwritten > 0) {
      const entries = this.asked[this.list]!;
      while (this.place < entries.length) {
        if (written >= count || seen >= looksPerWrite * count) return count;
        seen++;
        const entry = entries[this.place++]!;
        if (!this.awaited(entry)) continue;
        this.writeOut(entry);
        entry.mark = -this.lastCut;
        written++;
      }
      this.list++;
      this.place = 0;
    }
    this.asked = [];
    this.list = 0;
    this.place = 0;
    if (this.wideCut > 0 && this.floor === 0) this.beginBase();
    this.wideCut = 0;
    return Math.max(written, Math.ceil(seen / looksPerWrite));
  }

  /** Everything is written, maybe with the help of cuts that have followed: as it was at the last of them. */
  private beginBase(): void {
    this.base = this.lastCut;
    this.sinceBase = [...this.changed];
  }

  /** The cut asks for the entry, and it is not written yet. */
  private awaited({ mark }: MarkedEntry): boolean {
    if (mark === this.lastCut || mark === gone) return false;
    return mark >= 0 || (this.wideCut > 0 && mark > -this.wideCut && mark < -this.floor);
  }

  /** The base has the entry as it is, or will have. */
  private inBase({ mark }: MarkedEntry): boolean {
    return mark >= 0 ? mark < this.base : mark >= -this.base;
  }

  private writeOut(entry: MarkedEntry): void {
    this.write(entry);
    this.unwritten--;
  }

  /** An entry is about to change, for the first time since the last cut. */
  private change(entry: MarkedEntry): void {
    if (this.awaited(entry)) this.writeOut(entry);
    if (this.inBase(entry)) this.sinceBase.push(entry);
    entry.mark = this.lastCut;
    this.changed.push(entry);
  }

  private add(key: string, state: unknown): MarkedEntry {
    const entry = this.insert(key, state, this.lastCut);
    if (this.lastCut > 0) {
      this.changed.push(entry);
      this.sinceBase.push(entry);
    }
    return entry;
  }

  private insert(key: string, state: unknown, mark: number): MarkedEntry {
    const slot = slotOf(key, this.slotCount);
    const entry: MarkedEntry = { key, slot, state, mark };
    this.entries.add(entry);
    (this.slots[slot] ??= []).push(entry);
    return entry;
  }
}
