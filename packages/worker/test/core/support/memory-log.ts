import type { Operations } from '../../../src/core/operations.js';
import type { LogFiles, LogKind } from '../../../src/core/ports.js';

interface MemoryFile {
  bytes: Buffer;
  /** How many of them outlive a power loss for certain. */
  synced: number;
}

/** Log files in memory. What is asked for waits until the test lets the disk work. */
export class MemoryLog implements LogFiles {
  readonly files = new Map<string, MemoryFile>();
  /** Why syncs and cuts fail, if they do. */
  failing: string | undefined;
  /** Why nothing can be read, if nothing can. */
  unreadable: string | undefined;
  /** What the disk has done, but for appending. */
  readonly done: string[] = [];
  private queue: (() => void)[] = [];

  constructor(public operations: Operations) {}

  file(kind: LogKind, file: number): MemoryFile {
    const name = `${kind} ${file}`;
    let known = this.files.get(name);
    if (known === undefined) this.files.set(name, (known = { bytes: Buffer.alloc(0), synced: 0 }));
    return known;
  }

  /** Nothing is asked for. */
  get idle(): boolean {
    return this.queue.length === 0;
  }

  /** Does all that was asked for, and what is asked for meanwhile. */
  work(): void {
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) next();
  }

  /** The process is gone with what it had asked for; so many bytes that were not synced are there all the same. */
  losePower(operations: Operations, unsyncedKept = 0): void {
    this.queue = [];
    this.operations = operations;
    for (const file of this.files.values()) file.bytes = file.bytes.subarray(0, file.synced + unsyncedKept);
  }

  append(kind: LogKind, file: number, bytes: Buffer): void {
    this.queue.push(() => {
      const known = this.file(kind, file);
      known.bytes = Buffer.concat([known.bytes, bytes]);
    });
  }

  sync(operation: number, kind: LogKind, file: number): void {
    this.answer(operation, `sync ${kind} ${file}`, () => {
      const known = this.files.get(`${kind} ${file}`);
      if (known !== undefined) known.synced = known.bytes.length;
    });
  }

  read(operation: number, kind: LogKind, file: number, offset: number, length: number): void {
    this.queue.push(() => {
      if (this.unreadable !== undefined) return this.operations.failed(operation, this.unreadable);
      this.done.push(`read ${kind} ${file} ${offset} ${length}`);
      const bytes = this.files.get(`${kind} ${file}`)?.bytes ?? Buffer.alloc(0);
      this.operations.read(operation, Buffer.from(bytes.subarray(offset, offset + length)));
    });
  }

  cutOff(operation: number, kind: LogKind, file: number, length: number): void {
    this.answer(operation, `cut ${kind} ${file} ${length}`, () => {
      this.remove(kind, (number) => number > file);
      const known = this.files.get(`${kind} ${file}`);
      if (known === undefined) return;
      known.bytes = known.bytes.subarray(0, length);
      known.synced = known.bytes.length;
    });
  }

  removeBefore(kind: LogKind, file: number, kept?: number): void {
    this.queue.push(() => this.remove(kind, (number) => number < file && number !== kept));
  }

  private remove(kind: LogKind, which: (file: number) => boolean): void {
    for (const name of [...this.files.keys()]) {
      const [of, number] = name.split(' ');
      if (of === kind && which(Number(number))) this.files.delete(name);
    }
  }

  private answer(operation: number, what: string, work: () => void): void {
    this.queue.push(() => {
      if (this.failing !== undefined) return this.operations.failed(operation, this.failing);
      work();
      this.done.push(what);
      this.operations.stored(operation);
    });
  }
}
