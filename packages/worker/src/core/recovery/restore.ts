import type { SavedOutput } from '../checkpoint/kept-output.js';
import {
  checkHead,
  DamagedLogError,
  LogDiskError,
  headIn,
  logBatches,
  logCuts,
  logHeadBytesMax,
  logHeads,
  logOutputs,
  logStart,
  recordKind,
  type LogCut,
  type LogOwner,
  type LogPlace,
} from '../checkpoint/log-records.js';
import { frameKind } from '../link/frame.js';
import type { HeldFrame } from '../link/receiver.js';
import type { Operations } from '../operations.js';
import type { PlantedBug } from '../planted.js';
import type { LogFiles } from '../ports.js';
import { LogReading } from './log-reading.js';

export interface RestoreHost {
  readonly files: LogFiles;
  readonly operations: Operations;
  owner(): LogOwner;
  readonly planted: ReadonlySet<PlantedBug>;
  /** Takes over the entries of a record, where this worker is to have them; says how many there were. */
  states(bytes: Buffer, start: number, end: number): number;
  /** All that follows has changed since. */
  baseRestored(): void;
  done(restored: Restored): void;
  damaged(file: number, error: DamagedLogError): void;
}

/** What a worker had when a checkpoint was cut, but for its state. */
export interface Restored {
  /** What the file that the checkpoint ends in goes on from. */
  readonly base: LogPlace;
  readonly positions: LogCut['positions'];
  readonly journal: LogPlace;
  /** What was on its way from each member. */
  readonly inFlight: ReadonlyMap<string, readonly HeldFrame[]>;
  readonly outputs: ReadonlyMap<string, SavedOutput>;
  readonly entries: number;
}

/**
 * Reads a worker's part of a checkpoint from its event log, up to the place that the control log names: first the file
 * that the one with that place goes on from, of which only the state counts, if there is such a file.
 */
export class Restore {
  private base = logStart;
  private reading: LogReading | undefined;
  private cut: LogCut | undefined;
  private readonly inFlight = new Map<string, HeldFrame[]>();
  private readonly outputs = new Map<string, SavedOutput>();
  private entries = 0;
  private cancelled = false;

  constructor(
    private readonly host: RestoreHost,
    private readonly checkpoint: number,
    private readonly end: LogPlace,
  ) {
    this.readHead();
  }

  /** Nothing more comes of it. */
  cancel(): void {
    this.cancelled = true;
    this.reading?.cancel();
  }

  private readHead(): void {
    const { host, end } = this;
    const failed = (why: string) => this.damaged(end.file, new LogDiskError(0, why));
    const read = (bytes: Buffer) => {
      if (this.cancelled) return;
      this.base = headIn(bytes, end.file)?.base ?? logStart;
      if (this.base.offset > 0) this.readBase();
      else this.readEnd();
    };
    const operation = host.operations.begin(() => undefined, failed, read);
    host.files.read(operation, 'events', end.file, 0, Math.min(end.offset, logHeadBytesMax));
  }

  private readBase(): void {
    const { base, end } = this;
    const done = () => {
      this.host.baseRestored();
      this.readEnd();
    };
    const record = (kind: number, bytes: Buffer, start: number, to: number) => {
      if (kind === recordKind.head) this.checkHead(bytes, start, to, base.file);
      else if (kind === recordKind.states) this.entries += this.host.states(bytes, start, to);
    };
    this.read(base, `the log is not the one that the file ${end.file} goes on from`, record, done);
  }

  private readEnd(): void {
    const otherwise = `the log is not the one of checkpoint ${this.checkpoint}`;
    const done = () => {
      if (this.cut?.checkpoint !== this.checkpoint) throw new DamagedLogError(this.end.offset, otherwise);
      this.finish(this.cut);
    };
    this.read(this.end, otherwise, (...record) => this.take(...record), done);
  }

  private read(
    end: LogPlace,
    otherwise: string,
    record: (kind: number, bytes: Buffer, start: number, to: number) => void,
    done: () => void,
  ): void {
    const { files, operations } = this.host;
    const damaged = (file: number, error: DamagedLogError) => this.damaged(file, error);
    this.reading = new LogReading({ files, operations, record, done, damaged }, end, otherwise);
  }

  private finish({ positions, journal }: LogCut): void {
    const { files, operations, planted } = this.host;
    const { base, inFlight, outputs, entries, end } = this;
    const done = () => {
      if (!this.cancelled) this.host.done({ base, positions, journal, inFlight, outputs, entries });
    };
    const failed = (why: string) => this.damaged(end.file, new LogDiskError(end.offset, why));
    if (planted.has('the end of the log is not cut off')) return done();
    // What stands behind it never counted.
    files.cutOff(operations.begin(done, failed), 'events', end.file, end.offset);
  }

  private damaged(file: number, error: DamagedLogError): void {
    if (this.cancelled) return;
    this.cancel();
    this.host.damaged(file, error);
  }

  private checkHead(bytes: Buffer, start: number, end: number, file: number): void {
    checkHead(logHeads.decode(bytes, start, end), file, this.host.owner());
  }

  private take(kind: number, bytes: Buffer, start: number, end: number): void {
    switch (kind) {
      case recordKind.head:
        return this.checkHead(bytes, start, end, this.end.file);
      case recordKind.cut:
        this.cut = logCuts.decode(bytes, start, end);
        this.inFlight.clear();
        this.outputs.clear();
        return;
      case recordKind.states:
        this.entries += this.host.states(bytes, start, end);
        return;
      case recordKind.inFlight: {
        const { from, batch } = logBatches.decode(bytes, start, end);
        const frame = { kind: frameKind.batch, route: 0, bytes: batch };
        const known = this.inFlight.get(from);
        if (known === undefined) this.inFlight.set(from, [frame]);
        else known.push(frame);
        return;
      }
      case recordKind.output: {
        const { sink, ...output } = logOutputs.decode(bytes, start, end);
        this.outputs.set(sink, output);
        return;
      }
      default:
        throw new DamagedLogError(this.reading!.place.offset, `a record of kind ${kind}`);
    }
  }
}
