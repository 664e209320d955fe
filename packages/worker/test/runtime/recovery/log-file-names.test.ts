import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LogFilesOnDisk } from '../../../src/runtime/recovery/log-files.js';

describe('the names of the log files of a worker', () => {
  let directory: string;
  const there = () => readdirSync(directory).sort();
  const filesOf = (worker: string, rotation: boolean) =>
    new LogFilesOnDisk(directory, 'test', worker, rotation);
  /** Waits until all that was asked for is done. */
  const done = (files: LogFilesOnDisk) => files.release();
  const read = (files: LogFilesOnDisk, file: number) =>
    new Promise<string>((resolve, reject) => {
      files.listenTo({
        stored: () => undefined,
        storeFailed: (_, why) => reject(new Error(why)),
        logRead: (_, bytes) => resolve(bytes.toString()),
      });
      files.read(1, 'events', file, 0, 100);
    });

  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'log-files-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it('have their number in their name, but for the first event log without rotation', async () => {
    for (const rotation of [false, true]) {
      const files = filesOf(`w${rotation}`, rotation);
      files.append('events', 0, Buffer.from('first'));
      files.append('events', 0xab_cdef, Buffer.from('next'));
      files.append('journal', 0, Buffer.from('input'));
      await done(files);
    }
    expect(there()).to.deep.equal([
      'test-wfalse-0000000000000000.input',
      'test-wfalse-0000000000ABCDEF.evlog',
      'test-wfalse.evlog',
      'test-wtrue-0000000000000000.evlog',
      'test-wtrue-0000000000000000.input',
      'test-wtrue-0000000000ABCDEF.evlog',
    ]);
  });

  for (const before of [false, true]) {
    it(`are found when rotation is switched ${before ? 'off' : 'on'} from one life to the next`, async () => {
      const former = filesOf('w1', before);
      former.append('events', 0, Buffer.from('of the former life'));
      await done(former);
      const [name] = there();
      const files = filesOf('w1', !before);
      expect(await read(files, 0)).to.equal('of the former life');
      files.append('events', 0, Buffer.from(', and of this one'));
      await done(files);
      expect(there()).to.deep.equal([name]);
      expect(readFileSync(join(directory, name!), 'utf8')).to.equal('of the former life, and of this one');
      // What it is followed by has the same name in both cases, and the former one goes.
      files.append('events', 35, Buffer.from('next'));
      files.removeBefore('events', 35);
      await done(files);
      expect(there()).to.deep.equal(['test-w1-0000000000000023.evlog']);
      expect(await read(filesOf('w1', before), 35)).to.equal('next');
    });
  }

  it('have nothing to do with those of a worker whose name begins alike', async () => {
    const digits = '0000000000000000';
    const others = [`w10-${digits}.evlog`, 'w10.evlog', `w1-1-${digits}.input`, `w-${digits}.evlog`];
    for (const name of others) writeFileSync(join(directory, `test-${name}`), name);
    for (const rotation of [false, true]) {
      const files = filesOf('w1', rotation);
      expect(files.paths).to.deep.equal([]);
      files.append('events', 0, Buffer.from('mine'));
      files.append('journal', 0, Buffer.from('mine'));
      await done(files);
      expect(files.paths).to.have.length(2);
      files.cutOff(1, 'events', 0, 0);
      files.removeBefore('events', 1000);
      files.removeBefore('journal', 1000);
      await done(files);
      expect(there()).to.deep.equal(others.map((name) => `test-${name}`).sort());
    }
  });
});
