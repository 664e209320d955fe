import type { Engine } from '../engine/engine.js';
import { frameKind, makeFrame } from '../link/frame.js';
import type { Frame } from '../link/frame.js';
import type { Peer } from '../membership/peer.js';
import type { Operations } from '../operations.js';
import type { PlantedBug } from '../planted.js';
import type { Ends, LogFiles } from '../ports.js';
import type { StreamPosition } from '../streams/stream-position.js';
import type { KeptOutput } from './kept-output.js';
import type { Journal } from './journal.js';
import {
  logBatches,
  logCuts,
  logOutputs,
  logStart,
  makeRecord,
  recordKind,
  type LogOwner,
  type LogPart,
  type LogPlace,
} from './log-records.js';
import { LogWriter } from './log-writer.js';
import { StateLog } from './state-log.js';

/** A file is followed by another one when it is this much longer than its first checkpoint, and this long at least. */
const growth = 3;
const fileBytesMin = 16 * 1024 * 1024;

export interface CheckpointerHost {
  readonly engine: Engine;
  readonly files: LogFiles;
  readonly operations: Operations;
  readonly ends: Ends;
  readonly planted: ReadonlySet<PlantedBug>;
  /** Another file is begun when one has so many bytes; undefined: when it is long for what it holds. */
  readonly fileBytes: number | undefined;
  owner(): LogOwner;
  /** Output that is not lost with the worker, by sink. */
  readonly outputs: ReadonlyMap<string, KeptOutput>;
  /** The other members. */
  peers(): readonly Peer[];
  /** Nothing is under way at this worker, and nothing will be. */
  idle(): boolean;
  /** There is something to write. */
  wake(): void;
  /** This worker's part is on disk. */
  stored(checkpoint: number, part: LogPart, streams: readonly StreamPosition[]): void;
  failed(checkpoint: number, why: string): void;
}

/** A checkpoint that this worker has been cut for. */
interface Open {
  readonly checkpoint: number;
  /** Members whose links still bring what was sent before they were cut. */
  readonly awaited: Set<string>;
  written: boolean;
  syncing: boolean;
  /** Its part is on disk up to there. */
  end: LogPlace | undefined;
  readonly journal: LogPlace;
  readonly streams: readonly StreamPosition[];
  readonly idle: boolean;
}

/**
 * This worker's part in checkpoints, after Chandy and Lamport ("Distributed Snapshots", 1985), with the worker as the
 * process: it does one thing after the other, so between two messages its state is whole, and what is on its way is
 * on links.
 *
 * 1. Cut, in one turn, when the leader says so or the first barrier comes: positions of sources, state (copied when
 *    written, or when it is about to change), and a barrier on every link.
 * 2. What comes on a link until its barrier was on its way: it is recorded.
 * 3. When all is written and synced and the sinks are prepared, the leader is told.
 * 4. When all have told, a record of the control log makes it count: `commit`.
 *
 * A newer checkpoint takes the place of one that is still open; what that one has written counts for the newer one.
 */
export class Checkpointer {
  private readonly writer: LogWriter;
  private readonly states: StateLog;
  private open: Open | undefined;
  private last = 0;
  private committed = 0;
  /** Checkpoints that sinks prepare. */
  private readonly preparing = new Set<number>();
  /** Told to the leader, and not recorded yet. */
  private told: Open | undefined;
  /** Where the part ends that counts, or may come to count. */
  private kept: LogPlace = logStart;
  /** The next cut begins another file, with everything. */
  private wantsFile = true;
  /** Bytes of the current file after its first checkpoint. */
  private firstBytes = 0;
  private idleCommitted = false;
  private generation = 0;

  constructor(
    private readonly host: CheckpointerHost,
    private readonly journal: Journal,
  ) {
    this.writer = new LogWriter(host.files, 'events', () => host.owner());
    this.states = new StateLog(
      host.engine,
      (kind, record) => this.writer.append(kind, record),
      (why) => this.failState(why),
      host.planted.has('no copy on write'),
    );
  }

  /** The newest checkpoint that this worker has been cut for, or has been taken back to. */
  get newest(): number {
    return this.last;
  }

  /** The newest checkpoint that this worker knows to count. */
  get counted(): number {
    return this.committed;
  }

  /** A checkpoint counts that was cut when nothing was under way here any more. */
  get leftNothing(): boolean {
    return this.idleCommitted;
  }

  /** Another file begins with the next checkpoint, unless it does anyway, or this one holds nothing new. */
  rotate(): 'begun' | 'ongoing' | 'empty' {
    if (this.wantsFile) return 'ongoing';
    if (this.writer.place.offset === this.firstBytes) return 'empty';
    this.wantsFile = true;
    return 'begun';
  }

  /**
   * Cuts this worker, unless it has been already. To be called between two messages.
   * @param counted the newest checkpoint that counts: a barrier may come before the record that says so
   */
  begin(checkpoint: number, counted: number): void {
    const { host } = this;
    if (checkpoint <= this.last) return;
    this.last = checkpoint;
    host.engine.endTurn();
    const all = this.wantsFile;
    if (all && this.writer.place.offset > 0) {
      this.writer.nextFile();
      this.firstBytes = 0;
    }
    this.wantsFile = false;
    const open: Open = {
      checkpoint,
      awaited: new Set(host.peers().map(({ name }) => name)),
      written: false,
      syncing: false,
      end: undefined,
      journal: this.journal.position,
      streams: host.ends.streams(),
      idle: host.idle() && this.journal.empty,
    };
    this.open = open;
    this.writer.append(recordKind.cut, makeRecord(this.cutContent(open)));
    for (const [sink, output] of host.outputs) {
      const content = logOutputs.encode({ type: 'logOutput', sink, ...output.cut(checkpoint) });
      this.writer.append(recordKind.output, makeRecord(content));
    }
    this.states.cut(all);
    for (const { name, data } of host.peers()) {
      for (const frame of data.receiver.waitingFrames) {
        if (frame.kind === frameKind.batch) this.record(name, frame.bytes, 0, frame.bytes.length);
      }
      data.boundary.send(barrier(checkpoint, counted));
    }
    if (host.ends.transactional) {
      this.preparing.add(checkpoint);
      host.ends.prepare(checkpoint, counted);
    }
    host.wake();
  }

  /** A frame has come, and may have to wait; it is told in the order of its link. */
  arrived({ name }: Peer, { kind, bytes, start, end }: Frame): void {
    if (kind === frameKind.checkpoint) {
      const checkpoint = Number(bytes.readBigUInt64BE(start));
      this.begin(checkpoint, Number(bytes.readBigUInt64BE(start + 8)));
      if (this.open?.checkpoint !== checkpoint) return;
      this.open.awaited.delete(name);
      this.syncIfComplete();
    } else if (kind === frameKind.batch && this.open?.awaited.has(name)) {
      this.record(name, bytes, start, end);
    }
  }

  /** Writes some of what is to be written. */
  writeSome(): void {
    const { open } = this;
    if (open === undefined || open.written) return;
    open.written = this.states.writeSome();
    if (open.written) this.syncIfComplete();
    else this.host.wake();
  }

  prepared(checkpoint: number): void {
    this.preparing.delete(checkpoint);
    this.tellIfDone();
  }

  prepareFailed(checkpoint: number, why: string): void {
    // What it was given belongs to the next checkpoint then; one that is open may have counted on it.
    if (this.preparing.delete(checkpoint)) this.fail(`a sink could not prepare: ${why}`);
  }

  /** The checkpoint counts. */
  commit(checkpoint: number): void {
    const { host, told } = this;
    this.committed = checkpoint;
    if (told?.checkpoint !== checkpoint || told.end === undefined) return;
    this.told = undefined;
    host.files.removeBefore('events', told.end.file);
    this.journal.trim(told.journal);
    if (told.idle) this.idleCommitted = true;
    const limit = host.fileBytes ?? Math.max(fileBytesMin, growth * this.firstBytes);
    if (this.writer.place.offset > limit) this.wantsFile = true;
  }

  /** Everything has gone back to a checkpoint; its part in the log ends there. */
  restored(checkpoint: number, end: LogPlace): void {
    this.last = Math.max(this.last, checkpoint);
    this.committed = checkpoint;
    this.writer.continueAt(end);
    this.kept = end;
    this.wantsFile = end.offset === 0;
    this.firstBytes = end.offset;
  }

  /** Nothing is written any more. */
  stop(): void {
    this.generation++;
    this.open = undefined;
    this.last = Infinity;
  }

  /** Everything goes back: what is under way is void, and all state is forgotten. */
  forget(): void {
    this.generation++;
    this.open = undefined;
    this.told = undefined;
    this.preparing.clear();
    this.states.clear();
    this.idleCommitted = false;
  }

  /** Takes over the entries of a record of the log. @throws DamagedLogError */
  restore(bytes: Buffer, start: number, end: number, wanted: (key: string) => boolean): number {
    return this.states.restore(bytes, start, end, wanted);
  }

  private cutContent({ checkpoint, journal }: Open): Buffer {
    const positions = [...this.host.ends.positions(checkpoint)].map(([source, position]) => ({
      source,
      position,
    }));
    return logCuts.encode({ type: 'logCut', checkpoint, positions, journal });
  }

  private record(from: string, bytes: Buffer, start: number, end: number): void {
    if (this.host.planted.has('in flight is not recorded')) return;
    const content = logBatches.encode({ type: 'logBatch', from, batch: bytes.subarray(start, end) });
    this.writer.append(recordKind.inFlight, makeRecord(content));
  }

  private syncIfComplete(): void {
    const { open, host } = this;
    if (open === undefined || open.syncing || !open.written || open.awaited.size > 0) return;
    open.syncing = true;
    const { place } = this.writer;
    const { generation } = this;
    const done = () => {
      if (generation !== this.generation) return;
      open.end = place;
      if (this.firstBytes === 0) this.firstBytes = place.offset;
      this.tellIfDone();
    };
    const failed = (why: string) => {
      if (generation === this.generation) this.failFile(place.file, why);
    };
    const operation = host.operations.begin(done, failed);
    host.files.sync(operation, 'events', place.file);
    if (host.planted.has('told before synced')) done();
  }

  private tellIfDone(): void {
    const { open, host } = this;
    if (open?.end === undefined) return;
    const chained = !host.planted.has('prepares are not chained');
    if (chained ? this.preparing.size > 0 : this.preparing.has(open.checkpoint)) return;
    this.open = undefined;
    this.told = open;
    this.kept = open.end;
    if (host.planted.has('commit before record')) host.ends.commit(open.checkpoint);
    if (host.planted.has('journal trimmed early')) this.journal.trim(open.journal);
    host.stored(open.checkpoint, { ...open.end, journal: open.journal.file }, open.streams);
  }

  /** A state was passed over: until a cut has asked for everything again, no checkpoint is whole. */
  private failState(why: string): void {
    this.wantsFile = true;
    this.fail(why);
  }

  /**
   * What is in a file that could not be synced is not to be trusted: the next cut begins another one. What was
   * written in vain goes at once: a full disk needs the room.
   */
  private failFile(failed: number, why: string): void {
    const { host, kept, writer } = this;
    // Also when a newer checkpoint is open by now, and goes on in that file.
    if (writer.place.file !== failed) return;
    this.wantsFile = true;
    const whatever = () => undefined;
    host.files.cutOff(host.operations.begin(whatever, whatever), 'events', kept.file, kept.offset);
    writer.continueAt(kept);
    this.fail(why);
  }

  private fail(why: string): void {
    const { open } = this;
    this.open = undefined;
    if (open !== undefined) this.host.failed(open.checkpoint, why);
  }
}

function barrier(checkpoint: number, counted: number): Buffer {
  const payload = Buffer.allocUnsafe(16);
  payload.writeBigUInt64BE(BigInt(checkpoint));
  payload.writeBigUInt64BE(BigInt(counted), 8);
  return makeFrame(frameKind.checkpoint, payload);
}
