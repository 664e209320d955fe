import { expect } from 'chai';
import { Checkpointer } from '../../../src/core/checkpoint/checkpointer.js';
import { Journal } from '../../../src/core/checkpoint/journal.js';
import { application, source, stateComputation } from '../../../src/index.js';
import { Engine } from '../../../src/core/engine/engine.js';
import { frameKind, type Frame } from '../../../src/core/link/frame.js';
import type { Peer } from '../../../src/core/membership/peer.js';
import { Operations } from '../../../src/core/operations.js';
import type { LogKind } from '../../../src/core/ports.js';
import { planApplication } from '../../../src/core/topology/planner.js';

interface Held {
  value: unknown;
  key?: string;
}

/** A worker alone, with a disk and a sink that a test holds in its hands. */
class Bench {
  readonly operations = new Operations();
  /** Bytes by file of the event log. */
  readonly files = new Map<number, number>();
  private syncs: number[] = [];
  private woken = false;
  readonly prepares: number[] = [];
  /** What counted when they were asked for. */
  readonly counted: number[] = [];
  readonly told: string[] = [];
  transactional = false;
  readonly engine = new Engine(
    planApplication(
      application(
        { name: 'checkpointed' },
        source<Held>('in', { kind: 'test', open: () => never() })
          .keyBy(({ key }) => key ?? 'key')
          .to(
            stateComputation(
              'hold',
              (): Held => ({ value: 0 }),
              (message: Held, state) => {
                state.value = message.value;
              },
            ),
          )
          .toSink({ kind: 'test', encoder: () => '', open: () => never() }),
      ),
    ),
    {
      worker: 'w',
      clock: { now: () => 0 },
      log: { write: () => undefined },
      output: () => ({ write: () => true }),
      turnOpened: () => undefined,
    },
  );
  readonly checkpointer: Checkpointer;

  constructor(fileBytes?: number) {
    const transactional = () => this.transactional;

    const host = {
      engine: this.engine,
      operations: this.operations,
      clock: { now: () => 0 },
      log: { write: () => undefined, line: () => undefined },
      planted: new Set<never>(),
      fileBytes,
      outputs: new Map<string, never>(),
      files: {
        append: (_: LogKind, file: number, bytes: Buffer) =>
          void this.files.set(file, (this.files.get(file) ?? 0) + bytes.length),
        sync: (operation: number) => void this.syncs.push(operation),
        read: () => undefined,
        cutOff: (_operation: number, kind: LogKind, file: number, length: number) => {
          if (kind !== 'events') return;
          for (const known of this.files.keys()) if (known > file) this.files.delete(known);
          if (this.files.has(file)) this.files.set(file, length);
        },
        removeBefore: (kind: LogKind, file: number, kept?: number) => {
          if (kind !== 'events') return;
          for (const known of this.files.keys()) if (known < file && known !== kept) this.files.delete(known);
        },
      },
      ends: {
        get transactional() {
          return transactional();
        },
        positions: () => new Map<string, Buffer>(),
        streams: () => [],
        prepare: (checkpoint: number, counted: number) => {
          this.prepares.push(checkpoint);
          this.counted.push(counted);
        },
        commit: () => undefined,
        restore: () => undefined,
        open: () => undefined,
        flow: () => undefined,
        endSources: () => undefined,
        drainSources: () => undefined,
        flushSinks: () => undefined,
        workersLeft: () => undefined,
      },
      life: 1,
      owner: () => ({ cluster: 'c', application: 'a', worker: 'w' }),
      peers: () => [],
      idle: () => false,
      wake: () => void (this.woken = true),
      stored: (checkpoint: number) => void this.told.push(`stored ${checkpoint}`),
      failed: (checkpoint: number, why: string) => void this.told.push(`failed ${checkpoint}: ${why}`),
      damaged: () => undefined,
    };
    this.checkpointer = new Checkpointer(host, new Journal(host));
  }

  change(value: unknown, key = 'key'): void {
    this.engine.inlets.get('in')!.push({ value, key });
  }

  /** A checkpoint that counts. @returns bytes of the files that are left, in order */
  checkpoint(checkpoint: number): number[] {
    this.cut(checkpoint);
    this.checkpointer.commit(checkpoint);
    return [...this.files.keys()].sort((one, other) => one - other);
  }

  /** Cuts, writes, and lets the disk answer. */
  cut(checkpoint: number, fails?: string): void {
    this.checkpointer.begin(checkpoint, 0);
    this.write();
    for (const operation of this.takeSyncs()) {
      if (fails === undefined) this.operations.stored(operation);
      else this.operations.failed(operation, fails);
    }
  }

  /** All that is to be written. @returns in how many turns */
  write(): number {
    for (let turns = 1; ; turns++) {
      this.woken = false;
      this.checkpointer.writeSome();
      if (!this.woken) return turns;
    }
  }

  takeSyncs(): number[] {
    return this.syncs.splice(0);
  }

  take(): string[] {
    return this.told.splice(0);
  }
}

function never(): never {
  throw new Error('nobody opens it');
}

describe('the checkpointer', () => {
  it('tells when its part is on disk, and drops older files when that counts', () => {
    const bench = new Bench();
    bench.change(1);
    bench.cut(1);
    bench.checkpointer.commit(1);
    expect(bench.take()).to.deep.equal(['stored 1']);
    expect(bench.checkpointer.rotate()).to.equal('empty');
    bench.change(2);
    bench.cut(2);
    bench.checkpointer.commit(2);
    expect([...bench.files.keys()]).to.deep.equal([0]);
    expect(bench.checkpointer.rotate()).to.equal('begun');
    expect(bench.checkpointer.rotate()).to.equal('ongoing');
    bench.cut(3);
    expect(bench.files.size).to.equal(2);
    bench.checkpointer.commit(3);
    expect([...bench.files.keys()]).not.to.include(0);
    expect(bench.take()).to.deep.equal(['stored 2', 'stored 3']);
  });

  it('never uses a number twice', () => {
    const bench = new Bench();
    bench.cut(5);
    bench.cut(5);
    bench.cut(4);
    expect(bench.take()).to.deep.equal(['stored 5']);
    expect(bench.checkpointer.newest).to.equal(5);
  });

  it('goes on with the next checkpoint when a sink could not prepare one', () => {
    const bench = new Bench();
    bench.transactional = true;
    bench.cut(1);
    bench.checkpointer.prepareFailed(1, 'the sink is gone');
    expect(bench.take()).to.deep.equal(['failed 1: a sink could not prepare: the sink is gone']);
    bench.cut(2);
    expect(bench.take()).to.deep.equal([]);
    bench.checkpointer.prepared(2);
    expect(bench.take()).to.deep.equal(['stored 2']);
    expect(bench.prepares).to.deep.equal([1, 2]);
  });

  it('tells sinks which checkpoint counts, by the barrier that is ahead of the record', () => {
    const bench = new Bench();
    bench.transactional = true;
    bench.cut(1);
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64BE(2n);
    bytes.writeBigUInt64BE(1n, 8);
    const frame = { kind: frameKind.checkpoint, route: 0, bytes, start: 0, end: 16 };
    bench.checkpointer.arrived({ name: 'other' } as Peer, frame as Frame);
    expect([bench.prepares, bench.counted]).to.deep.equal([
      [1, 2],
      [0, 1],
    ]);
  });

  it('waits for all that sinks were asked to prepare', () => {
    const bench = new Bench();
    bench.transactional = true;
    bench.cut(1);
    bench.cut(2);
    bench.checkpointer.prepared(2);
    expect(bench.take()).to.deep.equal([]);
    bench.checkpointer.prepared(1);
    expect(bench.take()).to.deep.equal(['stored 2']);
  });

  it('leaves a long file alone that has everything, and gathers what has changed since in others', () => {
    const bench = new Bench(1000);
    for (let key = 0; key < 100; key++) bench.change('x'.repeat(50), `${key}`);
    const [base] = bench.checkpoint(1);
    expect(bench.files.get(base!)).to.be.greaterThan(5000);
    const everything = bench.files.get(base!)!;
    const seen = new Set<number>();
    for (let checkpoint = 2; checkpoint < 40; checkpoint++) {
      bench.change(checkpoint, '7');
      bench.change(checkpoint, '8');
      const files = bench.checkpoint(checkpoint);
      expect(files).to.have.length(2);
      expect(files[0]).to.equal(base);
      for (const file of files) seen.add(file);
      expect(bench.files.get(files[1]!)).to.be.lessThan(1500);
    }
    expect(bench.files.get(base!)).to.equal(everything);
    expect(seen.size).to.be.greaterThan(3);
    // Once most of it has changed, everything is written anew.
    for (let key = 0; key < 60; key++) bench.change('y'.repeat(50), `${key}`);
    bench.checkpoint(40);
    bench.change(1);
    const files = bench.checkpoint(41);
    expect(files).to.have.length(1);
    expect(bench.files.get(files[0]!)).to.be.greaterThan(5000);
  });

  it('keeps what counts goes on from, while everything is written anew and does not count yet', () => {
    const bench = new Bench(1000);
    for (let key = 0; key < 100; key++) bench.change('x'.repeat(50), `${key}`);
    const [base] = bench.checkpoint(1);
    bench.change(1, '7');
    const [, changes] = bench.checkpoint(2);
    bench.change(2, '7');
    bench.cut(3);
    expect(bench.checkpointer.rotate()).to.equal('begun');
    bench.checkpointer.begin(4, 0);
    bench.write();
    // Word comes late that the one before counts.
    bench.checkpointer.commit(3);
    expect([...bench.files.keys()]).to.include.members([base, changes]);
    for (const operation of bench.takeSyncs()) bench.operations.stored(operation);
    bench.checkpointer.commit(4);
    expect([...bench.files.keys()]).to.have.length(1);
  });

  it('writes a little in each turn, as most is written when it changes, and more and more of what does not', () => {
    const bench = new Bench();
    const changeAll = () => {
      for (let key = 0; key < 2000; key++) bench.change(key, `${key}`);
    };
    changeAll();
    bench.checkpointer.begin(1, 0);
    expect(bench.write()).to.be.within(30, 60);
    changeAll();
    bench.checkpointer.begin(2, 0);
    bench.checkpointer.writeSome();
    changeAll();
    expect(bench.write()).to.equal(1);
  });

  it('trusts no file that could not be synced', () => {
    const bench = new Bench();
    bench.change(1);
    bench.cut(1);
    bench.checkpointer.commit(1);
    const whole = [...bench.files];
    for (const checkpoint of [2, 3, 4]) {
      bench.change(checkpoint);
      bench.cut(checkpoint, 'no space left');
    }
    expect(bench.take().slice(1)).to.deep.equal([2, 3, 4].map((one) => `failed ${one}: no space left`));
    // What was written in vain takes no room.
    expect([...bench.files]).to.deep.equal(whole);
    bench.cut(5);
    expect(bench.take()).to.deep.equal(['stored 5']);
    bench.checkpointer.commit(5);
    expect([...bench.files.keys()]).to.have.length(1);
    expect([...bench.files.keys()]).not.to.include(0);
  });

  it('fails a checkpoint that has gone on in a file that could not be synced', () => {
    const bench = new Bench();
    bench.checkpointer.begin(1, 0);
    bench.checkpointer.writeSome();
    // The leader has given up on the first, whose sync is still under way.
    bench.checkpointer.begin(2, 0);
    bench.checkpointer.writeSome();
    const [first, second] = bench.takeSyncs();
    bench.operations.failed(first!, 'no space left');
    bench.operations.stored(second!);
    expect(bench.take()).to.deep.equal(['failed 2: no space left']);
    bench.cut(3);
    expect(bench.take()).to.deep.equal(['stored 3']);
  });

  it('takes no checkpoint without a state that cannot be written, until it can be', () => {
    const bench = new Bench();
    bench.change(() => 'no function can be written');
    bench.cut(1);
    bench.cut(2);
    const failures = bench.take();
    expect(failures).to.have.length(2);
    for (const failure of failures) expect(failure).to.include("the state of key 'key' cannot be written");
    bench.change('a text can');
    bench.cut(3);
    expect(bench.take()).to.deep.equal(['stored 3']);
  });
});
