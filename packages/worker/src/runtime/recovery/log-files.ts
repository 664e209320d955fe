import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogFiles, LogKind } from '../../core/ports.js';

export interface LogFileEvents {
  stored(operation: number): void;
  storeFailed(operation: number, why: string): void;
  logRead(operation: number, bytes: Buffer): void;
}

interface OpenFile {
  readonly path: string;
  handle: FileHandle | undefined;
  /** Its name is not known to be on disk. */
  fresh: boolean;
  /** Why a write has failed since the last sync. */
  failure: string | undefined;
}

/** What is to be written behind each other, as long as nothing else is asked for of its kind. */
interface Write {
  readonly file: OpenFile;
  readonly buffers: Buffer[];
}

const suffixes: Readonly<Record<LogKind, string>> = { events: '.evlog', journal: '.input' };

/**
 * The event log and the journal of one worker as files of its resilience directory:
 *
 *     APP-WORKER-HHHHHHHHHHHHHHHH.evlog    event log: 16 upper-case hex digits, the bytes of all files before it
 *     APP-WORKER.evlog                     the first one, if it was begun without --log-rotation
 *     APP-WORKER-HHHHHHHHHHHHHHHH.input    journal of the sources
 *
 * What is asked for of one kind is done in order. Only files of exactly these names are ever touched: `w1` has
 * nothing to do with those of `w10`.
 */
export class LogFilesOnDisk implements LogFiles {
  private readonly files = new Map<string, OpenFile>();
  private readonly queues: Record<LogKind, Promise<void>> = {
    events: Promise.resolve(),
    journal: Promise.resolve(),
  };
  /** The last thing that was asked for, if it is to write and has not begun. */
  private readonly gathering: Record<LogKind, Write | undefined> = { events: undefined, journal: undefined };
  private events: LogFileEvents | undefined;
  /** Whether the first event log has no number in its name; asked of the disk once. */
  private plainFirst: boolean | undefined;

  constructor(
    private readonly directory: string,
    private readonly application: string,
    private readonly worker: string,
    private readonly rotation: boolean,
  ) {}

  listenTo(events: LogFileEvents): void {
    this.events = events;
  }

  path(kind: LogKind, file: number): string {
    return join(this.directory, this.name(kind, file));
  }

  /** Paths of all files that are there. */
  get paths(): string[] {
    return this.all.map(({ kind, file }) => this.path(kind, file));
  }

  /** All files that are there. */
  get all(): { readonly kind: LogKind; readonly file: number }[] {
    return (['events', 'journal'] as const).flatMap((kind) =>
      this.numbers(kind).map((file) => ({ kind, file })),
    );
  }

  /** The first bytes of a file, and how many it has; undefined when it is not there. For the start of a worker. */
  startOf(kind: LogKind, file: number, length: number): { start: Buffer; bytes: number } | undefined {
    const path = this.path(kind, file);
    if (!existsSync(path)) return undefined;
    const descriptor = openSync(path, 'r');
    try {
      const start = Buffer.alloc(length);
      return {
        start: start.subarray(0, readSync(descriptor, start, 0, length, 0)),
        bytes: fstatSync(descriptor).size,
      };
    } finally {
      closeSync(descriptor);
    }
  }

  append(kind: LogKind, file: number, bytes: Buffer): void {
    const known = this.file(kind, file);
    const gathering = this.gathering[kind];
    if (gathering?.file === known) return void gathering.buffers.push(bytes);
    const write = { file: known, buffers: [bytes] };
    this.run(kind, () => {
      if (this.gathering[kind] === write) this.gathering[kind] = undefined;
      return this.write(write);
    });
    this.gathering[kind] = write;
  }

  sync(operation: number, kind: LogKind, file: number, base?: number): void {
    this.answer(operation, kind, async () => {
      const known = this.file(kind, file);
      const { failure } = known;
      known.failure = undefined;
      if (failure !== undefined) throw new Error(failure);
      await this.checkNames();
      if (base !== undefined && !existsSync(this.path(kind, base)))
        throw new Error(`${this.path(kind, base)} has been removed`);
      if (known.handle === undefined) return this.syncFormer(known.path);
      await known.handle.datasync();
      if (!known.fresh) return;
      await this.syncFolder();
      known.fresh = false;
    });
  }

  read(operation: number, kind: LogKind, file: number, offset: number, length: number): void {
    this.run(kind, async () => {
      try {
        const bytes = await this.readPiece(this.path(kind, file), offset, length);
        this.events?.logRead(operation, bytes);
      } catch (error) {
        this.events?.storeFailed(operation, (error as Error).message);
      }
    });
  }

  cutOff(operation: number, kind: LogKind, file: number, length: number): void {
    this.answer(operation, kind, async () => {
      for (const number of this.numbers(kind)) if (number > file) await this.removeFile(kind, number);
      await this.close(this.file(kind, file));
      const path = this.path(kind, file);
      if (length > 0 || existsSync(path)) {
        const handle = await open(path, 'r+');
        try {
          await handle.truncate(length);
          await handle.datasync();
        } finally {
          await handle.close();
        }
      }
      await this.syncFolder();
    });
  }

  removeBefore(kind: LogKind, file: number, kept?: number): void {
    this.run(kind, async () => {
      for (const number of this.numbers(kind))
        if (number < file && number !== kept) await this.removeFile(kind, number);
    });
  }

  /** Resolves when nothing is under way and all files are closed. */
  async release(): Promise<void> {
    await Promise.all(Object.values(this.queues));
    for (const file of this.files.values()) await this.close(file);
  }

  /** A file of a former life, which may be in the memory of the system only; and so may be its name. */
  private async syncFormer(path: string): Promise<void> {
    if (!existsSync(path)) return;
    const handle = await open(path, 'r');
    try {
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await this.syncFolder();
  }

  private async write({ file, buffers }: Write): Promise<void> {
    try {
      if (file.handle === undefined) {
        file.fresh ||= !existsSync(file.path);
        file.handle = await open(file.path, 'a', 0o600);
      }
      await writeAll(file.handle, buffers);
    } catch (error) {
      file.failure ??= (error as Error).message;
    }
  }

  /** What is written to a file whose name has gone ends with this process. */
  private async checkNames(): Promise<void> {
    for (const file of this.files.values()) {
      if ((await file.handle?.stat())?.nlink === 0) throw new Error(`${file.path} has been removed`);
    }
  }

  private async readPiece(path: string, offset: number, length: number): Promise<Buffer> {
    if (!existsSync(path)) return Buffer.alloc(0);
    const handle = await open(path, 'r');
    try {
      const bytes = Buffer.allocUnsafe(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    } finally {
      await handle.close();
    }
  }

  private async removeFile(kind: LogKind, file: number): Promise<void> {
    await this.close(this.file(kind, file));
    this.files.delete(this.name(kind, file));
    await rm(this.path(kind, file), { force: true });
  }

  private async close(file: OpenFile): Promise<void> {
    const { handle } = file;
    file.handle = undefined;
    file.failure = undefined;
    await handle?.close();
  }

  private file(kind: LogKind, file: number): OpenFile {
    const name = this.name(kind, file);
    let known = this.files.get(name);
    if (known === undefined) {
      known = {
        path: join(this.directory, name),
        handle: undefined,
        fresh: false,
        failure: undefined,
      };
      this.files.set(name, known);
    }
    return known;
  }

  private name(kind: LogKind, file: number): string {
    return kind === 'events' && file === 0 && this.firstIsPlain() ? this.plain : this.numbered(kind, file);
  }

  private get plain(): string {
    return `${this.application}-${this.worker}${suffixes.events}`;
  }

  private numbered(kind: LogKind, file: number): string {
    const digits = file.toString(16).toUpperCase().padStart(16, '0');
    return `${this.application}-${this.worker}-${digits}${suffixes[kind]}`;
  }

  /** As it was begun, in whichever life; else as this one has it. */
  private firstIsPlain(): boolean {
    const isThere = (name: string) => existsSync(join(this.directory, name));
    return (this.plainFirst ??=
      isThere(this.plain) || (!this.rotation && !isThere(this.numbered('events', 0))));
  }

  private numbers(kind: LogKind): number[] {
    const start = `${this.application}-${this.worker}-`;
    const first =
      kind === 'events' && this.firstIsPlain() && existsSync(join(this.directory, this.plain)) ? [0] : [];
    const others = readdirSync(this.directory).flatMap((name) => {
      if (!name.startsWith(start)) return [];
      const [, digits] = /^([0-9A-F]{16})(\.[a-z]+)$/.exec(name.slice(start.length)) ?? [];
      if (digits === undefined || !name.endsWith(suffixes[kind])) return [];
      return [Number.parseInt(digits, 16)];
    });
    return [...first, ...others].sort((one, other) => one - other);
  }

  private answer(operation: number, kind: LogKind, work: () => Promise<void>): void {
    this.run(kind, () =>
      work().then(
        () => this.events?.stored(operation),
        (error: Error) => this.events?.storeFailed(operation, error.message),
      ),
    );
  }

  /** One thing after the other. */
  private run(kind: LogKind, work: () => Promise<void>): void {
    this.gathering[kind] = undefined;
    this.queues[kind] = this.queues[kind].then(work).catch(() => undefined);
  }

  private async syncFolder(): Promise<void> {
    const folder = await open(this.directory, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/** A write may take a part only. */
async function writeAll(handle: FileHandle, buffers: readonly Buffer[]): Promise<void> {
  let left = buffers.slice();
  while (left.length > 0) {
    const some = left.slice(0, 512);
    const total = some.reduce((sum, { length }) => sum + length, 0);
    const { bytesWritten } = await handle.writev(some);
    if (bytesWritten === total) {
      left = left.slice(512);
      continue;
    }
    const rest = Buffer.concat(some).subarray(bytesWritten);
    left = [rest, ...left.slice(512)];
  }
}
