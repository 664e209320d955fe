import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ClusterFile } from '../../../src/core/ports.js';
import { MissingFilesError, NameTakenError } from '../../../src/runtime/errors.js';
import { LogFilesOnDisk } from '../../../src/runtime/recovery/log-files.js';
import { RecoveryFiles } from '../../../src/runtime/recovery/recovery-files.js';
import { watchHandles } from './watched-handles.js';

const silent = { line: () => undefined, write: () => undefined };

const suffixes = [
  '.connection-addresses',
  '.local-keys',
  '.local-topology',
  '.tcp-control',
  '.tcp-data',
  '.workers',
];

function fileOf(topology: string, port = 6000): ClusterFile {
  return {
    topology: Buffer.from(topology),
    workers: ['initializer', 'w1'],
    addresses: [
      { name: 'initializer', control: { host: 'h0', port: 1 }, data: { host: 'h0', port: 2 } },
      { name: 'w1', control: { host: 'h1', port: 3 }, data: { host: 'h1', port: 4 } },
    ],
    control: { host: '127.0.0.1', port },
    data: { host: '::1', port: port + 1 },
    checkpoint: 7_000_003,
    epoch: 7,
  };
}

describe('the recovery files of a worker', () => {
  let directory: string;
  const opened: RecoveryFiles[] = [];
  let told: string[];

  const filesOf = (worker: string, initializer = false, resilience = false) => {
    const log = { ...silent, line: (text: string) => told.push(text) };
    const logs = resilience ? new LogFilesOnDisk(directory, 'test', worker, true) : undefined;
    const files = new RecoveryFiles(directory, 'test', worker, initializer, log, logs);
    opened.push(files);
    return files;
  };
  /** Waits for the end of one operation, and says what it was. */
  const done = (files: RecoveryFiles, work: () => void) =>
    new Promise<string>((resolve) => {
      files.listenTo({
        stored: (operation) => resolve(`stored ${operation}`),
        storeFailed: (operation, why) => resolve(`failed ${operation}: ${why}`),
      });
      work();
    });
  const store = (files: RecoveryFiles, file: ClusterFile, operation = 1) =>
    done(files, () => files.store(operation, file));
  const pathOf = (worker: string, suffix: string) => join(directory, `test-${worker}${suffix}`);
  /** The files there, but for locks. */
  const there = () =>
    readdirSync(directory)
      .filter((name) => !name.endsWith('.lock'))
      .sort();
  /** The same worker, started again. */
  const restarted = (worker: string, initializer = false, resilience = false) => {
    for (const files of opened.splice(0)) files.release();
    return filesOf(worker, initializer, resilience);
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'recovery-files-'));
    told = [];
  });

  afterEach(() => {
    for (const files of opened.splice(0)) files.release();
    rmSync(directory, { recursive: true });
  });

  it('are none at the first start, and are read back at the next one', async () => {
    const files = filesOf('w1');
    expect(files.open()).to.equal(undefined);
    expect(await store(files, fileOf('log'))).to.equal('stored 1');
    expect(there()).to.deep.equal(suffixes.map((suffix) => `test-w1${suffix}`));
    expect(restarted('w1').open()).to.deep.equal({
      topology: Buffer.from('log'),
      control: { host: '127.0.0.1', port: 6000 },
      data: { host: '::1', port: 6001 },
    });
  });

  it('say to people and other tools who the workers are and where they listen', async () => {
    await store(filesOf('w1'), fileOf('log'));
    const read = (suffix: string) => readFileSync(pathOf('w1', suffix), 'utf8');
    expect(read('.tcp-control')).to.equal('127.0.0.1\n6000\n');
    expect(read('.tcp-data')).to.equal('::1\n6001\n');
    expect(read('.workers')).to.equal('initializer\nw1\n');
    expect(read('.local-keys')).to.equal('');
    expect(JSON.parse(read('.connection-addresses'))).to.deep.equal(fileOf('log').addresses);
  });

  it('are fewer for the initializer, whose data address is not kept', async () => {
    await store(filesOf('initializer', true), fileOf('log'));
    expect(there()).to.deep.equal(
      ['.local-keys', '.local-topology', '.tcp-control', '.workers'].map(
        (suffix) => `test-initializer${suffix}`,
      ),
    );
    const saved = restarted('initializer', true).open();
    expect([saved?.topology.toString(), saved?.data]).to.deep.equal(['log', undefined]);
  });

  it('are replaced one set after the other, and the last one counts', async () => {
    const files = filesOf('w1');
    const ended: number[] = [];
    await new Promise<void>((resolve) => {
      files.listenTo({
        stored: (operation) => {
          ended.push(operation);
          if (operation === 20) resolve();
        },
        storeFailed: (operation, why) => expect.fail(`${operation}: ${why}`),
      });
      for (let i = 1; i <= 20; i++) files.store(i, fileOf(`log ${i}`));
    });
    expect(ended).to.deep.equal(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(restarted('w1').open()?.topology.toString()).to.equal('log 20');
  });

  it('are refused when some are missing, by name', async () => {
    for (const missing of suffixes) {
      await store(filesOf('w1'), fileOf('log'));
      rmSync(pathOf('w1', missing));
      const files = restarted('w1');
      expect(() => files.open()).to.throw(MissingFilesError, pathOf('w1', missing));
      // The lock is not left behind: the operator may bring the file back.
      expect(existsSync(pathOf('w1', '.lock'))).to.equal(false);
      expect(there()).to.have.length(suffixes.length - 1);
    }
  });

  it('are completed when the process died while the first set was renamed, after any number of files', async () => {
    // In the order in which they are renamed.
    const order = [
      '.local-topology',
      '.local-keys',
      '.tcp-control',
      '.workers',
      '.tcp-data',
      '.connection-addresses',
    ];
    for (let renamed = 1; renamed <= order.length; renamed++) {
      await store(filesOf('w1'), fileOf(`log ${renamed}`));
      for (const suffix of order.slice(renamed)) {
        writeFileSync(pathOf('w1', `${suffix}.new`), readFileSync(pathOf('w1', suffix)));
        rmSync(pathOf('w1', suffix));
      }
      expect(restarted('w1').open()?.topology.toString()).to.equal(`log ${renamed}`);
      expect(there()).to.deep.equal(suffixes.map((suffix) => `test-w1${suffix}`));
    }
  });

  it('are none when the process died while the first set was written', () => {
    for (const written of [1, 3, suffixes.length]) {
      for (const suffix of suffixes.slice(0, written)) writeFileSync(pathOf('w1', `${suffix}.new`), 'half');
      expect(restarted('w1').open()).to.equal(undefined);
      expect(there()).to.deep.equal([]);
    }
  });

  it('are those of before when the process died while a later set was written', async () => {
    await store(filesOf('w1'), fileOf('before'));
    for (const suffix of ['.local-topology', '.local-keys'])
      writeFileSync(pathOf('w1', `${suffix}.new`), 'half');
    expect(restarted('w1').open()?.topology.toString()).to.equal('before');
    expect(there()).to.deep.equal(suffixes.map((suffix) => `test-w1${suffix}`));
  });

  it('have the topology of the later set as soon as its first file was renamed', async () => {
    await store(filesOf('w1'), fileOf('before'));
    const workers = readFileSync(pathOf('w1', '.workers'));
    writeFileSync(pathOf('w1', '.local-topology'), 'after');
    writeFileSync(pathOf('w1', '.workers.new'), workers);
    expect(restarted('w1').open()?.topology.toString()).to.equal('after');
    expect(existsSync(pathOf('w1', '.workers.new'))).to.equal(false);
  });

  it('are removed, all of them and nothing else', async () => {
    const files = filesOf('w1');
    files.open();
    await store(files, fileOf('log'));
    const others = ['test-w10', 'test-w', 'other-w1', 'test-w1-more'];
    for (const name of others) writeFileSync(join(directory, `${name}.local-topology`), name);
    writeFileSync(join(directory, 'test-w10.local-topology.new'), 'new');
    expect(await done(files, () => files.remove(2))).to.equal('stored 2');
    expect(there()).to.deep.equal(
      [...others.map((name) => `${name}.local-topology`), 'test-w10.local-topology.new'].sort(),
    );
    expect(told[0]).to.equal('Removing recovery files');
    expect(told.at(-1)).to.equal('Recovery files removed.');
    expect(told).to.have.length(2 + suffixes.length);
    expect(restarted('w1').open()).to.equal(undefined);
  });

  it('are removed to the end when the process died while it removed them, after any number of files', async () => {
    const all = [...suffixes, '.checkpoint_ids', '-0000000000000000.evlog', '-0000000000000000.input'];
    const others = all.map((suffix) => `test-w10${suffix}`);
    for (const name of others) writeFileSync(join(directory, name), 'of w10');
    for (let left = 0; left < all.length; left++) {
      // The topology has its other name first, and goes last.
      writeFileSync(pathOf('w1', '.local-topology.removed'), 'log');
      for (const suffix of all.filter((one) => one !== '.local-topology').slice(left))
        writeFileSync(pathOf('w1', suffix), 'old');
      expect(restarted('w1', false, true).open()).to.equal(undefined);
      expect(there()).to.deep.equal(others.toSorted());
    }
  });

  it('have numbers of checkpoints with resilience, in the form of older tools', async () => {
    const files = filesOf('w1', false, true);
    expect(await store(files, fileOf('log'))).to.equal('stored 1');
    const ids = readFileSync(pathOf('w1', '.checkpoint_ids'));
    expect(ids).to.have.length(24);
    expect([0, 8, 16].map((at) => Number(ids.readBigUInt64BE(at)))).to.deep.equal([7_000_003, 7_000_003, 7]);
    // One set, however many checkpoints there were.
    await store(files, { ...fileOf('log'), checkpoint: 7_000_004 });
    expect(readFileSync(pathOf('w1', '.checkpoint_ids')).readBigUInt64BE(8)).to.equal(7_000_004n);
    rmSync(pathOf('w1', '.checkpoint_ids'));
    expect(() => restarted('w1', false, true).open()).to.throw(MissingFilesError, '.checkpoint_ids');
  });

  it('are missed when logs alone are there: nothing begins anew on top of them', () => {
    writeFileSync(pathOf('w1', '-0000000000000000.input'), 'what sources have read');
    const files = filesOf('w1', false, true);
    expect(() => files.open())
      .to.throw(MissingFilesError, pathOf('w1', '.local-topology'))
      .with.property('remedy')
      .that.includes(pathOf('w1', '-0000000000000000.input'));
    expect(there()).to.deep.equal(['test-w1-0000000000000000.input']);
  });

  it('can be removed when there are none', async () => {
    const files = filesOf('w1');
    expect(await done(files, () => files.remove(1))).to.equal('stored 1');
  });

  it('do not mix with those of a worker whose name begins alike', async () => {
    const [one, ten] = [filesOf('w1'), filesOf('w10')];
    one.open();
    ten.open();
    await store(ten, fileOf('of w10'));
    await store(one, fileOf('of w1'));
    writeFileSync(pathOf('w10', '.workers.new'), 'w10 is writing');
    expect(restarted('w1').open()?.topology.toString()).to.equal('of w1');
    expect(existsSync(pathOf('w10', '.workers.new'))).to.equal(true);
    expect(restarted('w10').open()?.topology.toString()).to.equal('of w10');
  });

  it('belong to one process at a time', () => {
    const files = filesOf('w1');
    files.open();
    expect(() => filesOf('w1').open()).to.throw(NameTakenError);
    files.release();
    expect(filesOf('w1').open()).to.equal(undefined);
  });

  it('that cannot be written say why, and may be written later', async () => {
    const files = filesOf('w1');
    rmSync(directory, { recursive: true });
    expect(await store(files, fileOf('log'))).to.match(/^failed 1: ENOENT/);
    directory = mkdtempSync(join(tmpdir(), 'recovery-files-'));
    const later = filesOf('w1');
    expect(await store(later, fileOf('log'), 2)).to.equal('stored 2');
  });

  it('go on with the next operation after one that failed', async () => {
    const files = filesOf('w1');
    const outcome: string[] = [];
    writeFileSync(pathOf('w1', '.kept'), '');
    await new Promise<void>((resolve) => {
      files.listenTo({
        stored: (operation) => {
          outcome.push(`stored ${operation}`);
          resolve();
        },
        storeFailed: (operation) => outcome.push(`failed ${operation}`),
      });
      files.store(1, { ...fileOf('log'), topology: undefined as unknown as Buffer });
      files.store(2, fileOf('log'));
    });
    expect(outcome).to.deep.equal(['failed 1', 'stored 2']);
  });

  describe('outlive a loss of power: before it is told that they are on disk', () => {
    /** What is done to the disk, and what is told, in order; files by their suffixes. */
    let steps: string[];
    let stopWatching: () => void;
    const { rename, rm } = promises;
    const nameOf = (path: string) => (path === directory ? 'folder' : path.slice(pathOf('w1', '').length));

    beforeEach(async () => {
      steps = [];
      directory = realpathSync(directory);
      stopWatching = await watchHandles(directory, ['writeFile', 'datasync', 'sync'], (method, { fd }) =>
        steps.push(`${method} ${nameOf(readlinkSync(`/proc/self/fd/${fd}`))}`),
      );
      promises.rename = async (from, to) => {
        await rename(from, to);
        steps.push(`rename ${nameOf(String(from))} ${nameOf(String(to))}`);
      };
      promises.rm = async (path, options) => {
        await rm(path, options);
        steps.push(`rm ${nameOf(String(path))}`);
      };
      syncBuiltinESMExports();
    });

    afterEach(() => {
      stopWatching();
      Object.assign(promises, { rename, rm });
      syncBuiltinESMExports();
    });

    it('the bytes of all are synced, then their names, then they take their places, and these are synced', async () => {
      const files = filesOf('w1');
      steps.push(await store(files, fileOf('log')));
      const told = steps.pop();
      const written = steps.splice(0, 2 * suffixes.length);
      const order = written
        .filter((step) => step.startsWith('writeFile'))
        .map((step) => step.replace(/^writeFile (.*)\.new$/, '$1'));
      expect(order.toSorted()).to.deep.equal(suffixes);
      expect(order[0], 'by which a set is known that was renamed in part').to.equal('.local-topology');
      expect(written).to.deep.equal(
        order.flatMap((suffix) => [`writeFile ${suffix}.new`, `datasync ${suffix}.new`]),
      );
      expect(steps).to.deep.equal([
        'sync folder',
        ...order.map((suffix) => `rename ${suffix}.new ${suffix}`),
        'sync folder',
      ]);
      expect(told).to.equal('stored 1');
    });

    it('a control log that alone is another one needs no set: one name takes the place of the other', async () => {
      const files = filesOf('w1');
      await store(files, fileOf('log'));
      steps = [];
      steps.push(await store(files, fileOf('longer log'), 2));
      expect(steps).to.deep.equal([
        'writeFile .local-topology.new',
        'datasync .local-topology.new',
        'rename .local-topology.new .local-topology',
        'sync folder',
        'stored 2',
      ]);
    });

    it('names that go are synced, that of the topology before all and behind all', async () => {
      const files = filesOf('w1');
      await store(files, fileOf('log'));
      steps = [];
      steps.push(await done(files, () => files.remove(2)));
      const others = suffixes.filter((suffix) => suffix !== '.local-topology');
      expect(steps.splice(2, others.length).sort()).to.deep.equal(others.map((suffix) => `rm ${suffix}`));
      expect(steps).to.deep.equal([
        'rename .local-topology .local-topology.removed',
        'sync folder',
        'sync folder',
        'rm .local-topology.removed',
        'sync folder',
        'stored 2',
      ]);
    });
  });
});
