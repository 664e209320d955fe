import { expect } from 'chai';
import { Journal } from '../../../src/core/checkpoint/journal.js';
import { Engine } from '../../../src/core/engine/engine.js';
import { Operations } from '../../../src/core/operations.js';
import { checkLogs } from '../../../src/core/recovery/saved-files.js';
import { records, type ControlRecord, type EpochRecord } from '../../../src/core/membership/records.js';
import { planApplication } from '../../../src/core/topology/planner.js';
import { application, source, type SinkConfig, type SourceConfig } from '../../../src/index.js';
import { epochOf, Lines } from '../support/members.js';
import { MemoryLog } from '../support/memory-log.js';

const never = () => {
  throw new Error('nobody opens it');
};

/** A journal of three files and a bit. */
function journalOnDisk(worker = 'a'): MemoryLog {
  const operations = new Operations();
  const disk = new MemoryLog(operations);
  const config: SourceConfig<string> = {
    kind: 'test',
    decoder: (bytes) => String(bytes.length),
    open: never,
  };
  const sink: SinkConfig<string> = { kind: 'test', encoder: () => '', open: never };
  const ports = { worker: 'a', clock: { now: () => 0 }, log: new Lines() };
  const engine = new Engine(planApplication(application('a', source('in', config).toSink(sink))), {
    ...ports,
    output: () => ({ write: () => true }),
    turnOpened: () => undefined,
  });
  const journal = new Journal({
    ...{ ...ports, engine, operations, files: disk, life: 1, journalFileBytes: 1000 },
    planted: new Set(),
    owner: () => ({ cluster: 'c', application: 'a', worker }),
    wake: () => undefined,
    damaged: () => undefined,
  });
  for (let i = 0; i < 35; i++) {
    journal.receive('in', Buffer.alloc(60), 0, 60);
    journal.endTurn();
    disk.work();
    journal.process(() => true);
  }
  return disk;
}

/** What is found before anything is read. */
function found(
  disk: MemoryLog,
  more: Partial<EpochRecord> = {},
  log: readonly ControlRecord[] = [epochOf(['a'], 1, more)],
): string[] {
  const findings: string[] = [];
  const logs = [...disk.files.keys()].map((name) => {
    const [kind, file] = name.split(' ') as ['events' | 'journal', string];
    return { kind, file: Number(file) };
  });
  const content = {
    ...{ application: 'a', name: 'a', fingerprint: '', incarnation: 1 },
    control: { host: 'a', port: 1 },
    data: { host: 'a', port: 2 },
    handedOn: [],
    records: log.map((record) => records.encode(record)),
  };
  const startOf = (kind: 'events' | 'journal', file: number) => {
    const bytes = disk.files.get(`${kind} ${file}`)?.bytes;
    return bytes && { start: bytes.subarray(0, 4096), bytes: bytes.length };
  };
  checkLogs(content, logs, startOf, (kind, file, { offset, message }) =>
    findings.push(`${kind} ${file} ${offset}: ${message}`),
  );
  return findings;
}

describe('the check of saved files', () => {
  const numbers = (disk: MemoryLog) =>
    [...disk.files.keys()].map((name) => Number(name.split(' ')[1])).sort((one, other) => one - other);

  it('finds nothing wrong with what was written, however it ends', () => {
    const disk = journalOnDisk();
    expect(numbers(disk).length).to.be.greaterThan(2);
    expect(found(disk)).to.deep.equal([]);
    const last = disk.file('journal', numbers(disk).at(-1)!);
    last.bytes = last.bytes.subarray(0, 3);
    expect(found(disk)).to.deep.equal([]);
  });

  it('finds a file of a journal that is cut short, and one that is missing, if another one follows', () => {
    for (const harm of ['cut', 'removed'] as const) {
      const disk = journalOnDisk();
      const [first, second, third] = numbers(disk);
      const { bytes } = disk.file('journal', second!);
      if (harm === 'cut') disk.file('journal', second!).bytes = bytes.subarray(0, 200);
      else disk.files.delete(`journal ${second}`);
      const [file, offset] = harm === 'cut' ? [second!, 200] : [first!, second! - first!];
      expect(found(disk)).to.deep.equal([
        `journal ${file} ${offset}: the journal ends here, and goes on at ${third! - file}: bytes between are missing`,
      ]);
    }
  });

  it('finds that the first file is missing which the checkpoint needs, and not one that it does not need', () => {
    const disk = journalOnDisk();
    const [first, second, third] = numbers(disk);
    disk.files.delete(`journal ${first}`);
    const from = (journal: number) => {
      const parts = [{ name: 'a', file: 0, offset: 0, sum: 0, journal }];
      return found(disk, { checkpoint: 1, parts, partOwners: Array<number>(8).fill(0) });
    };
    expect(from(second!)).to.deep.equal([]);
    // Nor is a part in the checkpoint, or a checkpoint, needed to miss it.
    expect(found(disk)).to.deep.equal(from(0));
    expect(from(0)).to.deep.equal([
      `journal 0 0: the journal ends here, and goes on at ${second}: bytes between are missing`,
    ]);
    disk.files.delete(`journal ${second}`);
    expect(from(second!)[0]).to.match(new RegExp(`^journal ${second} 0: .* goes on at ${third! - second!}:`));
  });

  it('misses no file of a worker that has left by the last record on its own disk alone', () => {
    const disk = journalOnDisk();
    const [first, second] = numbers(disk);
    disk.files.delete(`journal ${first}`);
    const parts = [
      { name: 'a', file: 0, offset: 0, sum: 0, journal: second! },
      { name: 'b', file: 0, offset: 0, sum: 0, journal: 0 },
    ];
    const epoch = { checkpoint: 1, parts, partOwners: Array<number>(8).fill(1) };
    const both = epochOf(['a', 'b'], 1, { ...epoch, owners: Array<number>(8).fill(1), leaving: ['a'] });
    const left = { type: 'left', names: ['a'] } as const;
    expect(found(disk, {}, [both, left])).to.deep.equal([]);
  });

  it('finds a file that another worker has begun, also at another place', () => {
    const disk = journalOnDisk('b');
    const [first, second] = numbers(disk);
    disk.files.set(`journal ${second! + 1}`, disk.file('journal', first!));
    expect(found(disk)[0]).to.match(/^journal \d+ 0: it belongs to the worker b of this cluster/);
  });

  it('finds a file that stands where another one stood', () => {
    const disk = journalOnDisk();
    const [first, second] = numbers(disk);
    disk.files.set(`journal ${second!}`, disk.file('journal', first!));
    expect(found(disk)[0]).to.equal(`journal ${second} 0: it is the file ${first} of this log`);
  });

  it('takes no bit that is another for the sign of another owner: whoever reads it says that it is damaged', () => {
    const headBytes = 4 + journalOnDisk().file('journal', 0).bytes.readUInt32BE(0);
    for (let at = 0; at < headBytes; at++) {
      const disk = journalOnDisk();
      disk.file('journal', 0).bytes[at]! ^= 1;
      expect(found(disk), `byte ${at}`).to.deep.equal([]);
    }
  });

  it('takes it for an end that the power has left when the file that follows does not know that it was on disk', () => {
    const disk = journalOnDisk();
    const [, second, third, ...behind] = numbers(disk);
    const later = behind.map((file) => [`journal ${file}`, disk.file('journal', file)] as const);
    for (const [name] of later) disk.files.delete(name);
    const cut = disk.file('journal', second!);
    cut.bytes = cut.bytes.subarray(0, cut.bytes.length - 1);
    const next = disk.file('journal', third!).bytes;
    // Written before a sync of what is cut off has been answered.
    next.writeBigUInt64BE(BigInt(second! + 1), next.readUInt32BE(0) + 4 + 9);
    expect(found(disk)).to.deep.equal([]);
    // But a file that was begun later may know.
    for (const [name, file] of later) disk.files.set(name, file);
    expect(found(disk)[0]).to.match(/bytes between are missing/);
  });
});
