import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { LogKind } from '../../../src/core/ports.js';
import { LogFilesOnDisk } from '../../../src/runtime/recovery/log-files.js';
import { watchHandles } from './watched-handles.js';

describe('the log files of a worker', () => {
  let directory: string;
  let opened: LogFilesOnDisk[];
  /** What the files have told, in order. */
  let told: string[];
  let tell: (what: string) => void;
  let operation: number;

  const filesOf = (worker = 'w1', rotation = false) => {
    const files = new LogFilesOnDisk(directory, 'test', worker, rotation);
    files.listenTo({
      stored: (number) => tell(`stored ${number}`),
      storeFailed: (number, why) => tell(`failed ${number}: ${why}`),
      logRead: (number, bytes) => tell(`read ${number}: ${bytes.toString('latin1')}`),
    });
    opened.push(files);
    return files;
  };
  /** Asks for something that is answered. @returns the answer, without its number */
  const answer = (ask: (operation: number) => void) => {
    const number = ++operation;
    return new Promise<string>((resolve) => {
      const before = tell;
      tell = (what) => {
        before(what);
        const [, kind, of, rest] = /^(\w+) (\d+):? ?([^]*)$/.exec(what)!;
        if (Number(of) === number) resolve(rest === '' ? kind! : `${kind}: ${rest}`);
      };
      ask(number);
    });
  };
  const sync = (files: LogFilesOnDisk, kind: LogKind = 'events', file = 0, base?: number) =>
    answer((number) => files.sync(number, kind, file, base));
  const cutOff = (files: LogFilesOnDisk, file: number, length: number, kind: LogKind = 'events') =>
    answer((number) => files.cutOff(number, kind, file, length));
  const read = (files: LogFilesOnDisk, offset: number, length: number, kind: LogKind = 'events', file = 0) =>
    answer((number) => files.read(number, kind, file, offset, length));
  const append = (files: LogFilesOnDisk, text: string, kind: LogKind = 'events', file = 0) =>
    files.append(kind, file, Buffer.from(text));
  const there = () => readdirSync(directory).sort();
  const text = (name: string) => readFileSync(join(directory, name), 'latin1');

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'log-files-'));
    opened = [];
    told = [];
    operation = 0;
    tell = (what) => void told.push(what);
  });

  afterEach(async () => {
    for (const files of opened) await files.release();
    rmSync(directory, { recursive: true, force: true });
  });

  it('have what was appended, in order, once they are synced', async () => {
    const files = filesOf();
    append(files, 'one ');
    append(files, 'two ');
    expect(await sync(files)).to.equal('stored');
    expect(text('test-w1.evlog')).to.equal('one two ');
    append(files, 'three');
    expect(await sync(files)).to.equal('stored');
    expect(text('test-w1.evlog')).to.equal('one two three');
  });

  it('take more at once than one call of the system does', async () => {
    const files = filesOf();
    const wanted = Array.from({ length: 3000 }, (_, i) => `${i},`);
    for (const part of wanted) append(files, part);
    expect(await sync(files)).to.equal('stored');
    expect(text('test-w1.evlog')).to.equal(wanted.join(''));
  });

  it('are of two kinds, whose names say where they begin', async () => {
    const files = filesOf();
    append(files, 'first');
    append(files, 'later', 'events', 0xabc);
    append(files, 'input', 'journal', 0);
    append(files, 'more input', 'journal', 0x1_0000_0000);
    for (const [kind, file] of [
      ['events', 0],
      ['events', 0xabc],
      ['journal', 0],
      ['journal', 0x1_0000_0000],
    ] as const)
      expect(await sync(files, kind, file)).to.equal('stored');
    const names = [
      'test-w1-0000000000000000.input',
      'test-w1-0000000000000ABC.evlog',
      'test-w1-0000000100000000.input',
      'test-w1.evlog',
    ];
    expect(there()).to.deep.equal(names);
    expect(files.paths.sort()).to.deep.equal(names.map((name) => join(directory, name)));
  });

  it('have numbers from the first one on with rotation', async () => {
    const files = filesOf('w1', true);
    append(files, 'first');
    await sync(files);
    expect(there()).to.deep.equal(['test-w1-0000000000000000.evlog']);
    expect(files.paths).to.deep.equal([join(directory, 'test-w1-0000000000000000.evlog')]);
  });

  it('are read from any place on, and fewer bytes come at the end only', async () => {
    const files = filesOf();
    append(files, '0123456789');
    expect(await read(files, 0, 4)).to.equal('read: 0123');
    expect(await read(files, 4, 4)).to.equal('read: 4567');
    expect(await read(files, 8, 4)).to.equal('read: 89');
    expect(await read(files, 10, 4)).to.equal('read');
    expect(await read(files, 0, 4, 'journal')).to.equal('read');
  });

  it('answer in the order in which they were asked', async () => {
    const files = filesOf();
    append(files, 'abc');
    files.sync(101, 'events', 0);
    files.read(102, 'events', 0, 0, 9);
    files.cutOff(103, 'events', 0, 1);
    files.read(104, 'events', 0, 0, 9);
    append(files, 'x');
    files.read(105, 'events', 0, 0, 9);
    await sync(files);
    expect(told).to.deep.equal([
      'stored 101',
      'read 102: abc',
      'stored 103',
      'read 104: a',
      'read 105: ax',
      'stored 1',
    ]);
  });

  it('are cut off behind a place, and what follows goes there', async () => {
    const files = filesOf();
    append(files, 'kept, not kept');
    append(files, 'later', 'events', 14);
    append(files, 'input', 'journal', 20);
    await sync(files, 'events', 14);
    await sync(files, 'journal', 20);
    expect(await cutOff(files, 0, 4)).to.equal('stored');
    expect(there()).to.deep.equal(['test-w1-0000000000000014.input', 'test-w1.evlog']);
    append(files, '!');
    await sync(files);
    expect(text('test-w1.evlog')).to.equal('kept!');
    append(files, 'later again', 'events', 14);
    await sync(files, 'events', 14);
    expect(text('test-w1-000000000000000E.evlog')).to.equal('later again');
  });

  it('are cut off by another process as well, and need not be there', async () => {
    const before = filesOf();
    append(before, 'kept, torn');
    await sync(before);
    await before.release();
    const files = filesOf();
    expect(await cutOff(files, 0, 4)).to.equal('stored');
    append(files, '.');
    await sync(files);
    expect(text('test-w1.evlog')).to.equal('kept.');
    expect(await cutOff(files, 0, 0, 'journal')).to.equal('stored');
    expect(there()).to.deep.equal(['test-w1.evlog']);
  });

  it('go when later ones are enough, and no later one does', async () => {
    const files = filesOf();
    for (const file of [0, 10, 20, 30]) append(files, `${file}`, 'events', file);
    append(files, 'input', 'journal', 0);
    await sync(files, 'journal', 0);
    files.removeBefore('events', 20);
    await sync(files, 'events', 30);
    expect(there()).to.deep.equal([
      'test-w1-0000000000000000.input',
      'test-w1-0000000000000014.evlog',
      'test-w1-000000000000001E.evlog',
    ]);
  });

  it('go but for the one that later ones go on from; when that is gone, they are not synced', async () => {
    const files = filesOf();
    for (const file of [0, 10, 20, 30]) append(files, `${file}`, 'events', file);
    await sync(files, 'events', 30);
    files.removeBefore('events', 30, 10);
    expect(await sync(files, 'events', 30, 10)).to.equal('stored');
    expect(there()).to.deep.equal(['test-w1-000000000000000A.evlog', 'test-w1-000000000000001E.evlog']);
    rmSync(join(directory, 'test-w1-000000000000000A.evlog'));
    append(files, 'more', 'events', 30);
    expect(await sync(files, 'events', 30, 10)).to.match(/000A.evlog has been removed$/);
  });

  it('are those of this worker only, whatever else is there', async () => {
    const others = [
      'test-w10.evlog',
      'test-w10-0000000000000005.evlog',
      'test-w1-00000000000000005.evlog',
      'test-w1-000000000000000a.evlog',
      'test-w1-0000000000000005.evlog.old',
      'test-w1-0000000000000005.other',
      'test-w1-2-0000000000000005.evlog',
      'other-w1.evlog',
    ];
    for (const name of others) writeFileSync(join(directory, name), name);
    const files = filesOf();
    append(files, 'mine', 'events', 5);
    await sync(files, 'events', 5);
    expect(files.paths).to.deep.equal([join(directory, 'test-w1-0000000000000005.evlog')]);
    files.removeBefore('events', 100);
    await cutOff(files, 0, 0);
    expect(files.paths).to.deep.equal([]);
    expect(there()).to.deep.equal([...others].sort());
  });

  it('say why they could not be written when they are synced, once', async () => {
    const files = filesOf();
    mkdirSync(join(directory, 'test-w1.evlog'));
    append(files, 'lost');
    expect(await sync(files)).to.match(/^failed: EISDIR/);
    append(files, 'input', 'journal');
    expect(await sync(files, 'journal')).to.equal('stored');
    rmSync(join(directory, 'test-w1.evlog'), { recursive: true });
    append(files, 'kept');
    expect(await sync(files)).to.equal('stored');
    expect(text('test-w1.evlog')).to.equal('kept');
  });

  it('are closed when they are released', async () => {
    const files = filesOf();
    append(files, 'one');
    append(files, 'two', 'journal', 0);
    await files.release();
    const openNow = readdirSync('/proc/self/fd').filter((fd) => {
      const path = `/proc/self/fd/${fd}`;
      return existsSync(path) && files.paths.includes(readlinkSync(path));
    });
    expect(openNow).to.deep.equal([]);
    expect(text('test-w1.evlog')).to.equal('one');
  });

  describe('outlive a loss of power: before it is told that they are on disk', () => {
    /** What is done to the disk, and what is told, in order. */
    let steps: string[];
    let stopWatching: () => void;

    beforeEach(async () => {
      steps = [];
      const watched = ['writev', 'truncate', 'datasync', 'sync'] as const;
      stopWatching = await watchHandles(directory, watched, (method) => steps.push(method));
      tell = (what) => void steps.push(what);
    });

    afterEach(() => stopWatching());

    it('the bytes of a new file are synced, then its name; later its bytes only', async () => {
      const files = filesOf();
      append(files, 'new');
      await sync(files);
      expect(steps.splice(0)).to.deep.equal(['writev', 'datasync', 'sync', 'stored 1']);
      append(files, 'more');
      await sync(files);
      expect(steps.splice(0)).to.deep.equal(['writev', 'datasync', 'stored 2']);
      append(files, 'next', 'events', 7);
      await sync(files, 'events', 7);
      expect(steps).to.deep.equal(['writev', 'datasync', 'sync', 'stored 3']);
    });

    it('what a former life has written is synced, and its name', async () => {
      writeFileSync(join(directory, 'test-w1.evlog'), 'of before');
      await sync(filesOf());
      expect(steps.splice(0)).to.deep.equal(['datasync', 'sync', 'stored 1']);
      await sync(filesOf(), 'events', 7);
      expect(steps).to.deep.equal(['stored 2']);
    });

    it('the end that was cut off is synced, and the names that have gone', async () => {
      const files = filesOf();
      append(files, 'one');
      append(files, 'two', 'events', 3);
      await sync(files, 'events', 3);
      steps.splice(0);
      await cutOff(files, 0, 1);
      expect(steps).to.deep.equal(['truncate', 'datasync', 'sync', 'stored 2']);
    });
  });
});
