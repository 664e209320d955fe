import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAddress, type Address } from '@wallaroo/protocol';
import type { ClusterFile, LineLog, Storage } from '../../core/ports.js';
import { ForeignFilesError, MissingFilesError } from '../errors.js';
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
/** The topology under this suffix: all files of the worker are being removed. */
const doomed = '.removed';
const topology = '.local-topology';

/**
 * The files of one worker, `DIR/APPLICATION-WORKER` and a suffix:
 *
 *     .local-topology        the control log: what counts
 *     .tcp-control .tcp-data where the worker listens: host LF port LF
 *     .workers               the names of all workers, a line each
 *     .connection-addresses  their addresses, as JSON
 *     .local-keys            reserved, empty
 *     .checkpoint_ids        with resilience, u64 each: the newest checkpoint, the same, the epoch
 *     .lock                  the process that uses the files
 *
 * A set of files replaces the one before as a whole: all are written beside the old ones and synced, then
 * renamed. A crash between two renames is mended at the next start. They are removed as a whole, too: the topology
 * gets another name first and goes last, so that a crash in between is seen, and the rest removed.
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
      await this.removeAll();
      this.log.line('Recovery files removed.');
    });
  }

  private async removeAll(): Promise<void> {
    if (existsSync(this.path(topology))) {
      this.log.line(`...Removing ${this.path(topology)}...`);
      await rename(this.path(topology), this.path(topology + doomed));
      await syncFolder(this.directory);
    }
    for (const path of this.dispensable()) {
      this.log.line(`...Removing ${path}...`);
      await rm(path, { force: true });
    }
    await syncFolder(this.directory);
    await rm(this.path(topology + doomed), { force: true });
    await syncFolder(this.directory);
  }

  /** All that is there but for the topology. */
  private dispensable(): string[] {
    const suffixes = this.needed().flatMap((suffix) => [suffix, suffix + fresh]);
    const paths = [...suffixes.map((suffix) => this.path(suffix)), ...(this.logs?.paths ?? [])];
    return paths.filter((path) => path !== this.path(topology) && existsSync(path));
  }

  /** The process died while it removed its files: what is left of them goes. */
  private finishRemoval(): void {
    if (!existsSync(this.path(topology + doomed))) return;
    for (const path of this.dispensable()) rmSync(path, { force: true });
    rmSync(this.path(topology + doomed));
  }

  private read(): SavedWorker | undefined {
    this.finishRemoval();
    const needed = this.needed();
    const there = needed.filter((suffix) => existsSync(this.path(suffix)));
    const begun = needed.filter((suffix) => existsSync(this.path(suffix + fresh)));
    const complete = needed.every((suffix) => there.includes(suffix) || begun.includes(suffix));
    if (begun.length > 0 && complete && !begun.includes(topology) && there.includes(topology)) {
      // All of the set was written and synced, the first file renamed, and then the process died.
      for (const suffix of begun) renameSync(this.path(suffix + fresh), this.path(suffix));
    } else {
      for (const suffix of begun) rmSync(this.path(suffix + fresh), { force: true });
      const left = [...there.map((suffix) => this.path(suffix)), ...(this.logs?.paths ?? [])];
      if (left.length === 0) return undefined;
      const missing = needed.filter((suffix) => !there.includes(suffix)).map((suffix) => this.path(suffix));
      if (missing.length > 0) throw new MissingFilesError(missing, left);
    }
    return {
      topology: readFileSync(this.path(topology)),
      control: this.readAddress('.tcp-control')!,
      data: this.readAddress('.tcp-data'),
    };
  }

  private readAddress(suffix: string): Address | undefined {
    if (!existsSync(this.path(suffix))) return undefined;
    const [host = '', port = ''] = readFileSync(this.path(suffix), 'utf8').split('\n');
    try {
      return parseAddress(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
    } catch (error) {
      throw new ForeignFilesError(this.path(suffix), (error as Error).message, { cause: error });
    }
  }

  private needed(): string[] {
    const all = [topology, '.local-keys', '.tcp-control', '.workers'];
    if (this.logs !== undefined) all.push('.checkpoint_ids');
    return this.initializer ? all : [...all, '.tcp-data', '.connection-addresses'];
  }

  private contents(file: ClusterFile): [suffix: string, content: Buffer][] {
    const contents: Record<string, string | Buffer> = {
      [topology]: file.topology,
      '.checkpoint_ids': checkpointIds(file),
      '.local-keys': '',
      '.tcp-control': addressLines(file.control),
      '.tcp-data': addressLines(file.data),
      '.workers': file.workers.map((name) => `${name}\n`).join(''),
      '.connection-addresses': `${JSON.stringify(file.addresses)}\n`,
    };
    return this.needed().map((suffix) => [suffix, Buffer.from(contents[suffix]!)]);
  }

  private async replaceAll(contents: readonly [suffix: string, content: Buffer][]): Promise<void> {
    // Most records change few files: what stands on disk as it should is left alone.
    const changed = contents.filter(
      ([suffix, content]) => !this.onDisk.get(suffix)?.equals(content) || !existsSync(this.path(suffix)),
    );
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

function checkpointIds({ checkpoint, epoch }: ClusterFile): Buffer {
  const ids = Buffer.alloc(24);
  [checkpoint, checkpoint, epoch].forEach((id, i) => ids.writeBigUInt64BE(BigInt(id), 8 * i));
  return ids;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
