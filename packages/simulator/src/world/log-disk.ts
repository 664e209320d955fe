import type { Dice } from '../random/dice.js';
import type { CoreMember } from './core.js';
import { drawLatencyMs, type Latency } from './path.js';
import { ms, type Schedule } from './schedule.js';

type Post = (act: (core: CoreMember) => void) => void;

interface Chunk {
  bytes: Buffer;
  synced: boolean;
}

interface Operation {
  /** What it does to the files, when its time has come; returns what to tell the process, if anything. */
  readonly act: () => ((core: CoreMember) => void) | undefined;
  readonly post: Post;
}

/**
 * The append-only files of one kind on one host. What was written is in the memory of the system, and survives the
 * process; what was synced is on the disk, and survives the power.
 */
export class LogDisk {
  /** Added to what an operation takes. */
  slownessMs = 0;
  /** Above 0: writes fail. */
  failing = 0;
  /** Content of files that have been removed, for those who look on. */
  readonly removed: Buffer[] = [];
  readonly removedNumbers: number[] = [];
  private readonly files = new Map<number, Chunk[]>();
  private queue: Operation[] = [];
  /** A write has failed since the last sync. */
  private broken = false;

  constructor(
    private readonly schedule: Schedule,
    private readonly dice: Dice,
    private readonly latency: Latency,
  ) {}

  append(file: number, bytes: Buffer, post: Post): void {
    this.ask(post, () => {
      if (this.failing > 0) {
        this.broken = true;
        // Some of it may have got there.
        if (this.dice.chance(0.5)) this.chunks(file).push({ bytes: this.part(bytes), synced: false });
      } else {
        this.chunks(file).push({ bytes: Buffer.from(bytes), synced: false });
      }
      return undefined;
    });
  }

  sync(operation: number, file: number, post: Post): void {
    this.ask(post, () => {
      const { broken } = this;
      this.broken = false;
      if (broken || this.failing > 0) return (core) => core.storeFailed(operation, 'no space left');
      for (const chunk of this.files.get(file) ?? []) chunk.synced = true;
      return (core) => core.stored(operation);
    });
  }

  read(operation: number, file: number, offset: number, length: number, post: Post): void {
    this.ask(post, () => {
      const bytes = Buffer.from(this.content(file).subarray(offset, offset + length));
      return (core) => core.logRead(operation, bytes);
    });
  }

  cutOff(operation: number, file: number, length: number, post: Post): void {
    this.ask(post, () => {
      for (const number of this.files.keys()) if (number > file) this.files.delete(number);
      const left = this.content(file).subarray(0, length);
      if (left.length > 0) this.files.set(file, [{ bytes: Buffer.from(left), synced: true }]);
      else this.files.delete(file);
      this.broken = false;
      return (core) => core.stored(operation);
    });
  }

  removeBefore(file: number, kept: number | undefined, post: Post): void {
    this.ask(post, () => {
      for (const number of [...this.files.keys()].sort((one, other) => one - other)) {
        if (number >= file || number === kept) continue;
        this.remember(number, this.content(number));
        this.files.delete(number);
      }
      return undefined;
    });
  }

  /** Somebody else puts this content in place of what a file has, or removes it. */
  replace(file: number, content: Buffer | undefined): void {
    if (content === undefined || content.length === 0) this.files.delete(file);
    else this.files.set(file, [{ bytes: content, synced: true }]);
  }

  /** Bytes from the start of a file on are what they were again. */
  repair(file: number, good: Buffer): void {
    let at = 0;
    for (const chunk of this.files.get(file) ?? []) {
      const bytes = Buffer.from(chunk.bytes);
      good.copy(bytes, 0, at, at + bytes.length);
      at += bytes.length;
      chunk.bytes = bytes;
    }
  }

  /** Those who look on find this among what has been removed, until the function that is returned is called. */
  remember(file: number, content: Buffer): () => void {
    this.removed.push(content);
    this.removedNumbers.push(file);
    return () => {
      const at = this.removed.indexOf(content);
      if (at < 0) return;
      this.removed.splice(at, 1);
      this.removedNumbers.splice(at, 1);
    };
  }

  /** The worker removes all of it: nobody needs it any more, but what it took was taken. */
  retire(): void {
    for (const number of this.numbers) this.remember(number, this.content(number));
    this.queue = [];
    this.files.clear();
  }

  /** What is under way is done for nobody. */
  clear(): void {
    this.queue = [];
    this.files.clear();
    this.removed.length = 0;
    this.removedNumbers.length = 0;
  }

  get empty(): boolean {
    return this.files.size === 0;
  }

  get numbers(): number[] {
    return [...this.files.keys()].sort((one, other) => one - other);
  }

  content(file: number): Buffer {
    return Buffer.concat((this.files.get(file) ?? []).map(({ bytes }) => bytes));
  }

  /** The process is dead; with the power, what was not synced is kept, torn or lost, piece by piece. */
  abandon(power: boolean): void {
    const done = this.dice.below(this.queue.length + 1);
    for (const { act } of this.queue.slice(0, done)) act();
    this.queue = [];
    this.broken = false;
    if (!power) return;
    for (const [file, chunks] of this.files) {
      const left = this.afterPowerLoss(chunks);
      if (left.length > 0) this.files.set(file, left);
      else this.files.delete(file);
    }
  }

  private afterPowerLoss(chunks: readonly Chunk[]): Chunk[] {
    const left: Chunk[] = [];
    for (const { bytes, synced } of chunks) {
      const fate = synced ? 'kept' : this.dice.pick(['kept', 'lost', 'lost', 'torn'] as const);
      const size = fate === 'kept' ? bytes.length : fate === 'lost' ? 0 : this.dice.below(bytes.length);
      // A block that was never written reads as zeros, if something behind it was.
      const kept = Buffer.alloc(bytes.length);
      bytes.copy(kept, 0, 0, size);
      left.push({ bytes: kept, synced: size > 0 || synced });
    }
    // What follows the last piece of which something was written is not there at all.
    while (left.length > 0 && !left.at(-1)!.synced) left.pop();
    const last = left.at(-1);
    if (last !== undefined) {
      let end = last.bytes.length;
      const original = chunks[left.length - 1]!;
      if (!original.synced) while (end > 0 && last.bytes[end - 1] === 0) end--;
      last.bytes = last.bytes.subarray(0, end);
    }
    for (const chunk of left) chunk.synced = true;
    return left;
  }

  private part(bytes: Buffer): Buffer {
    return Buffer.from(bytes.subarray(0, this.dice.below(bytes.length)));
  }

  private chunks(file: number): Chunk[] {
    let chunks = this.files.get(file);
    if (chunks === undefined) this.files.set(file, (chunks = []));
    return chunks;
  }

  private ask(post: Post, act: Operation['act']): void {
    this.queue.push({ act, post });
    if (this.queue.length === 1) this.work();
  }

  private work(): void {
    const operation = this.queue[0];
    if (operation === undefined) return;
    let delay = drawLatencyMs(this.latency, this.dice) / 4;
    if (this.slownessMs > 0) delay += this.dice.logUniform(this.slownessMs / 16, this.slownessMs);
    this.schedule.after(ms(delay), () => {
      if (this.queue[0] !== operation) return;
      this.queue.shift();
      const answer = operation.act();
      if (answer !== undefined) operation.post(answer);
      this.work();
    });
  }
}
