import { expect } from 'chai';
import {
  logBatches,
  logCuts,
  logOutputs,
  logStart,
  makeRecord,
  recordKind,
  type DamagedLogError,
  type LogOwner,
  type LogPlace,
  type RecordKind,
} from '../../../src/core/checkpoint/log-records.js';
import { LogWriter } from '../../../src/core/checkpoint/log-writer.js';
import { unusableFile } from '../../../src/core/membership/errors.js';
import { Operations } from '../../../src/core/operations.js';
import { Restore, type Restored } from '../../../src/core/recovery/restore.js';
import { MemoryLog } from '../support/memory-log.js';

const owner: LogOwner = { cluster: 'c', application: 'a', worker: 'w' };
const journal: LogPlace = { file: 3, offset: 4, sum: 0 };

/** An event log, written as a worker does, and read back. */
class Bench {
  readonly operations = new Operations();
  readonly disk = new MemoryLog(this.operations);
  readonly writer = new LogWriter(this.disk, 'events', () => this.writtenBy);
  writtenBy = owner;
  restored: Restored | undefined;
  readonly states: string[] = [];
  readonly damages: string[] = [];
  damage: DamagedLogError | undefined;

  record(kind: RecordKind, content: Buffer): void {
    this.writer.append(kind, makeRecord(content));
  }

  cut(checkpoint: number, position = ''): void {
    const positions = [{ source: 's', position: Buffer.from(position) }];
    this.record(recordKind.cut, logCuts.encode({ type: 'logCut', checkpoint, positions, journal }));
  }

  state(text: string): void {
    this.record(recordKind.states, Buffer.from(text));
  }

  inFlight(from: string, batch: string): void {
    this.record(
      recordKind.inFlight,
      logBatches.encode({ type: 'logBatch', from, batch: Buffer.from(batch) }),
    );
  }

  output(sink: string, text: string): void {
    const bytes = Buffer.from(text);
    this.record(
      recordKind.output,
      logOutputs.encode({ type: 'logOutput', sink, bytes, ends: [bytes.length], former: 0, formerBytes: 0 }),
    );
  }

  get bytes(): Buffer {
    this.disk.work();
    return this.disk.file('events', this.writer.place.file).bytes;
  }

  set bytes(bytes: Buffer) {
    this.disk.file('events', this.writer.place.file).bytes = bytes;
  }

  begin(checkpoint: number, end: LogPlace = this.writer.place): Restore {
    this.disk.work();
    return new Restore(
      {
        files: this.disk,
        operations: this.operations,
        planted: new Set(),
        owner: () => owner,
        states: (bytes, start, to) => this.states.push(bytes.toString('latin1', start, to)) && 1,
        baseRestored: () => void this.states.push('|'),
        done: (restored) => (this.restored = restored),
        damaged: (file, error) => {
          this.damage = error;
          this.damages.push(`${file} ${error.offset}: ${error.message}`);
        },
      },
      checkpoint,
      end,
    );
  }

  restore(checkpoint: number, end?: LogPlace): void {
    this.begin(checkpoint, end);
    this.disk.work();
  }
}

describe('the restoring of a checkpoint', () => {
  let bench: Bench;
  beforeEach(() => (bench = new Bench()));

  /** A log of two checkpoints; returns where the second one ends. */
  const twoCheckpoints = () => {
    bench.cut(1, 'first');
    bench.state('one');
    bench.inFlight('peer', 'arrived before the first');
    bench.output('sink that had something at the first only', 'held at the first');
    bench.cut(2, 'second');
    bench.output('sink', 'held');
    bench.state('two');
    bench.inFlight('peer', 'x');
    bench.inFlight('other', 'y');
    bench.inFlight('peer', 'z');
    return bench.writer.place;
  };

  it('finds the state of all checkpoints of the file, and of the last one what was on its way and where all stood', () => {
    bench.restore(2, twoCheckpoints());
    expect(bench.damages).to.deep.equal([]);
    expect(bench.states).to.deep.equal(['one', 'two']);
    const { positions, inFlight, outputs, entries, ...rest } = bench.restored!;
    expect(rest.journal).to.deep.equal(journal);
    expect(entries).to.equal(2);
    expect(positions.map(({ position }) => String(position))).to.deep.equal(['second']);
    const batches = [...inFlight].map(([from, frames]) => [from, frames.map(({ bytes }) => String(bytes))]);
    expect(batches).to.deep.equal([
      ['peer', ['x', 'z']],
      ['other', ['y']],
    ]);
    expect([...outputs].map(([sink, { bytes }]) => [sink, String(bytes)])).to.deep.equal([['sink', 'held']]);
  });

  it('takes nothing of what stands behind the checkpoint, and cuts it off before it says that it is done', () => {
    const end = twoCheckpoints();
    bench.cut(3);
    bench.state('never counted');
    bench.restore(2, end);
    expect(bench.states).to.deep.equal(['one', 'two']);
    expect(bench.disk.done.at(-1)).to.equal(`cut events 0 ${end.offset}`);
    expect(bench.bytes.length).to.equal(end.offset);
    expect(bench.restored).not.to.equal(undefined);
  });

  it('is not done when the rest cannot be cut off', () => {
    const end = twoCheckpoints();
    bench.begin(2, end);
    bench.disk.failing = 'no such device';
    bench.disk.work();
    expect(bench.restored).to.equal(undefined);
    expect(bench.damages).to.deep.equal([`0 ${end.offset}: no such device`]);
  });

  it('does not call a log damaged that the disk does not give, or does not cut off', () => {
    const end = twoCheckpoints();
    const told = () => unusableFile('events', 0, bench.damage!);
    bench.restore(1, end);
    expect(told()).to.include({ exitCode: 65 });
    expect(told().message).to.match(/^The event log of this worker is damaged at byte \d+: /);
    bench.disk.failing = 'EROFS: read-only file system, ftruncate';
    bench.restore(2, end);
    expect(told()).to.include({ exitCode: 74 });
    expect(told().message).to.match(/^The event log of this worker cannot be used from byte \d+ on: EROFS/);
    bench.disk.unreadable = 'EIO: i/o error, read';
    bench.restore(2, end);
    expect(told().message).to.match(/^The event log of this worker cannot be used from byte 0 on: EIO/);
    expect(bench.restored).to.equal(undefined);
  });

  it('does not call it damaged either when the disk fails behind its beginning', () => {
    const end = twoCheckpoints();
    const read = bench.disk.read.bind(bench.disk);
    let reads = 0;
    bench.disk.read = (...asked) => {
      if (reads++ > 0) bench.disk.unreadable = 'EIO: i/o error, read';
      read(...asked);
    };
    bench.restore(2, end);
    expect(reads).to.equal(2);
    expect(unusableFile('events', 0, bench.damage!)).to.include({ exitCode: 74 });
  });

  it('reads a long log in pieces, each once and in order', () => {
    bench.cut(1);
    const long = Array.from({ length: 50 }, (_, i) => `${i}:`.padEnd(100_000, 'x'));
    for (const text of long) bench.state(text);
    bench.restore(1);
    expect(bench.states).to.deep.equal(long);
    const reads = bench.disk.done.filter((line) => line.startsWith('read')).map((line) => line.split(' '));
    let at = 0;
    // The first one is for the head.
    for (const [, , , offset, length] of reads.slice(1)) {
      expect(Number(offset)).to.equal(at);
      at += Number(length);
    }
    expect(at).to.equal(bench.writer.place.offset);
  });

  describe('in a file that goes on from another one', () => {
    /** Where the first file is gone on from; behind it stands what only matters to checkpoints of that file. */
    let base: LogPlace;
    beforeEach(() => {
      bench.cut(1, 'first');
      bench.state('one');
      bench.inFlight('peer', 'arrived before the first');
      base = bench.writer.place;
      bench.cut(2);
      bench.state('only in the first file');
      bench.writer.nextFile(base);
      bench.cut(3, 'third');
      bench.state('three');
    });

    it('finds the state of both, and all else in the second', () => {
      bench.restore(3);
      expect(bench.damages).to.deep.equal([]);
      expect(bench.states).to.deep.equal(['one', '|', 'three']);
      expect([bench.restored!.base, bench.restored!.entries, bench.restored!.inFlight.size]).to.deep.equal([
        base,
        2,
        0,
      ]);
    });

    it('says which of them is damaged, and restores nothing', () => {
      bench.disk.work();
      const first = bench.disk.file('events', 0);
      const whole = first.bytes;
      const end = bench.writer.place;
      first.bytes = whole.subarray(0, base.offset - 1);
      bench.restore(3, end);
      first.bytes = Buffer.from(whole);
      first.bytes[base.offset - 1]! ^= 1;
      bench.restore(3, end);
      first.bytes = whole;
      bench.bytes[end.offset - 1]! ^= 1;
      bench.restore(3, end);
      expect(bench.restored).to.equal(undefined);
      expect(bench.damages.map((text) => text.replace(/ \d+:/, ':'))).to.deep.equal([
        `0: the file ends here, and must have ${base.offset} bytes`,
        '0: the checksum of a record does not fit its bytes',
        `${end.file}: the checksum of a record does not fit its bytes`,
      ]);
    });

    it('says that it is not the one that it goes on from', () => {
      const { file } = bench.writer.place;
      bench.writer.nextFile({ ...base, sum: base.sum ^ 1 });
      bench.cut(4);
      bench.restore(4);
      expect(bench.damages[0]).to.match(/^0 \d+: the log is not the one that the file \d+ goes on from$/);
      expect(bench.writer.place.file).to.be.greaterThan(file);
    });
  });

  it('tells nothing any more once it is cancelled', () => {
    const restore = bench.begin(2, twoCheckpoints());
    restore.cancel();
    bench.disk.work();
    expect([bench.restored, bench.states, bench.damages]).to.deep.equal([undefined, [], []]);
  });

  describe('says where the log is damaged, once, and restores nothing, when', () => {
    afterEach(() => {
      expect(bench.restored).to.equal(undefined);
      expect(bench.damages).to.have.length(1);
    });

    it('the file ends too early', () => {
      const end = twoCheckpoints();
      bench.bytes = bench.bytes.subarray(0, end.offset - 5);
      bench.restore(2, end);
      expect(bench.damages[0]).to.match(/^0 \d+: the file ends here, and must have \d+ bytes/);
    });

    it('the file is not there', () => {
      const end = twoCheckpoints();
      bench.disk.work();
      bench.disk.files.clear();
      bench.restore(2, end);
      expect(bench.damages[0]).to.match(/^0 0: the file ends here/);
    });

    it('a long file ends too early, whatever was read ahead', () => {
      bench.cut(1);
      for (let i = 0; i < 50; i++) bench.state('x'.repeat(100_000));
      bench.bytes = bench.bytes.subarray(0, 1_000_000);
      bench.restore(1);
      expect(bench.damages[0]).to.match(/^0 1000000: the file ends here/);
    });

    it('a bit is another', () => {
      const end = twoCheckpoints();
      bench.bytes[end.offset - 1]! ^= 1;
      bench.restore(2, end);
      expect(bench.damages[0]).to.match(/^0 [1-9]\d*: the checksum of a record does not fit its bytes/);
    });

    it('it belongs to another cluster, or to another worker', () => {
      bench.writtenBy = { ...owner, worker: 'w10' };
      bench.restore(2, twoCheckpoints());
      expect(bench.damages[0]).to.match(/^0 0: it belongs to the worker w10/);
    });

    it('it is not the log that the control log means', () => {
      const end = twoCheckpoints();
      bench.restore(2, { ...end, sum: end.sum ^ 1 });
      expect(bench.damages[0]).to.match(/the log is not the one of checkpoint 2/);
    });

    it('another checkpoint ends there', () => {
      bench.restore(3, twoCheckpoints());
      expect(bench.damages[0]).to.match(/the log is not the one of checkpoint 3/);
    });

    it('the place it is to end at is within a record', () => {
      const end = twoCheckpoints();
      bench.restore(2, { ...end, offset: end.offset - 1 });
      expect(bench.damages[0]).to.match(/the log is not the one of checkpoint 2/);
    });

    it('a record is of a kind that event logs do not have', () => {
      bench.cut(1);
      bench.record(recordKind.input, Buffer.from('input'));
      bench.restore(1);
      expect(bench.damages[0]).to.match(/a record of kind 6/);
    });

    it('the bytes of a record say nothing that we know', () => {
      bench.record(recordKind.cut, Buffer.from([77]));
      bench.restore(1);
      expect(bench.damages[0]).to.match(/^0 \d+: /);
    });
  });

  it('begins where the file begins, whatever its number', () => {
    bench.writer.continueAt({ ...logStart, file: 12, offset: 0 });
    bench.restore(2, twoCheckpoints());
    expect(bench.states).to.deep.equal(['one', 'two']);
  });
});
