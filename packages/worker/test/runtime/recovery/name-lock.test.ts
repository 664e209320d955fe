import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { NameTakenError } from '../../../src/runtime/errors.js';
import { NameLock } from '../../../src/runtime/recovery/name-lock.js';

describe('the lock of a name', () => {
  let directory: string;
  let path: string;
  const locks: NameLock[] = [];
  const lock = () => {
    const made = new NameLock(path, 'test', 'w2');
    locks.push(made);
    return made;
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'name-lock-'));
    path = join(directory, 'test-w2.lock');
  });

  afterEach(() => {
    for (const made of locks.splice(0)) made.release();
    rmSync(directory, { recursive: true });
  });

  it('says which process holds it, and goes with it', () => {
    const one = lock();
    one.take();
    expect(readFileSync(path, 'utf8')).to.match(new RegExp(`^${process.pid} \\d*\n$`));
    one.release();
    expect(existsSync(path)).to.equal(false);
    one.release();
  });

  it('can be taken again when it was released', () => {
    const one = lock();
    one.take();
    one.release();
    lock().take();
    expect(existsSync(path)).to.equal(true);
  });

  it('is refused to a second one while the first holds it, which keeps it', () => {
    lock().take();
    const content = readFileSync(path, 'utf8');
    const second = lock();
    expect(() => second.take()).to.throw(
      NameTakenError,
      `A worker 'w2' of application 'test' is running already (process ${process.pid}, by ${path})`,
    );
    second.release();
    expect(readFileSync(path, 'utf8')).to.equal(content);
  });

  it('is refused while another process holds it', () => {
    writeFileSync(path, `${process.ppid} \n`);
    expect(() => lock().take()).to.throw(NameTakenError, `process ${process.ppid},`);
  });

  it('is taken over from a process that is gone', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(path, `${pid} 12345\n`);
    lock().take();
    expect(readFileSync(path, 'utf8')).to.match(new RegExp(`^${process.pid} `));
  });

  it('is taken over when the number of its process has gone to another one', function () {
    if (!existsSync('/proc/self/stat')) return;
    writeFileSync(path, `${process.ppid} 1\n`);
    lock().take();
    expect(readFileSync(path, 'utf8')).to.match(new RegExp(`^${process.pid} `));
  });

  for (const content of ['', 'no number\n', '12']) {
    it(`is taken over when a crash left it as '${content.trim()}'`, () => {
      writeFileSync(path, content);
      lock().take();
      expect(readFileSync(path, 'utf8')).to.match(new RegExp(`^${process.pid} `));
    });
  }

  it('needs a directory', () => {
    path = join(directory, 'nowhere', 'test-w2.lock');
    expect(() => lock().take()).to.throw(/ENOENT/);
  });
});
