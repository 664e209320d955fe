import { ByteWriter } from '@wallaroo/protocol';
import { isNamed } from '../../api/errors.js';
import type { Engine } from '../engine/engine.js';
import type { Operations } from '../operations.js';
import type { PlantedBug } from '../planted.js';
import type { Clock, LineLog, LogFiles, LogKind } from '../ports.js';
import type { Inlet } from '../step/inlet.js';
import { JournalReplay, journalBytes } from './journal-replay.js';
import {
  beginRecord,
  logStart,
  recordHeaderBytes,
  recordKind,
  takeRecord,
  type DamagedLogError,
  type LogOwner,
  type LogPlace,
} from './log-records.js';
import { LogWriter } from './log-writer.js';

const recordBytes = 64 * 1024;
const fileBytesUsual = 16 * 1024 * 1024;
/** Sources wait while more than this waits for the disk, or to be processed. */
const heldBytesMax = 4 * 1024 * 1024;
const againNs = 1e9;

export interface JournalHost {
  readonly files: LogFiles;
  readonly operations: Operations;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: LineLog;
  readonly planted: ReadonlySet<PlantedBug>;
  /** A file has so many bytes, or it is the last one. */
  readonly journalFileBytes?: number | undefined;
  owner(): LogOwner;
  /** There is something to process. */
  wake(): void;
  /** The journal cannot be read. */
  damaged(kind: LogKind, file: number, error: DamagedLogError): void;
}

/** Messages of one record. */
interface Batch {
  readonly source: string;
  readonly messages: readonly unknown[];
  readonly record: Buffer;
  /** Where the record begins. */
  place: LogPlace;
}

/**
 * What sources have read, on disk before it is processed: a source that cannot be asked to send again loses nothing
 * that it has read. Each turn of the loop makes a record; while one sync runs, others gather for the next one.
 *
 * After a rollback, what the journal has from a place on is processed first, then what came meanwhile.
 */
export class Journal {
  private readonly writer: LogWriter;
  private readonly out = new ByteWriter(recordBytes + 16 * 1024);
  /** The source of the record that is being gathered, and its decoded messages. */
  private source = '';
  private messages: unknown[] = [];
  /** Written or to be written, and not known to be on disk. */
  private unsynced: Batch[] = [];
  /** On disk, to be processed. */
  private ready: Batch[] = [];
  /** Bytes of all these. */
  private size = 0;
  private syncing = false;
  private syncedTo: LogPlace | undefined;
  /** Behind what is on disk, where writing has failed. */
  private mendFrom: LogPlace = logStart;
  private replay: JournalReplay | undefined;
  /** A write has failed: nothing is written until then. */
  private retryAt: number | undefined;
  /** A planted bug: messages are processed before they are on disk. */
  private readonly processesAtOnce: boolean;
  private readonly fileBytes: number;
  /** Grows with every rollback: answers to what was asked before are void. */
  private generation = 0;

  constructor(private readonly host: JournalHost) {
    this.writer = new LogWriter(host.files, 'journal', () => host.owner());
    this.fileBytes = host.journalFileBytes ?? fileBytesUsual;
    this.processesAtOnce = host.planted.has('processed before journaled');
  }

  /** Nothing waits to be processed. */
  get empty(): boolean {
    return this.size === 0 && this.out.length === 0 && this.replay === undefined;
  }

  /** Bytes that wait to be processed. */
  get bytes(): number {
    return this.size + this.out.length;
  }

  /** Sources are to read nothing more for now. */
  get full(): boolean {
    return this.size > heldBytesMax || this.replay !== undefined;
  }

  /** Where what is not processed yet begins. */
  get position(): LogPlace {
    const first = this.ready[0] ?? (this.replay === undefined ? this.unsynced[0] : undefined);
    return first?.place ?? this.replay?.place ?? this.writer.place;
  }

  /**
   * Takes a message that a source has read.
   * @throws DecodeError when the decoder refuses it
   */
  receive(inlet: Inlet, bytes: Buffer, start: number, end: number): void {
    const message = inlet.decoded(bytes, start, end);
    if (message == null) return;
    const { out } = this;
    if (out.length > 0 && this.source !== inlet.name) this.finishRecord();
    if (out.length === 0) {
      beginRecord(out);
      out.u64(0n).text32(inlet.name);
      this.source = inlet.name;
      this.host.wake();
    }
    out.u32(end - start).bytes(bytes, start, end);
    this.messages.push(message);
    if (out.length >= recordBytes) this.finishRecord();
  }

  /** The turn is over: what was gathered goes to the disk. */
  endTurn(): void {
    this.finishRecord();
    this.sync();
  }

  /**
   * Processes a record that is on disk: what sources have read in one turn is processed in one turn, and counts in
   * windows before the next one is.
   * @returns true when there was one
   * @throws UserCodeError
   */
  process(mayProcess: () => boolean): boolean {
    const batch = mayProcess() ? this.ready.shift() : undefined;
    if (batch !== undefined) {
      const inlet = this.host.engine.inlets.get(batch.source);
      for (const message of batch.messages) inlet?.push(message);
      this.size -= batch.record.length;
    }
    if (this.retryAt === undefined && this.ready.length === 0) this.replay?.readOn();
    return batch !== undefined;
  }

  /** The checkpoint that was cut at this place is recorded: nothing before it is needed any more. */
  trim({ file }: LogPlace): void {
    this.host.files.removeBefore('journal', file);
  }

  /** Everything goes back: what the journal has from this place on is processed again. */
  restore(place: LogPlace): void {
    this.generation++;
    this.finishRecord();
    this.size = this.unsynced.reduce((sum, { record }) => sum + record.length, 0);
    this.ready = [];
    this.syncing = false;
    this.retryAt = undefined;
    this.replay?.cancel();
    const { files, operations } = this.host;
    this.replay = new JournalReplay(
      {
        files,
        operations,
        fileBytes: this.fileBytes,
        owner: () => this.host.owner(),
        record: (...record) => this.readRecord(...record),
        wake: () => this.host.wake(),
        ended: (end, torn) => this.endAt(end, torn),
        damaged: (file, error) => this.host.damaged('journal', file, error),
      },
      place,
      this.syncedTo,
    );
  }

  tick(now: number): void {
    if (this.retryAt === undefined || now < this.retryAt) return;
    this.writeFrom(this.mendFrom);
  }

  private finishRecord(): void {
    const { messages } = this;
    const record = takeRecord(this.out);
    if (record === undefined) return;
    this.messages = [];
    this.size += record.length;
    const batch: Batch = { source: this.source, messages, record, place: this.writer.place };
    this.unsynced.push(batch);
    if (this.retryAt === undefined && this.replay === undefined) this.write(batch);
    if (this.processesAtOnce) this.ready.push({ ...batch, record: nothing });
  }

  private write(batch: Batch): void {
    const { writer } = this;
    if (writer.place.offset >= this.fileBytes) writer.nextFile();
    batch.place = writer.place;
    const synced = journalBytes(this.syncedTo ?? logStart);
    batch.record.writeBigUInt64BE(BigInt(synced), recordHeaderBytes);
    writer.append(recordKind.input, batch.record);
  }

  private sync(): void {
    if (this.syncing || this.unsynced.length === 0) return;
    if (this.retryAt !== undefined || this.replay !== undefined) return;
    this.syncing = true;
    const { files, operations } = this.host;
    const count = this.unsynced.length;
    const end = this.writer.place;
    const touched = new Set(this.unsynced.map(({ place }) => place.file)).add(end.file);
    let left = touched.size;
    let failure: string | undefined;
    const answered = this.current((why?: string) => {
      failure ??= why;
      if (--left > 0) return;
      this.syncing = false;
      if (failure !== undefined) return this.failed(failure, this.syncedTo ?? logStart);
      this.syncedTo = end;
      const synced = this.unsynced.splice(0, count);
      if (this.processesAtOnce) this.size -= synced.reduce((sum, { record }) => sum + record.length, 0);
      else this.ready.push(...synced);
      this.host.wake();
    });
    for (const file of touched)
      files.sync(
        operations.begin(() => answered(), answered),
        'journal',
        file,
      );
  }

  private failed(why: string, mendFrom: LogPlace): void {
    const { log, clock } = this.host;
    log.write(
      'error',
      'Recovery',
      `The journal of the sources cannot be written: ${why}. Trying again; sources wait.`,
    );
    this.mendFrom = mendFrom;
    this.retryAt = clock.now() + againNs;
  }

  /** Writes what is not on disk behind what is; what may be there of it goes first. */
  private writeFrom(end: LogPlace): void {
    const { files, operations } = this.host;
    // Until it is done nothing is written.
    this.retryAt = Infinity;
    const done = this.current(() => {
      this.retryAt = undefined;
      this.replay = undefined;
      this.syncedTo = end;
      this.writer.continueAt(end);
      for (const batch of this.unsynced) this.write(batch);
      this.host.wake();
    });
    const failed = this.current((why: string) => this.failed(why, end));
    files.cutOff(operations.begin(done, failed), 'journal', end.file, end.offset);
  }

  private readRecord(behind: LogPlace, bytes: Buffer, start: number, end: number): void {
    const sourceStart = start + 8 + 4;
    const sourceEnd = sourceStart + bytes.readUInt32BE(start + 8);
    const source = bytes.toString('utf8', sourceStart, sourceEnd);
    const inlet = this.host.engine.inlets.get(source);
    const messages: unknown[] = [];
    for (let at = sourceEnd; at < end && inlet !== undefined;) {
      const length = bytes.readUInt32BE(at);
      at += 4 + length;
      try {
        // The decoder may keep the bytes.
        const message = inlet.decoded(Buffer.from(bytes.subarray(at - length, at)), 0, length);
        if (message != null) messages.push(message);
      } catch (error) {
        if (!isNamed(error, 'DecodeError')) throw error;
        this.host.log.write('error', 'Recovery', (error as Error).message);
      }
    }
    const record = Buffer.from(bytes.subarray(start - recordHeaderBytes, end));
    this.size += record.length;
    const place = { file: behind.file, offset: behind.offset - record.length, sum: 0 };
    this.ready.push({ source, messages, record, place });
  }

  private endAt(end: LogPlace, torn: number): void {
    if (torn > 0) {
      this.host.log.line(
        `The journal of the sources ends within a record: ${torn} bytes from ${end.offset} on are cut off.`,
      );
    }
    this.writeFrom(end);
  }

  /** For answers: they are void when everything has gone back since. */
  private current<T extends unknown[]>(act: (...answer: T) => void): (...answer: T) => void {
    const { generation } = this;
    return (...answer) => {
      if (generation === this.generation) act(...answer);
    };
  }
}

const nothing = Buffer.alloc(0);
