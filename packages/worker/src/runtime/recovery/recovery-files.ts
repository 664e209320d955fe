import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAddress, type Address } from '@wallaroo/protocol';
import type { ClusterFile, LineLog, Storage } from '../../core/ports.js';
import { MissingFilesError } from '../errors.js';
import type { LogFilesOnDisk } from './log-files.js';
import { NameLock } from './name-lock.js';

/** What a former life of this worker left. */
export interface SavedWorker {
  readonly topology: Buffer;
  /** Where it listened. */
  readonly control: Address;
  readonly data: Address | undefined;
}

export interface StorageEvents {
  stored(operation: number): void;
  storeFailed(operation: number, why: string): void;
}

/** Written first under this suffix, all of them, then renamed. */
const fresh = '.new';

/**
 * The files of one worker, `DIR/APPLICATION-WORKER` and a suffix:
 *
 *     .local-topology        the control log: what counts
 *     .tcp-control .tcp-data where the worker listens: host LF port LF
 *     .workers               the names of all workers, a line each
 *     .connection-addresses  their addresses, as JSON
 *     .local-keys            reserved, empty
 *     .lock                  the process that uses the files
 *
 * A set of files replaces the one before as a whole: all are written beside the old ones and synced, then
 * renamed. A crash between two renames is mended at the next start.
 */
export class RecoveryFiles implements Storage {
  private queue: Promise<void> = Promise.resolve();
  private readonly lock: NameLock;
  private events: StorageEvents | undefined;
  /** What this process has written, by suffix. */
  private readonly onDisk = new Map<string, Buffer>();

  constructor(
    private readonly directory: string,
    private readonly application: string,
    private readonly worker: string,
    private readonly initializer: boolean,
    private readonly log: LineLog,
    /** Goes with the other files; without resilience there is none. */
    private readonly logs: LogFilesOnDisk | undefined,
  ) {
    this.lock = new NameLock(this.path('.lock'), application, worker);
  }

  listenTo(events: StorageEvents): void {
    this.events = events;
  }

  /**
   * Takes the files for this process and reads what is there; undefined when the worker is new.
   * @throws NameTakenError, MissingFilesError
   */
  open(): SavedWorker | undefined {
    this.lock.take();
    try {
      return this.read();
    } catch (error) {
      this.lock.release();
      throw error;
    }
  }

  /** The files stay, others may use them. */
  release(): void {
    this.lock.release();
  }

  store(operation: number, file: ClusterFile): void {
    this.run(operation, () => this.replaceAll(this.contents(file)));
  }

  remove(operation: number): void {
    this.run(operation, async () => {
      this.onDisk.clear();
      this.log.line('Removing recovery files');
      await this.logs?.release();
      const paths = [...this.needed().map((suffix) => this.path(suffix)), ...(this.logs?.paths ?? [])];
      for (const path of paths) {
        if (!existsSync(path)) continue;
        this.log.line(`...Removing ${path}...`);
        await rm(path, { force: true });
      }
      await syncFolder(this.directory);
      this.log.line('Recovery files removed.');
    });
  }

  private read(): SavedWorker | undefined {
    const needed = this.needed();
    const there = needed.filter((suffix) => existsSync(this.path(suffix)));
    const begun = needed.filter((suffix) => existsSync(this.path(suffix + fresh)));
    const complete = needed.every((suffix) => there.includes(suffix) || begun.includes(suffix));
    if (
      begun.length > 0 &&
      complete &&
      !begun.includes('.local-topology') &&
      there.includes('.local-topology')
    ) {
      // All of the set was written and synced, the first file renamed, and then the process died.
      for (const suffix of begun) renameSync(this.path(suffix + fresh), this.path(suffix));
    } else {
      for (const suffix of begun) rmSync(this.path(suffix + fresh), { force: true });
      if (there.length === 0) return undefined;
      const missing = needed.filter((suffix) => !there.includes(suffix)).map((suffix) => this.path(suffix));
      if (missing.length > 0)
        throw new MissingFilesError(
          missing,
          there.map((suffix) => this.path(suffix)),
        );
    }
    return {
      topology: readFileSync(this.path('.local-topology')),
      control: this.readAddress('.tcp-control')!,
      data: this.readAddress('.tcp-data'),
    };
  }

  private readAddress(suffix: string): Address | undefined {
    if (!existsSync(this.path(suffix))) return undefined;
    const [host = '', port = ''] = readFileSync(this.path(suffix), 'utf8').split('\n');
    return parseAddress(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
  }

  private needed(): string[] {
    const all = ['.local-topology', '.local-keys', '.tcp-control', '.workers'];
    return this.initializer ? all : [...all, '.tcp-data', '.connection-addresses'];
  }

  private contents(file: ClusterFile): [suffix: string, content: Buffer][] {
    const texts: Record<string, string> = {
      '.local-keys': '',
      '.tcp-control': addressLines(file.control),
      '.tcp-data': addressLines(file.data),
      '.workers': file.workers.map((name) => `${name}\n`).join(''),
      '.connection-addresses': `${JSON.stringify(file.addresses)}\n`,
    };
    return this.needed().map((suffix) => [
      suffix,
      suffix === '.local-topology' ? file.topology : Buffer.from(texts[suffix]!),
    ]);
  }

  private async replaceAll(contents: readonly [suffix: string, content: Buffer][]): Promise<void> {
    // Most records change one file only: what stands on disk as it should is left alone.
    const changed = contents.filter(([suffix, content]) => !this.onDisk.get(suffix)?.equals(content));
    for (const [suffix, content] of changed) {
      const file = await open(this.path(suffix + fresh), 'w', 0o600);
      try {
        await file.writeFile(content);
        await file.datasync();
      } finally {
        await file.close();
      }
    }
    if (changed.length > 1) await syncFolder(this.directory);
    for (const [suffix, content] of changed) {
      await rename(this.path(suffix + fresh), this.path(suffix));
      this.onDisk.set(suffix, content);
    }
    await syncFolder(this.directory);
  }

  /** One operation after the other. */
  private run(operation: number, work: () => Promise<void>): void {
    this.queue = this.queue.then(work).then(
      () => this.events?.stored(operation),
      (error: Error) => this.events?.storeFailed(operation, error.message),
    );
  }

  private path(suffix: string): string {
    return join(this.directory, `${this.application}-${this.worker}${suffix}`);
  }
}

function addressLines({ host, port }: Address): string {
  return `${host}\n${port}\n`;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
