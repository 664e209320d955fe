import type { Disk, DiskFile } from '../../src/index.js';

/** What every operation of a disk throws once its process is dead. */
export class Crash extends Error {}

interface Content {
  /** What a process sees. */
  bytes: Buffer;
  synced: Buffer;
  /** What was done since the last sync. */
  unsynced: ((bytes: Buffer) => Buffer)[];
}

/** A disk in memory that dies at the operation that the test names, and knows what had been synced by then. */
export class MemoryDisk implements Disk {
  operations = 0;

  constructor(
    private readonly contents = new Map<string, Content>(),
    /** The operation that fails, a write after half of its bytes. Counted from 1. */
    private readonly crashAt = Infinity,
  ) {}

  /** The process is gone, the machine is not. */
  afterKill(crashAt = Infinity): MemoryDisk {
    return new MemoryDisk(this.contents, crashAt);
  }

  /** The machine is gone. Each write that was not synced may be on the disk or not. */
  afterPowerLoss(kept: () => boolean, crashAt = Infinity): MemoryDisk {
    for (const content of this.contents.values()) {
      for (const change of content.unsynced) if (kept()) content.synced = change(content.synced);
      content.bytes = content.synced;
      content.unsynced = [];
    }
    return new MemoryDisk(this.contents, crashAt);
  }

  contentOf(path: string): Buffer {
    return this.contents.get(path)?.bytes ?? Buffer.alloc(0);
  }

  async read(path: string): Promise<Buffer | undefined> {
    await this.step();
    return this.contents.get(path)?.bytes;
  }

  async replace(path: string, content: Buffer): Promise<void> {
    await this.step();
    this.contents.set(path, { bytes: content, synced: content, unsynced: [] });
  }

  async open(path: string): Promise<DiskFile> {
    await this.step();
    const content = this.contents.get(path) ?? {
      bytes: Buffer.alloc(0),
      synced: Buffer.alloc(0),
      unsynced: [],
    };
    this.contents.set(path, content);
    const change = (how: (bytes: Buffer) => Buffer) => {
      content.bytes = how(content.bytes);
      content.unsynced.push(how);
    };
    return {
      size: async () => {
        await this.step();
        return content.bytes.length;
      },
      read: async (position, count) => {
        await this.step();
        return Buffer.from(content.bytes.subarray(position, position + count));
      },
      write: async (position, bytes) => {
        const copy = Buffer.from(bytes);
        const half = copy.subarray(0, copy.length / 2);
        await this.step(() => change((before) => written(before, position, half)));
        change((before) => written(before, position, copy));
      },
      truncate: async (size) => {
        await this.step();
        change((before) => written(before.subarray(0, size), size, Buffer.alloc(0)));
      },
      sync: async () => {
        await this.step();
        content.synced = content.bytes;
        content.unsynced = [];
      },
      close: () => Promise.resolve(),
    };
  }

  private async step(lastDeed?: () => void): Promise<void> {
    await Promise.resolve();
    this.operations++;
    if (this.operations === this.crashAt) lastDeed?.();
    if (this.operations >= this.crashAt) throw new Crash();
  }
}

function written(before: Buffer, position: number, bytes: Buffer): Buffer {
  const after = Buffer.alloc(Math.max(before.length, position + bytes.length));
  before.copy(after);
  bytes.copy(after, position);
  return after;
}
