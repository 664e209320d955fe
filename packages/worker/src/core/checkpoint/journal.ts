import { ByteWriter } from '@wallaroo/protocol';
import { DecodeError, isNamed } from '../../api/errors.js';
import type { SourceClient } from '../../api/source.js';
import type { Engine } from '../engine/engine.js';
import type { Operations } from '../operations.js';
import type { PlantedBug } from '../planted.js';
import type { Clock, LineLog, LogFiles, LogKind } from '../ports.js';
import { JournalReplay, journalBytes } from './journal-replay.js';
import {
  beginRecord,
  logStart,
  recordHeaderBytes,
  recordKind,
  type DamagedLogError,
  type LogOwner,
  type LogPlace,
} from './log-records.js';
import { LogWriter } from './log-writer.js';
import { RecordBuffers } from './record-buffers.js';

const recordBytes = 64 * 1024;
/** With room for the message that passes the limit. */
const bufferBytes = recordBytes + 16 * 1024;
const fileBytesUsual = 16 * 1024 * 1024;
/** Sources wait while more than this waits for the disk, or to be processed. */
const heldBytesMax = 4 * 1024 * 1024;
const againNs = 1e9;
/** Clients of one life of a worker before their numbers begin anew. */
const clientsMax = 2 ** 21;
const refusedMax = 1024;
const nothing: Buffer = Buffer.alloc(0);

export interface JournalHost {
  /** Tells this life of the worker from others. */
  readonly life: number;
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
  readonly record: Buffer;
  /** Whom they came from, run by run; not known of those that were read from disk. */
  readonly clients: readonly (SourceClient | undefined)[];
  /** Where the record begins. */
  place: LogPlace;
}

/**
 * What sources have read, on disk before it is processed: a source that cannot be asked to send again loses nothing
 * that it has read. Each turn of the loop makes a record; while one sync runs, others gather for the next one.
 *
 * Messages stay bytes until they are on disk and their turn has come: only then are they decoded. Where they stand
 * with their lengths in what was read, as in the commonest framing, they are copied many at a time.
 *
 * After a rollback, what the journal has from a place on is processed first, then what came meanwhile.
 */
export class Journal {
  private readonly writer: LogWriter;
  private readonly out = new ByteWriter(bufferBytes);
  private readonly buffers = new RecordBuffers(bufferBytes, heldBytesMax / recordBytes);
  /** The source of the record that is being gathered, and whom its messages came from, the last of them once more. */
  private source = '';
  private clients: (SourceClient | undefined)[] = [];
  private client: SourceClient | undefined;
  /** Where the length of the run that is being gathered is to stand. */
  private runAt = 0;
  /** What belongs to that run and is not copied yet: from `from` to `to`. */
  private read: Buffer = nothing;
  private from = 0;
  private to = 0;
  private readonly numbers = new WeakMap<SourceClient, number>();
  private lastNumber: number;
  /** Clients whose messages are not to be processed; so many at most as may have something waiting. */
  private readonly refused = new Set<number>();
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
  /** What a former life has written cannot be brought to the disk: nothing is read until then. */
  private readAgainAt: number | undefined;
  /** A planted bug: messages are processed before they are on disk. */
  private readonly processesAtOnce: boolean;
  private readonly fileBytes: number;
  /** Grows with every rollback: answers to what was asked before are void. */
  private generation = 0;

  constructor(private readonly host: JournalHost) {
    this.writer = new LogWriter(host.files, 'journal', () => host.owner());
    this.fileBytes = host.journalFileBytes ?? fileBytesUsual;
    this.processesAtOnce = host.planted.has('processed before journaled');
    this.lastNumber = host.life * clientsMax;
  }

  /** Nothing waits to be processed. */
  get empty(): boolean {
    return this.size === 0 && this.out.length === 0 && this.replay === undefined;
  }

  /** Bytes that wait to be processed. */
  get bytes(): number {
    return this.size + this.out.length + this.to - this.from;
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
   * Takes a message that a source has read. The bytes may be looked at until the turn of the loop ends.
   * @param client whoever sent it, if what follows a message that cannot be decoded is not to be processed
   */
  receive(source: string, bytes: Buffer, start: number, end: number, client?: SourceClient): void {
    const framed = start >= 4 && u32At(bytes, start - 4) === end - start;
    const asBefore = source === this.source && client === this.client;
    if (start - 4 === this.to && bytes === this.read && framed && asBefore) {
      this.to = end;
    } else {
      this.copyRead();
      if (!(asBefore && this.out.length > 0) && !this.beginRun(source, client)) return;
      if (framed) {
        this.read = bytes;
        this.from = start - 4;
        this.to = end;
      } else this.out.u32(end - start).bytes(bytes, start, end);
    }
    if (this.out.length + this.to - this.from >= recordBytes) this.finishRecord();
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
      this.size -= batch.record.length;
      this.processRecord(batch);
      if (!this.processesAtOnce) this.buffers.giveBack(batch.record);
    }
    if (this.retryAt === undefined && this.readAgainAt === undefined && this.ready.length === 0)
      this.replay?.readOn();
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
    this.readAgainAt = undefined;
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
        unsynced: (why) => {
          this.complain(why);
          this.readAgainAt = this.host.clock.now() + againNs;
        },
        ended: (end, torn) => this.endAt(end, torn),
        damaged: (file, error) => this.host.damaged('journal', file, error),
      },
      place,
      this.syncedTo,
    );
  }

  tick(now: number): void {
    if (this.readAgainAt !== undefined && now >= this.readAgainAt) {
      this.readAgainAt = undefined;
      this.host.wake();
    }
    if (this.retryAt === undefined || now < this.retryAt) return;
    this.writeFrom(this.mendFrom);
  }

  /** What follows is of this source and client. @returns false when nothing of the client is wanted any more */
  private beginRun(source: string, client: SourceClient | undefined): boolean {
    const { out } = this;
    const number = client === undefined ? 0 : this.numberOf(client);
    if (client !== undefined && this.refused.has(number)) {
      client.refuse(new DecodeError('A message before this one could not be decoded'));
      return false;
    }
    if (out.length > 0 && this.source === source) this.endRun();
    else {
      this.finishRecord();
      beginRecord(out);
      out.u64(0n).text32(source);
      this.source = source;
      this.host.wake();
    }
    this.clients.push(client);
    this.client = client;
    this.runAt = out.u53(number).length;
    out.u32(0);
    return true;
  }

  private numberOf(client: SourceClient): number {
    let number = this.numbers.get(client);
    if (number === undefined) this.numbers.set(client, (number = ++this.lastNumber));
    return number;
  }

  private copyRead(): void {
    if (this.to > this.from) this.out.bytes(this.read, this.from, this.to);
    this.read = nothing;
    this.from = this.to = 0;
  }

  private endRun(): void {
    this.copyRead();
    this.out.patchU32(this.runAt, this.out.length - this.runAt - 4);
  }

  private finishRecord(): void {
    if (this.out.length === 0) return;
    this.endRun();
    const record = this.buffers.take(this.out)!;
    const { clients } = this;
    this.clients = [];
    this.size += record.length;
    const batch: Batch = { record, clients, place: this.writer.place };
    this.unsynced.push(batch);
    if (this.retryAt === undefined && this.replay === undefined) this.write(batch);
    if (this.processesAtOnce) this.ready.push(batch);
  }

  private processRecord({ record, clients }: Batch): void {
    let at = recordHeaderBytes + 8;
    const sourceEnd = at + 4 + record.readUInt32BE(at);
    const source = record.toString('utf8', at + 4, sourceEnd);
    const inlet = this.host.engine.inlets.get(source);
    if (inlet === undefined) return;
    at = sourceEnd;
    for (let run = 0; at < record.length; run++) {
      const number = record.readUInt32BE(at) * 0x1_0000_0000 + record.readUInt32BE(at + 4);
      const end = at + 12 + record.readUInt32BE(at + 8);
      at += 12;
      if (this.refused.has(number)) at = end;
      while (at < end) {
        const start = at + 4;
        at = start + u32At(record, at);
        try {
          inlet.receive(record, start, at);
        } catch (error) {
          if (!isNamed(error, 'DecodeError')) throw error;
          if (this.refuse(number, clients[run], error as Error)) at = end;
        }
      }
    }
  }

  /** @returns true when nothing more of the client is to be processed; where there is none, messages have no order */
  private refuse(number: number, client: SourceClient | undefined, error: Error): boolean {
    if (client !== undefined) client.refuse(error);
    else this.host.log.write('error', 'Recovery', error.message);
    if (number === 0) return false;
    this.refused.add(number);
    if (this.refused.size > refusedMax) this.refused.delete(this.refused.values().next().value!);
    return true;
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
      if (!this.processesAtOnce) this.ready.push(...synced);
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
    this.complain(why);
    this.mendFrom = mendFrom;
    this.retryAt = this.host.clock.now() + againNs;
  }

  private complain(why: string): void {
    const text = `The journal of the sources cannot be written: ${why}. Trying again; sources wait.`;
    this.host.log.write('error', 'Recovery', text);
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
    const record = Buffer.from(bytes.subarray(start - recordHeaderBytes, end));
    this.size += record.length;
    const place = { file: behind.file, offset: behind.offset - record.length, sum: 0 };
    this.ready.push({ record, clients: [], place });
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

/** As `readUInt32BE`, whose checks cost as much as all else that is done for a short message. */
function u32At(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
