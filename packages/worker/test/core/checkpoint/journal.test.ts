import { expect } from 'chai';
import fc from 'fast-check';
import { Journal } from '../../../src/core/checkpoint/journal.js';
import {
  recordHeaderBytes,
  type DamagedLogError,
  type LogPlace,
} from '../../../src/core/checkpoint/log-records.js';
import { Engine } from '../../../src/core/engine/engine.js';
import { unusableFile } from '../../../src/core/membership/errors.js';
import { Operations } from '../../../src/core/operations.js';
import type { LogKind } from '../../../src/core/ports.js';
import { planApplication } from '../../../src/core/topology/planner.js';
import { application, computation, source, type SinkConfig } from '../../../src/index.js';
import { Lines } from '../support/members.js';
import { MemoryLog } from '../support/memory-log.js';

const second = 1e9;
let lives = 1;
const owner = { cluster: 'c', application: 'a', worker: 'w' };

function never(): never {
  throw new Error('nobody opens it');
}

class Client {
  readonly refusals: string[] = [];

  refuse({ message }: Error): void {
    this.refusals.push(message);
  }
}

/** One life of a worker with two sources. Its disk may outlive it. */
class Life {
  readonly operations = new Operations();
  readonly log = new Lines();
  readonly processed: string[] = [];
  readonly damages: string[] = [];
  damage: DamagedLogError | undefined;
  readonly engine: Engine;
  readonly journal: Journal;
  now = 0;
  /** It has asked for another turn. */
  woken = false;
  refuses: string | undefined;

  constructor(
    readonly disk = new MemoryLog(new Operations()),
    journalFileBytes?: number,
  ) {
    disk.operations = this.operations;
    const decoder = (bytes: Buffer, start: number, end: number): string | undefined => {
      const text = bytes.toString('latin1', start, end);
      if (text === this.refuses) throw new Error('refused');
      return text === 'dropped' ? undefined : text;
    };
    const sink: SinkConfig<string> = { kind: 'test', encoder: () => '', open: never };
    const pipeline = (name: string) =>
      source<string>(name, { kind: 'test', decoder, open: never }).to(
        computation(`note ${name}`, (text: string): string | undefined => {
          this.processed.push(`${name}: ${text}`);
          return undefined;
        }),
      );
    this.engine = new Engine(
      planApplication(application('journaled', pipeline('one').merge(pipeline('two')).toSink(sink))),
      {
        worker: 'w',
        clock: { now: () => this.now },
        log: this.log,
        output: () => ({ write: () => true }),
        turnOpened: () => undefined,
      },
    );
    this.journal = new Journal({
      life: lives++,
      files: disk,
      operations: this.operations,
      engine: this.engine,
      clock: { now: () => this.now },
      log: this.log,
      planted: new Set(),
      journalFileBytes,
      owner: () => owner,
      wake: () => void (this.woken = true),
      damaged: (kind: LogKind, file: number, error: DamagedLogError) => {
        this.damage = error;
        this.damages.push(`${kind} ${file} ${error.offset}: ${error.message}`);
      },
    });
  }

  read(source: string, ...texts: string[]): void {
    for (const text of texts) {
      const bytes = Buffer.from(text);
      this.journal.receive(source, bytes, 0, bytes.length);
    }
  }

  /** A client sends these, each behind its length, in one chunk. */
  readFrames(client: Client, ...texts: string[]): void {
    const parts = texts.map((text) => {
      const frame = Buffer.alloc(4 + text.length);
      frame.writeUInt32BE(text.length);
      frame.write(text, 4, 'latin1');
      return frame;
    });
    const chunk = Buffer.concat(parts);
    let at = 0;
    for (const { length } of parts) {
      this.journal.receive('one', chunk, at + 4, at + length, client);
      at += length;
    }
  }

  /** A turn in which a source reads these. */
  turn(source: string, ...texts: string[]): void {
    this.read(source, ...texts);
    this.journal.endTurn();
  }

  /** Lets disk and worker work until there is nothing more to do. @returns what has been processed */
  settle(): string[] {
    for (let more = true; more && this.damages.length === 0;) {
      this.woken = false;
      this.journal.endTurn();
      this.disk.work();
      more = this.journal.process(() => true) || !this.disk.idle || this.woken;
    }
    return this.processed.splice(0);
  }
}

/** Messages of so many bytes, a turn for each; by default they more than fill two files. @returns where each ends */
function fill(life: Life, turns = 36, bytes = 1_000_000): LogPlace[] {
  return Array.from({ length: turns }, (_, i) => {
    life.turn('one', `${i}`.padEnd(bytes, '.'));
    life.settle();
    return life.journal.position;
  });
}

describe('the journal of the sources', () => {
  it('has on disk what sources have read before it is processed, in the order in which it was read', () => {
    const life = new Life();
    life.turn('one', 'a', 'dropped', 'b');
    life.turn('two', 'c');
    expect(life.journal.process(() => true)).to.equal(false);
    life.disk.work();
    expect(life.disk.file('journal', 0).synced).to.be.greaterThan(0);
    // The rest was read while the disk worked for the first turn: it waits for a sync of its own.
    expect(life.journal.process(() => true)).to.equal(true);
    expect(life.journal.process(() => true)).to.equal(false);
    expect(life.processed).to.deep.equal(['one: a', 'one: b']);
    expect(life.settle()).to.deep.equal(['one: a', 'one: b', 'two: c']);
    expect(life.disk.done.filter((what) => what.startsWith('sync'))).to.have.length(2);
  });

  it('keeps the order of sources that read in one turn', () => {
    const life = new Life();
    life.read('one', 'a');
    life.read('two', 'b');
    life.read('one', 'c');
    expect(life.settle()).to.deep.equal(['one: a', 'two: b', 'one: c']);
  });

  it('keeps messages as they are, whether they stand behind their lengths in what was read, or do not', () => {
    const read = fc.oneof(
      fc.record({ client: fc.nat(2), texts: fc.array(fc.string({ unit: 'binary-ascii', maxLength: 5 })) }),
      fc.constant('turn' as const),
    );
    fc.assert(
      fc.property(fc.array(read), (reads) => {
        const life = new Life();
        const clients = [new Client(), new Client()];
        const expected: string[] = [];
        for (const one of reads) {
          if (one === 'turn') {
            life.journal.endTurn();
            continue;
          }
          const client = clients[one.client];
          if (client === undefined) life.read('two', ...one.texts);
          else life.readFrames(client, ...one.texts);
          expected.push(...one.texts.map((text) => `${client === undefined ? 'two' : 'one'}: ${text}`));
        }
        expect(life.settle()).to.deep.equal(expected);
        const again = new Life(life.disk);
        again.journal.restore({ file: 0, offset: 0, sum: 0 });
        expect(again.settle()).to.deep.equal(expected);
      }),
    );
  });

  it('holds no more of a long run than a record takes', () => {
    const life = new Life();
    const texts = Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(1000, '.'));
    life.readFrames(new Client(), ...texts);
    life.journal.endTurn();
    life.disk.work();
    life.journal.process(() => true);
    expect(life.processed.length).to.be.within(1, 70);
    const first = life.processed.splice(0);
    expect([...first, ...life.settle()]).to.deep.equal(texts.map((text) => `one: ${text}`));
  });

  it('uses the buffers of long records again, once they are on disk and processed and no sooner', () => {
    const life = new Life();
    const { disk } = life;
    const buffers = new Set<ArrayBufferLike>();
    const append = disk.append.bind(disk);
    disk.append = (kind, file, bytes) => {
      buffers.add(bytes.buffer);
      append(kind, file, bytes);
    };
    const texts = Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(50_000, '.'));
    const processed: string[] = [];
    for (const [i, text] of texts.entries()) {
      life.turn('one', text);
      // The disk is late, and so is the worker.
      if (i % 3 === 0) disk.work();
      if (i % 2 === 0) life.journal.process(() => true);
      processed.push(...life.processed.splice(0));
    }
    processed.push(...life.settle());
    const expected = texts.map((text) => `one: ${text}`);
    expect(processed).to.deep.equal(expected);
    for (const text of texts) {
      life.turn('one', text);
      life.settle();
    }
    expect(buffers.size).to.be.lessThan(texts.length);
    const again = new Life(disk);
    again.journal.restore({ file: 0, offset: 0, sum: 0 });
    expect(again.settle()).to.deep.equal([...expected, ...expected]);
  });

  it('leaves them alone while what was written is to be written again, and when everything goes back', () => {
    const life = new Life();
    const { disk, journal } = life;
    const texts = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(50_000, '.'));
    const expected = texts.map((text) => `one: ${text}`);
    for (const [i, text] of texts.entries()) {
      if (i === 10) disk.failing = 'no space left';
      if (i === 14) {
        disk.failing = undefined;
        journal.tick((life.now += 2 * second));
      }
      life.turn('one', text);
      if (i === 24) {
        life.processed.length = 0;
        journal.restore({ file: 0, offset: 0, sum: 0 });
      }
      disk.work();
      journal.process(() => true);
    }
    expect(life.settle()).to.deep.equal(expected);
    const again = new Life(disk);
    again.journal.restore({ file: 0, offset: 0, sum: 0 });
    expect(again.settle()).to.deep.equal(expected);
  });

  describe('when a message cannot be decoded', () => {
    const refusal = /^Unable to decode message at one source: refused/;

    it('tells its client, once, and processes nothing that this client has sent behind it, now or after a crash', () => {
      const life = new Life();
      const [bad, good] = [new Client(), new Client()];
      life.refuses = 'bad';
      life.readFrames(bad, 'a', 'bad', 'b');
      life.readFrames(good, 'c');
      life.readFrames(bad, 'd', 'bad');
      life.journal.endTurn();
      life.readFrames(bad, 'e');
      expect(life.settle()).to.deep.equal(['one: a', 'one: c']);
      expect(bad.refusals).to.have.length(1);
      expect(bad.refusals[0]).to.match(refusal);
      expect(good.refusals).to.deep.equal([]);
      const again = new Life(life.disk);
      again.refuses = 'bad';
      again.journal.restore({ file: 0, offset: 0, sum: 0 });
      expect(again.settle()).to.deep.equal(['one: a', 'one: c']);
      expect(again.log.lines).to.have.length(1);
      // A client of this life is another one, whatever its number.
      again.readFrames(new Client(), 'f');
      again.readFrames(new Client(), 'g');
      expect(again.settle()).to.deep.equal(['one: f', 'one: g']);
    });

    it('takes nothing more from its client, and says so each time', () => {
      const life = new Life();
      const bad = new Client();
      life.refuses = 'bad';
      life.readFrames(bad, 'bad');
      life.settle();
      const { length } = life.disk.file('journal', 0).bytes;
      life.readFrames(bad, 'a', 'b');
      expect(life.settle()).to.deep.equal([]);
      expect(bad.refusals).to.have.length(3);
      expect(life.disk.file('journal', 0).bytes.length).to.equal(length);
      expect(life.journal.empty).to.equal(true);
    });
  });

  it('processes nothing while nothing may be', () => {
    const life = new Life();
    life.turn('one', 'a');
    life.disk.work();
    expect(life.journal.process(() => false)).to.equal(false);
    expect(life.processed).to.deep.equal([]);
  });

  it('holds sources back while much waits, and is empty when all is processed', () => {
    const life = new Life();
    expect([life.journal.empty, life.journal.full]).to.deep.equal([true, false]);
    life.read('one', 'a');
    expect([life.journal.empty, life.journal.full]).to.deep.equal([false, false]);
    const long = 'x'.repeat(1_000_000);
    life.turn('one', long, long, long, long, long);
    expect(life.journal.full).to.equal(true);
    expect(life.journal.bytes).to.be.within(5_000_000, 5_001_000);
    life.settle();
    expect([life.journal.empty, life.journal.full, life.journal.bytes]).to.deep.equal([true, false, 0]);
  });

  it('stands where what is not processed begins', () => {
    const life = new Life();
    life.turn('one', 'a');
    life.settle();
    const { offset } = life.journal.position;
    expect(offset).to.equal(life.disk.file('journal', 0).bytes.length);
    life.turn('one', 'b');
    life.turn('two', 'c');
    const lengthOfRecord = recordHeaderBytes + 8 + 4 + 'one'.length + 12 + 4 + 'b'.length;
    expect(life.journal.position.offset).to.equal(offset);
    life.disk.work();
    expect(life.journal.position.offset, 'on disk, and not processed').to.equal(offset);
    life.journal.process(() => true);
    expect(life.journal.position.offset, 'behind b').to.equal(offset + lengthOfRecord);
    life.settle();
    expect(life.journal.position.offset).to.equal(offset + 2 * lengthOfRecord);
  });

  describe('when everything goes back', () => {
    it('processes again what it has from the place on, then what came meanwhile', () => {
      const life = new Life();
      life.turn('one', 'a');
      life.settle();
      const place = life.journal.position;
      life.turn('two', 'b');
      life.settle();
      // On its way to the disk, and not even that.
      life.turn('one', 'c');
      life.read('one', 'd');
      life.journal.restore(place);
      expect(life.journal.full).to.equal(true);
      expect(life.journal.position).to.deep.equal(place);
      expect(life.settle()).to.deep.equal(['two: b', 'one: c', 'one: d']);
      expect(life.journal.full).to.equal(false);
      life.journal.restore(place);
      expect(life.settle()).to.deep.equal(['two: b', 'one: c', 'one: d']);
    });

    it('begins anew when everything goes back again meanwhile', () => {
      const life = new Life();
      const begin = life.journal.position;
      life.turn('one', 'a');
      life.settle();
      const place = life.journal.position;
      life.turn('one', 'b');
      life.settle();
      life.journal.restore(begin);
      life.journal.process(() => true);
      life.journal.restore(place);
      expect(life.settle()).to.deep.equal(['one: b']);
    });

    it('drops what the decoder refuses by now, with a line', () => {
      const life = new Life();
      life.turn('one', 'a', 'b', 'c');
      life.settle();
      life.refuses = 'b';
      life.journal.restore({ file: 0, offset: 0, sum: 0 });
      expect(life.settle()).to.deep.equal(['one: a', 'one: c']);
    });
  });

  describe('after a crash', () => {
    const texts = ['first', 'second', 'third'];
    /** A journal of these, a record each, that was synced. @returns the disk, and where each record ends */
    const written = () => {
      const life = new Life();
      const ends: number[] = [];
      for (const text of texts) {
        life.turn('one', text);
        life.settle();
        ends.push(life.journal.position.offset);
      }
      return { disk: life.disk, ends };
    };
    const start: LogPlace = { file: 0, offset: 0, sum: 0 };
    /** Another life on the same disk. */
    const restarted = (disk: MemoryLog, place = start, journalFileBytes?: number) => {
      const life = new Life(disk, journalFileBytes);
      life.journal.restore(place);
      return life;
    };
    const inOne = (all: readonly string[]) => all.map((text) => `one: ${text}`);

    it('loses nothing that was synced, and nothing that was processed, whatever the power leaves of the rest', () => {
      // A record of one byte has 41 in all.
      for (const kept of [0, 1, 10, 40, 41]) {
        const life = new Life();
        life.turn('one', 'a');
        life.settle();
        life.turn('one', 'b');
        // All of `b` is written; the sync has not been done.
        life.disk.failing = 'the power is going';
        life.disk.work();
        expect(life.journal.process(() => true)).to.equal(false);
        life.disk.failing = undefined;
        life.disk.losePower(new Operations(), kept);
        const found = restarted(life.disk).settle();
        expect(found.slice(0, 1)).to.deep.equal(['one: a']);
        expect(found.slice(1)).to.deep.equal(kept === 41 ? ['one: b'] : []);
      }
    });

    it('brings to the disk what a former life has only written, before it is processed', () => {
      const life = new Life();
      life.turn('one', 'a');
      life.disk.failing = 'it is killed';
      life.disk.work();
      const next = new Life(life.disk);
      next.journal.restore({ file: 0, offset: 0, sum: 0 });
      expect(next.settle(), 'as long as the disk fails').to.deep.equal([]);
      expect(next.log.lines).to.have.length(1);
      expect(next.log.lines[0]).to.match(/cannot be written: it is killed\. Trying again/);
      life.disk.failing = undefined;
      next.now = second;
      next.journal.tick(next.now);
      expect(next.settle()).to.deep.equal(['one: a']);
      life.disk.losePower(new Operations());
      expect(restarted(life.disk).settle()).to.deep.equal(['one: a']);
    });

    it('cuts a torn end off, with a line, wherever it is torn, and goes on behind it', () => {
      const { disk: whole, ends } = written();
      const { bytes } = whole.file('journal', 0);
      const lastWhole = ends[1]!;
      for (let length = lastWhole; length < bytes.length; length++) {
        const { disk } = written();
        disk.file('journal', 0).bytes = bytes.subarray(0, length);
        const life = restarted(disk);
        expect(life.settle()).to.deep.equal(inOne(['first', 'second']));
        const torn = length - lastWhole;
        expect(life.log.lines).to.deep.equal(
          torn === 0
            ? []
            : [
                `The journal of the sources ends within a record: ${torn} bytes from ${lastWhole} on are cut off.`,
              ],
        );
        expect(disk.file('journal', 0).bytes.length).to.equal(lastWhole);
        life.turn('one', 'fourth');
        expect(life.settle()).to.deep.equal(inOne(['fourth']));
        expect(restarted(disk).settle()).to.deep.equal(inOne(['first', 'second', 'fourth']));
      }
    });

    it('cuts off an end of which the power has left the length and not the bytes', () => {
      const { disk, ends } = written();
      disk.file('journal', 0).bytes.fill(0, ends[1]);
      expect(restarted(disk).settle()).to.deep.equal(inOne(['first', 'second']));
    });

    it('makes up nothing from a record that is damaged in the middle: it says where', () => {
      const { disk, ends } = written();
      disk.file('journal', 0).bytes[ends[0]! + recordHeaderBytes]! ^= 1;
      const life = restarted(disk);
      const before = Buffer.from(disk.file('journal', 0).bytes);
      life.settle();
      expect(life.damages).to.deep.equal([
        `journal 0 ${ends[0]}: the checksum of a record does not fit its bytes`,
      ]);
      expect(disk.file('journal', 0).bytes.equals(before)).to.equal(true);
    });

    it('does not call it damaged when the disk does not give it', () => {
      const { disk } = written();
      disk.unreadable = 'EIO: i/o error, read';
      const life = restarted(disk);
      life.settle();
      expect(unusableFile('journal', 0, life.damage!)).to.include({
        message: 'The journal of this worker cannot be used from byte 0 on: EIO: i/o error, read',
        exitCode: 74,
      });
    });

    it('ends at a record that the power has lost, also if later ones are there that were on their way with it', () => {
      const life = new Life();
      life.turn('one', 'a');
      life.settle();
      const end = life.journal.position.offset;
      life.turn('one', 'b');
      life.turn('one', 'c');
      // Both are written; the sync has not been done.
      life.disk.failing = 'the power is going';
      life.disk.work();
      life.disk.failing = undefined;
      life.disk.losePower(new Operations(), 2 * 41);
      life.disk.file('journal', 0).bytes.fill(0, end, end + 41);
      const again = restarted(life.disk);
      expect(again.settle()).to.deep.equal(['one: a']);
      expect(again.damages).to.deep.equal([]);
      expect(life.disk.file('journal', 0).bytes.length).to.equal(end);
    });

    it('says that it is damaged when a later file knows that it was on disk', () => {
      const life = new Life();
      const ends = fill(life, 18, 1_000_000);
      // The last record of the first file, behind which there is none in that file.
      const last = ends.findLast(({ file }) => file === 0)!;
      life.disk.file('journal', 0).bytes[last.offset - 1]! ^= 1;
      const again = restarted(life.disk);
      again.settle();
      expect(again.damages).to.have.length(1);
    });

    it('says so as well when the next file tells nothing, and the one behind it does', () => {
      const fileBytes = 500;
      const life = new Life(undefined, fileBytes);
      const last = fill(life, 36, 60).findLast(({ file }) => file === 0)!;
      life.disk.file('journal', 0).bytes[last.offset - 1]! ^= 1;
      const [, second, ...behind] = life.disk.files.values();
      second!.bytes.fill(0);
      expect(behind).not.to.deep.equal([]);
      const again = restarted(life.disk, start, fileBytes);
      again.settle();
      expect(again.damages).to.have.length(1);
    });

    it('begins at the place of the checkpoint', () => {
      const { disk, ends } = written();
      expect(restarted(disk, { file: 0, offset: ends[1]!, sum: 0 }).settle()).to.deep.equal(inOne(['third']));
    });

    it('is as new when there is nothing', () => {
      const life = restarted(new MemoryLog(new Operations()));
      expect(life.settle()).to.deep.equal([]);
      life.turn('one', 'a');
      expect(life.settle()).to.deep.equal(['one: a']);
    });
  });

  describe('goes on in another file when one is long', () => {
    const numbers = (processed: readonly string[]) => processed.map((text) => Number.parseInt(text.slice(5)));
    const filesOf = (life: Life) => [...life.disk.files.keys()];

    it('and finds all of them again, in order', () => {
      const life = new Life();
      fill(life);
      expect(filesOf(life)).to.have.length(3);
      const again = new Life(life.disk);
      again.journal.restore({ file: 0, offset: 0, sum: 0 });
      expect(numbers(again.settle())).to.deep.equal(Array.from({ length: 36 }, (_, i) => i));
    });

    it('and lets those go that lie before a checkpoint, and no other', () => {
      const life = new Life();
      const places = fill(life);
      const within = places[20]!;
      life.journal.trim(within);
      life.disk.work();
      expect(filesOf(life)).to.have.length(2);
      const again = new Life(life.disk);
      again.journal.restore(within);
      expect(numbers(again.settle())).to.deep.equal(Array.from({ length: 15 }, (_, i) => 21 + i));
    });
  });

  it('tries again every second while the disk fails, and has everything once it does not', () => {
    const life = new Life();
    life.turn('one', 'a');
    life.settle();
    const { synced } = life.disk.file('journal', 0);
    life.disk.failing = 'no space left on device';
    life.turn('one', 'b');
    life.disk.work();
    expect(life.log.lines).to.have.length(1);
    expect(life.log.lines[0]).to.match(/cannot be written: no space left on device\. Trying again/);
    life.turn('one', 'c');
    expect(life.settle(), 'nothing is processed that is not on disk').to.deep.equal([]);
    life.now = second;
    life.journal.tick(life.now);
    life.disk.work();
    life.disk.failing = undefined;
    life.now = 2 * second - 1;
    life.journal.tick(life.now);
    expect(life.settle()).to.deep.equal([]);
    life.now = 2 * second;
    life.journal.tick(life.now);
    expect(life.settle()).to.deep.equal(['one: b', 'one: c']);
    expect(life.disk.done).to.include(`cut journal 0 ${synced}`);
    const again = new Life(life.disk);
    again.journal.restore({ file: 0, offset: 0, sum: 0 });
    expect(again.settle()).to.deep.equal(['one: a', 'one: b', 'one: c']);
  });
});
