/** A map of more keys is split into shards. */
const wholeMax = 2048;
const shardCount = 64;

/**
 * A map from keys to values that does not stand still to grow: a map of a million keys that gets its next one may take
 * a tenth of a second to make room, and so may one of which many were deleted. Of this one only a shard makes room at
 * a time. Keys are in no order.
 */
export class KeyMap<V> {
  private whole: Map<string, V> | undefined = new Map();
  private shards: readonly Map<string, V>[] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(key: string): V | undefined {
    return (this.whole ?? this.shards[shardOf(key)]!).get(key);
  }

  /** Adds a key that is not there. */
  add(key: string, value: V): void {
    if (this.whole !== undefined && this.count === wholeMax) this.split(this.whole);
    this.count++;
    (this.whole ?? this.shards[shardOf(key)]!).set(key, value);
  }

  /** Removes a key that is there. */
  delete(key: string): void {
    this.count--;
    (this.whole ?? this.shards[shardOf(key)]!).delete(key);
  }

  *keys(): Iterable<string> {
    for (const map of this.whole === undefined ? this.shards : [this.whole]) yield* map.keys();
  }

  private split(whole: ReadonlyMap<string, V>): void {
    const shards = Array.from({ length: shardCount }, () => new Map<string, V>());
    for (const [key, value] of whole) shards[shardOf(key)]!.set(key, value);
    this.shards = shards;
    this.whole = undefined;
  }
}

/** At most so many characters of a key decide, evenly spaced and the last one among them. */
const sampled = 16;

function shardOf(key: string): number {
  const step = Math.ceil(key.length / sampled) || 1;
  let hash = 0;
  for (let at = key.length - 1; at >= 0; at -= step) hash = Math.imul(hash, 31) + key.charCodeAt(at);
  return (hash ^ (hash >>> 12)) & (shardCount - 1);
}
