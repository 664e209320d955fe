import { invariant } from '../invariant.js';

export interface Keyed {
  readonly key: string;
}

/** The hash of a place that nobody has. */
const free = 0;
const placesMin = 16;
/** No value is farther behind the place that its hash names. */
const distanceMax = 128;

/**
 * A hash table with open addressing and linear probing: a value stands at the place that the low bits of its hash name,
 * or behind it. At most three quarters of the places are taken, and no less than an eighth, unless they are few.
 *
 * Whoever looks for a key in a large one waits for memory most of the time. Hashes stand side by side, so that it waits for
 * one line of them, the place of the value and the value; a `Map` touches the keys of others as well, and takes twice the room.
 *
 * Source: D. E. Knuth, The Art of Computer Programming, vol. 3, 6.4, algorithms L (insertion) and R (deletion).
 */
export class KeyTable<V extends Keyed> {
  /** As many as there are places, a power of two. */
  private hashes = new Int32Array(placesMin);
  private places = emptyPlaces<V>(placesMin);
  private taken = 0;

  /** @param crowded takes what finds no place near its own */
  constructor(private readonly crowded: Map<string, V>) {}

  /** @param hash of the key: an integer of 32 bits, not 0 */
  get(hash: number, key: string): V | undefined {
    const { hashes } = this;
    const mask = hashes.length - 1;
    let at = hash & mask;
    for (let distance = 0; distance <= distanceMax; distance++) {
      const found = hashes[at];
      if (found === hash) {
        const value = this.places[at]!;
        if (value.key === key) return value;
      } else if (found === free) {
        break;
      }
      at = (at + 1) & mask;
    }
    return this.crowded.size === 0 ? undefined : this.crowded.get(key);
  }

  /** Adds a value whose key is not there. */
  add(hash: number, value: V): void {
    const { length } = this.hashes;
    if (4 * this.taken >= 3 * length) this.resize(2 * length);
    this.place(hash, value);
  }

  /** Removes a key that is there. */
  delete(hash: number, key: string): void {
    if (this.crowded.size > 0 && this.crowded.delete(key)) return;
    this.closeUp(this.find(hash, key));
    this.taken--;
    const { length } = this.hashes;
    if (length > placesMin && 8 * this.taken < length) this.resize(length / 2);
  }

  *values(): Iterable<V> {
    for (const value of this.places) if (value !== undefined) yield value;
  }

  private place(hash: number, value: V): void {
    const { hashes } = this;
    const mask = hashes.length - 1;
    let at = hash & mask;
    for (let distance = 0; hashes[at] !== free; distance++) {
      if (distance === distanceMax) return void this.crowded.set(value.key, value);
      at = (at + 1) & mask;
    }
    hashes[at] = hash;
    this.places[at] = value;
    this.taken++;
  }

  private find(hash: number, key: string): number {
    const { hashes, places } = this;
    const mask = hashes.length - 1;
    let at = hash & mask;
    while (hashes[at] !== hash || places[at]!.key !== key) {
      invariant(hashes[at] !== free, 'only a key that is there is removed');
      at = (at + 1) & mask;
    }
    return at;
  }

  /** Empties a place. What stands behind it, and could stand there, moves up. */
  private closeUp(hole: number): void {
    const { hashes, places } = this;
    const mask = hashes.length - 1;
    for (let at = (hole + 1) & mask; hashes[at] !== free; at = (at + 1) & mask) {
      const gap = (at - hole) & mask;
      // What stands farther behind may not move so far up.
      if (gap > distanceMax) break;
      const distance = (at - hashes[at]!) & mask;
      if (distance < gap) continue;
      hashes[hole] = hashes[at]!;
      places[hole] = places[at];
      hole = at;
    }
    hashes[hole] = free;
    places[hole] = undefined;
  }

  private resize(count: number): void {
    const { hashes, places } = this;
    this.hashes = new Int32Array(count);
    this.places = emptyPlaces(count);
    this.taken = 0;
    for (let at = 0; at < hashes.length; at++) if (hashes[at] !== free) this.place(hashes[at]!, places[at]!);
  }
}

function emptyPlaces<V>(count: number): (V | undefined)[] {
  return new Array<V | undefined>(count).fill(undefined);
}
