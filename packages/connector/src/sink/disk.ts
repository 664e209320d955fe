import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The few things that a sink asks of a file system. What has not been synced may be lost with the power. */
export interface Disk {
  /** Undefined when there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  /** Writes a small file: all of it or nothing, and kept once this resolves. */
  replace(path: string, content: Buffer): Promise<void>;
  /** For reading and writing. A file that is not there is made, and is there for good once this resolves. */
  open(path: string): Promise<DiskFile>;
}

export interface DiskFile {
  size(): Promise<number>;
  /** Fewer bytes at the end of the file only. */
  read(position: number, count: number): Promise<Buffer>;
  write(position: number, bytes: Buffer): Promise<void>;
  truncate(size: number): Promise<void>;
  /** All that was written is kept once this resolves. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export const nodeDisk: Disk = {
  async read(path) {
    try {
      return await readFile(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },

  async replace(path, content) {
    const fresh = `${path}.new`;
    const file = await open(fresh, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
    await syncFolder(path);
  },

  async open(path) {
    const file = await open(path, 'r+').catch(async (error: unknown) => {
      if (!isMissing(error)) throw error;
      const made = await open(path, 'wx+');
      await syncFolder(path);
      return made;
    });
    return {
      size: async () => (await file.stat()).size,
      async read(position, count) {
        const bytes = Buffer.allocUnsafe(count);
        let held = 0;
        while (held < count) {
          const { bytesRead } = await file.read(bytes, held, count - held, position + held);
          if (bytesRead === 0) break;
          held += bytesRead;
        }
        return bytes.subarray(0, held);
      },
      async write(position, bytes) {
        for (let done = 0; done < bytes.length;) {
          done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
        }
      },
      truncate: (size) => file.truncate(size),
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },
};

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** A new name in a folder is kept only when the folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
