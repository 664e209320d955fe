import type { Engine } from '../engine/engine.js';
import { frameKind, makeFrame } from '../link/frame.js';
import type { Frame } from '../link/frame.js';
import type { Peer } from '../membership/peer.js';
import type { Operations } from '../operations.js';
import type { PlantedBug } from '../planted.js';
import type { Ends, LogFiles } from '../ports.js';
import type { WideScope } from '../step/state-store.js';
import type { StreamPosition } from '../streams/stream-position.js';
import type { KeptOutput } from './kept-output.js';
import type { Journal } from './journal.js';
import {
  logBatches,
  logCuts,
  logOutputs,
  logStart,
  makeRecord,
  recordBytesMax,
  recordKind,
  type LogOwner,
  type LogPart,
  type LogPlace,
} from './log-records.js';
import { LogWriter } from './log-writer.js';
import { StateLog } from './state-log.js';

/** A file is not followed by another one before it is as long. */
const fileBytesMin = 16 * 1024 * 1024;
/** What has changed since the base is gathered in another file when it takes less than one part in so many of this one. */
const churn = 10;
/** But this file does not become longer than so many bases: all of it is read when a worker comes back. */
const basesMax = 2;
/** When so many of all entries have changed since the base, everything is written again. */
const changedShareMax = 0.5;

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
  /** The file that its own goes on from, if that is another one. */
  readonly base: number | undefined;
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
  /** The next cut begins another file, with so much. */
  private wantsFile: WideScope | undefined = 'everything';
  /** Bytes of the current file after its first checkpoint. */
  private firstBytes = 0;
  /** Up to where the newest cut of everything is on disk. */
  private base: LogPlace | undefined;
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
    if (this.wantsFile !== undefined) return 'ongoing';
    if (this.writer.place.offset === this.firstBytes) return 'empty';
    this.wantsFile = 'everything';
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
    const scope = this.wantsFile ?? 'changes';
    if (this.wantsFile !== undefined) this.beginFile(this.wantsFile);
    const open: Open = {
      checkpoint,
      awaited: new Set(host.peers().map(({ name }) => name)),
      written: false,
      syncing: false,
      end: undefined,
      journal: this.journal.position,
      base: this.base?.file,
      streams: host.ends.streams(),
      idle: host.idle() && this.journal.empty,
    };
    this.open = open;
    this.writer.append(recordKind.cut, makeRecord(this.cutContent(open)));
    let tooLong: string | undefined;
    for (const [sink, output] of host.outputs) {
      const content = logOutputs.encode({ type: 'logOutput', sink, ...output.cut(checkpoint) });
      if (content.length < recordBytesMax / 2) this.writer.append(recordKind.output, makeRecord(content));
      else
        tooLong ??= `${content.length} bytes of output wait for the sink ${sink}: more than a checkpoint takes`;
    }
    const forgets = scope === 'since base' && host.planted.has('changes since the base are left out');
    this.states.cut(forgets ? 'changes' : scope);
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
    if (tooLong !== undefined) this.fail(tooLong);
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
    host.files.removeBefore('events', told.end.file, told.base);
    this.journal.trim(told.journal);
    if (told.idle) this.idleCommitted = true;
    this.wantsFile ??= this.fileToBegin();
  }

  /** What was restored so far is the base that the rest goes on from. */
  baseRestored(): void {
    this.states.baseRestored();
  }

  /**
   * Everything has gone back to a checkpoint; its part in the log ends there.
   * @param base what the file that it ends in goes on from
   */
  restored(checkpoint: number, end: LogPlace, base: LogPlace): void {
    this.last = Math.max(this.last, checkpoint);
    this.committed = checkpoint;
    this.writer.continueAt(end);
    this.kept = end;
    this.firstBytes = end.offset;
    // A file that goes on from nothing is a base itself, with all that it has.
    this.base = base.offset > 0 ? base : end.offset > 0 ? end : undefined;
    this.wantsFile = this.base === undefined ? 'everything' : undefined;
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
      // A newer checkpoint may have begun another file meanwhile.
      if (place.file === this.writer.place.file) {
        if (this.firstBytes === 0) this.firstBytes = place.offset;
        this.base ??= place;
      }
      this.tellIfDone();
    };
    const failed = (why: string) => {
      if (generation === this.generation) this.failFile(place.file, why);
    };
    const operation = host.operations.begin(done, failed);
    host.files.sync(operation, 'events', place.file, open.base);
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
    const streams = host.planted.has('positions of streams are late') ? host.ends.streams() : open.streams;
    host.stored(open.checkpoint, { ...open.end, journal: open.journal.file }, streams);
  }

  /** A state was passed over: until a cut has asked for everything again, no checkpoint is whole. */
  private failState(why: string): void {
    this.wantsFile = 'everything';
    this.fail(why);
  }

  private beginFile(scope: WideScope): void {
    if (this.writer.place.offset > 0) this.writer.nextFile(scope === 'since base' ? this.base : undefined);
    if (scope === 'everything') this.base = undefined;
    this.firstBytes = 0;
    this.wantsFile = undefined;
  }

  /** With what another file is to begin, if this one is long for what it holds. */
  private fileToBegin(): WideScope | undefined {
    const { base, writer } = this;
    if (base === undefined) return undefined;
    const { changedShare } = this.states;
    const changedBytes = changedShare * base.offset;
    // A base is left alone soon: as long as little has changed since, that costs next to nothing.
    const wanted =
      writer.place.file === base.file ? 0 : Math.min(basesMax * base.offset, churn * changedBytes);
    const limit = this.host.fileBytes ?? Math.max(fileBytesMin, wanted);
    if (writer.place.offset <= limit) return undefined;
    return changedShare > changedShareMax ? 'everything' : 'since base';
  }

  /**
   * What is in a file that could not be synced is not to be trusted: the next cut begins another one. What was
   * written in vain goes at once: a full disk needs the room.
   */
  private failFile(failed: number, why: string): void {
    const { host, kept, writer } = this;
    // Also when a newer checkpoint is open by now, and goes on in that file.
    if (writer.place.file !== failed) return;
    if (host.planted.has('a failed file is gone on with')) return this.fail(why);
    this.wantsFile = 'everything';
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
