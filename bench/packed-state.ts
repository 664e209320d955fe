/**
 * What a packed store would bring: a million states of about 100 bytes as objects in a `Map`, and as bytes in one buffer
 * with a table of numbers; what a full collection of garbage takes of the main thread, and what an update costs. The
 * author's function gets an object in either case: from bytes it must be made, and written back.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { conditions, table } from './harness/report.js';

interface Count {
  n: number;
  last: number;
  readonly name: string;
  readonly owner: string;
}

interface Store {
  update(key: string, change: (count: Count) => void): void;
}

const name = 'a counter with a name of its own, as states have';
const owner = 'somebody or other';

class Objects implements Store {
  private readonly states = new Map<string, Count>();

  update(key: string, change: (count: Count) => void): void {
    let count = this.states.get(key);
    // Texts of their own, as if each had come in a message.
    if (count === undefined) {
      count = { n: 0, last: 0, name: Buffer.from(name).toString(), owner: Buffer.from(owner).toString() };
      this.states.set(key, count);
    }
    change(count);
  }
}

const keyBytes = 12;
const stateBytes = 104;
const entryBytes = keyBytes + stateBytes;

/** Entries in the order in which they came; a table with open addressing finds them. `whole`: all fields are read. */
class Packed implements Store {
  private readonly places: Uint32Array;
  private readonly bytes: Buffer;
  private count = 0;

  constructor(
    keys: number,
    private readonly whole: boolean,
  ) {
    this.places = new Uint32Array(2 ** Math.ceil(Math.log2(keys * 2)));
    this.bytes = Buffer.alloc(keys * entryBytes);
  }

  update(key: string, change: (count: Count) => void): void {
    const { bytes, whole } = this;
    const at = this.find(key) + keyBytes;
    const count = {
      n: bytes.readDoubleLE(at),
      last: bytes.readDoubleLE(at + 8),
      name: whole ? bytes.latin1Slice(at + 18, at + 18 + bytes[at + 16]!) : '',
      owner: whole ? bytes.latin1Slice(at + 80, at + 80 + bytes[at + 17]!) : '',
    };
    change(count);
    bytes.writeDoubleLE(count.n, at);
    bytes.writeDoubleLE(count.last, at + 8);
  }

  private find(key: string): number {
    const { places, bytes } = this;
    const mask = places.length - 1;
    let hash = 0x811c9dc5;
    for (let i = 0; i < keyBytes; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const place = places[slot]!;
      if (place === 0) return this.add(key, slot);
      const at = (place - 1) * entryBytes;
      let i = 0;
      while (i < keyBytes && bytes[at + i] === key.charCodeAt(i)) i++;
      if (i === keyBytes) return at;
    }
  }

  private add(key: string, slot: number): number {
    const { bytes } = this;
    const at = this.count++ * entryBytes;
    this.places[slot] = this.count;
    bytes.write(key, at, 'latin1');
    const state = at + keyBytes;
    bytes[state + 16] = bytes.write(name, state + 18, 'latin1');
    bytes[state + 17] = bytes.write(owner, state + 80, 'latin1');
    return at;
  }
}

const stores: Record<string, (keys: number) => Store> = {
  'objects in a Map': () => new Objects(),
  'packed, all fields read': (keys) => new Packed(keys, true),
  'packed, only the changed fields read': (keys) => new Packed(keys, false),
};

export interface PackedFigures {
  readonly gcMs: number;
  readonly updateNs: number;
  readonly residentMb: number;
}

/** Fills a store and changes it at random, in this process. */
export function measureStore(what: string, keys: number, updates: number): PackedFigures {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const store = stores[what]!(keys);
  const change = (count: Count) => {
    count.n++;
    count.last = count.n + 0.5;
  };
  const key = (number: number) => `key-${String(number).padStart(8, '0')}`;
  for (let i = 0; i < keys; i++) store.update(key(i), change);
  collect();
  const pauses = [1, 2, 3].map(() => elapsedMs(collect));
  let random = 1;
  const drawn = () => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0) % keys;
  const alone = elapsedMs(() => {
    let length = 0;
    for (let i = 0; i < updates; i++) length += key(drawn()).length;
    if (length === 0) throw new Error('no key was made');
  });
  const all = elapsedMs(() => {
    for (let i = 0; i < updates; i++) store.update(key(drawn()), change);
  });
  return {
    gcMs: Math.min(...pauses),
    updateNs: ((all - alone) * 1e6) / updates,
    residentMb: process.memoryUsage.rss() / 1e6,
  };
}

function elapsedMs(work: () => void): number {
  const { user, system } = process.cpuUsage();
  const before = performance.now();
  work();
  const wall = performance.now() - before;
  const used = process.cpuUsage({ user, system });
  // Others may have had the core meanwhile; a collection has helpers on other cores, whose time is not the thread's.
  return Math.min(wall, (used.user + used.system) / 1000);
}

function main([keys = '1000000', what]: readonly string[]): void {
  if (what !== undefined) {
    console.log(JSON.stringify(measureStore(what, Number(keys), 2_000_000)));
    return;
  }
  console.log(conditions());
  const rows = Object.keys(stores).map((store) => {
    const args = ['--import', 'tsx', fileURLToPath(import.meta.url), keys, store];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (stdout === '') throw new Error(stderr);
    const { gcMs, updateNs, residentMb } = JSON.parse(stdout) as PackedFigures;
    return [store, gcMs.toFixed(1), updateNs.toFixed(0), residentMb.toFixed(0)];
  });
  console.log(
    `\n${keys} keys\n\n${table(['store', 'full collection ms', 'update ns', 'resident MB'], rows)}`,
  );
}

if (process.argv[1]?.endsWith('packed-state.ts')) main(process.argv.slice(2));
