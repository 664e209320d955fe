import { PeerFaultError, StreamFilesError } from '../errors.js';
import type { Disk, DiskFile } from './disk.js';
import {
  decodeState,
  encodeState,
  initialState,
  pathsOf,
  withCommitted,
  withoutPrepared,
  withPrepared,
  type StreamState,
} from './stream-files.js';

/** A sink's answer to phase 1. */
export type Vote = { readonly commit: true } | { readonly commit: false; readonly why: string };

export interface Range {
  readonly start: number;
  readonly end: number;
}

const copyBytes = 1024 * 1024;

/**
 * The files of one stream, and two-phase commit over them. What holds after every crash:
 *
 *  - the output holds committed bytes only, each at its position in the stream
 *  - a transaction that was voted for is there until it is decided: its bytes were synced before the state that
 *    names it, and that before the vote
 *  - a decision is in the state before the first byte of it is in the output; what is missing then is copied at
 *    the next {@link open}, and copying twice does no harm
 *  - a staging file is emptied only when its bytes are synced in the output
 *
 * Not for concurrent use: one connection owns it, and does one thing after the other. When a method throws
 * because of the disk the store must not be used again; opening it anew recovers.
 */
export class StreamStore {
  /** Bytes of the stream that are there, decided or not. */
  private received: number;
  /** Why nothing can be promised until the worker begins again at what was committed. */
  private gap: string | undefined;

  private constructor(
    private readonly disk: Disk,
    private readonly statePath: string,
    private readonly output: DiskFile,
    private readonly staging: readonly [DiskFile, DiskFile],
    private state: StreamState,
  ) {
    this.received = state.prepared?.end ?? state.committed;
  }

  /** Opens or makes the files, and mends what a crash left. Undecided bytes that were not promised are dropped.
   *  @throws StreamFilesError, errors of the disk */
  static async open(disk: Disk, directory: string, stream: string): Promise<StreamStore> {
    const paths = pathsOf(directory, stream);
    const bytes = await disk.read(paths.state);
    const state = bytes === undefined ? initialState(stream) : decodeState(bytes, stream);
    const files: DiskFile[] = [];
    try {
      for (const path of [paths.output, ...paths.staging]) files.push(await disk.open(path));
      const [output, first, second] = files as [DiskFile, DiskFile, DiskFile];
      const store = new StreamStore(disk, paths.state, output, [first, second], state);
      await store.recover();
      return store;
    } catch (error) {
      for (const file of files) await file.close();
      throw error;
    }
  }

  /** The position up to which the worker need not send anything again. */
  get position(): number {
    return this.received;
  }

  /** Transactions that were voted for and are not decided: one at most. */
  get undecided(): readonly string[] {
    return this.state.prepared ? [this.state.prepared.transaction] : [];
  }

  /** Takes the bytes that begin at `position` of the stream. @throws PeerFaultError between phase 1 and phase 2 */
  async write(position: number, bytes: Buffer): Promise<void> {
    const { prepared, committed, staging } = this.state;
    if (prepared) throw new PeerFaultError(`output came while ${prepared.transaction} is undecided`);
    if (position !== this.received) {
      this.gap ??= `output came for byte ${position}, the next one is ${this.received}`;
    }
    if (this.gap !== undefined) return;
    await this.staging[staging].write(position - committed, bytes);
    this.received += bytes.length;
  }

  /** Phase 1. A vote to commit is a promise: it outlives the process and the power. */
  async prepare(transaction: string, { start, end }: Range): Promise<Vote> {
    const { prepared, committed, committedTransactions, staging } = this.state;
    if (prepared) {
      if (prepared.transaction === transaction && prepared.end === end) return { commit: true };
      return { commit: false, why: `${prepared.transaction} is undecided` };
    }
    if (committedTransactions.includes(transaction)) {
      return end === committed
        ? { commit: true }
        : { commit: false, why: `${transaction} is committed already` };
    }
    if (this.gap !== undefined) return { commit: false, why: this.gap };
    if (start > committed || end !== this.received) {
      return {
        commit: false,
        why: `asked for ${start} to ${end}, there is ${committed} to ${this.received}`,
      };
    }
    if (end > committed) await this.staging[staging].sync();
    await this.save(withPrepared(this.state, transaction, end));
    return { commit: true };
  }

  /**
   * Phase 2. The range that is now part of the output; undefined when this had been decided before, or when
   * there was nothing to abort.
   * @throws PeerFaultError when an unknown transaction is to be committed
   */
  async commit(transaction: string): Promise<Range | undefined> {
    const { prepared, committed, committedTransactions } = this.state;
    if (prepared?.transaction !== transaction) {
      if (committedTransactions.includes(transaction)) return undefined;
      throw new PeerFaultError(`${transaction} was never prepared`);
    }
    await this.save(withCommitted(this.state));
    await this.copyCommitted();
    return { start: committed, end: prepared.end };
  }

  /** Phase 2. True when the transaction was undecided; its bytes are gone then, and the worker sends others. */
  async abort(transaction: string): Promise<boolean> {
    if (this.state.prepared?.transaction !== transaction) return false;
    await this.save(withoutPrepared(this.state));
    await this.staging[this.state.staging].truncate(0);
    this.received = this.state.committed;
    return true;
  }

  async close(): Promise<void> {
    for (const file of [this.output, ...this.staging]) await file.close();
  }

  private async recover(): Promise<void> {
    const { stream, committed, redoFrom, staging } = this.state;
    if (redoFrom !== undefined) await this.copyCommitted();
    const size = await this.output.size();
    if (size !== committed) {
      throw new StreamFilesError(
        `the output of '${stream}' has ${size} bytes, of which ${committed} are known`,
      );
    }
    const staged = await this.staging[staging].size();
    const promised = this.received - committed;
    if (staged < promised) {
      throw new StreamFilesError(`'${stream}' has lost ${promised - staged} bytes that were promised`);
    }
    await this.staging[staging].truncate(promised);
  }

  private async copyCommitted(): Promise<void> {
    const { committed, redoFrom = committed, staging } = this.state;
    const from = this.staging[staging === 0 ? 1 : 0];
    const length = committed - redoFrom;
    // Emptied already: an earlier life has copied all of it.
    if ((await from.size()) < length) return;
    for (let done = 0; done < length;) {
      const bytes = await from.read(done, Math.min(copyBytes, length - done));
      if (bytes.length === 0) throw new StreamFilesError('a staging file became shorter while it was read');
      await this.output.write(redoFrom + done, bytes);
      done += bytes.length;
    }
    if (length > 0) await this.output.sync();
    await from.truncate(0);
  }

  private async save(state: StreamState): Promise<void> {
    await this.disk.replace(this.statePath, encodeState(state));
    this.state = state;
  }
}
