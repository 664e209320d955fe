import { KeyTable, type Keyed } from './key-table.js';

/** A map of more keys is split into shards. */
const wholeMax = 2048;
const shardBits = 6;

/**
 * Values by the key that they have. Keys are in no order.
 *
 * It does not stand still to grow, nor to shrink: a `Map` of a million keys that gets its next one takes a tenth of a
 * second to make room; of this one only a shard makes room at a time.
 */
export class KeyMap<V extends Keyed> {
  /** Some of many keys that have the same hash: whoever chose them so is not to make every look long. */
  private readonly crowded = new Map<string, V>();
  private shards: readonly KeyTable<V>[] = [new KeyTable(this.crowded)];
  private shardMask = 0;
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(key: string): V | undefined {
    const hash = hashOf(key);
    return this.shardOf(hash).get(hash, key);
  }

  /** Adds a value whose key is not there. */
  add(value: V): void {
    if (this.count === wholeMax && this.shards.length === 1) this.split();
    this.count++;
    const hash = hashOf(value.key);
    this.shardOf(hash).add(hash, value);
  }

  /** Removes a key that is there. */
  delete(key: string): void {
    this.count--;
    const hash = hashOf(key);
    this.shardOf(hash).delete(hash, key);
  }

  *keys(): Iterable<string> {
    for (const shard of this.shards) for (const { key } of shard.values()) yield key;
    yield* this.crowded.keys();
  }

  private shardOf(hash: number): KeyTable<V> {
    return this.shards[(hash >>> (32 - shardBits)) & this.shardMask]!;
  }

  private split(): void {
    const [whole] = this.shards;
    this.shards = Array.from({ length: 1 << shardBits }, () => new KeyTable(this.crowded));
    this.shardMask = this.shards.length - 1;
    for (const value of whole!.values()) {
      const hash = hashOf(value.key);
      this.shardOf(hash).add(hash, value);
    }
  }
}

/**
 * FNV-1a over UTF-16 code units, then a finalizer. Not the hash of slots, which keys of one worker have in common in part.
 *
 * Sources: G. Fowler, L. C. Noll, K.-P. Vo, the FNV hash; C. Wellons, hash-prospector (`lowbias32`).
 * @returns a 32-bit integer other than 0
 */
export function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return hash ^ (hash >>> 16) || 1;
}
