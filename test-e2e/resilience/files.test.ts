import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/changes.js';
import { Cluster, counted, endClusters, names, type Member } from '../support/cluster.js';
import { run, stopAll } from '../support/process.js';

const resilience = ['--run-with-resilience', '--peer-timeout', '600'];
const often = [...resilience, '--time-between-checkpoints', '50000000'];
/** One checkpoint at the start of each epoch. */
const once = [...resilience, '--time-between-checkpoints', '3600000000000'];

const keysOf = (member: Member) => names(`${member.name}-`, 30);

/** A message of each key of each worker, and its output; each finds the state of all before it. */
async function exchange(cluster: Cluster, senders: readonly Member[] = cluster.members): Promise<void> {
  for (const member of senders) await cluster.numbers.send(member, keysOf(member));
  await eventually(() => missing(cluster).length === 0, 'all messages at the sink').catch((cause: Error) => {
    throw new Error(missing(cluster).slice(0, 10).join('\n'), { cause });
  });
}

function missing(cluster: Cluster): string[] {
  const last = new Map<string, number>();
  for (const line of cluster.sink.lines) {
    const { key, number, count } = counted(line);
    expect(count, line).to.equal(number);
    last.set(key, Math.max(number, last.get(key) ?? 0));
  }
  return [...cluster.numbers.sent].flatMap(([key, number]) =>
    last.get(key) === number ? [] : [`${key}: ${last.get(key)} of ${number}`],
  );
}

const pathOf = (cluster: Cluster, name: string, suffix: string) =>
  join(cluster.directory, `cluster counts-${name}${suffix}`);

/** Newest checkpoint by the files of a worker. */
const checkpointAt = (cluster: Cluster, { name }: Member) =>
  readFileSync(pathOf(cluster, name, '.checkpoint_ids')).readBigUInt64BE(8);

/** A checkpoint counts that has been cut from now on. */
async function anotherCheckpoint(cluster: Cluster): Promise<void> {
  const { initializer } = cluster;
  const before = checkpointAt(cluster, initializer);
  // The next one may have been cut already.
  await eventually(() => checkpointAt(cluster, initializer) >= before + 2n, 'another checkpoint');
}

async function killAll(cluster: Cluster): Promise<void> {
  await Promise.all(cluster.members.map((member) => member.kill()));
}

async function restart(cluster: Cluster): Promise<void> {
  for (const member of cluster.members) member.launch();
  await cluster.ready();
}

/** All die and are started again, and nothing is missing. */
async function allComeBack(cluster: Cluster): Promise<void> {
  await killAll(cluster);
  await restart(cluster);
  await exchange(cluster);
}

/** Flips one bit. */
function flip(path: string, at: (size: number) => number): void {
  const bytes = readFileSync(path);
  bytes[at(bytes.length)]! ^= 0x10;
  writeFileSync(path, bytes);
}

const log = '.evlog';
const journal = '-0000000000000000.input';

interface Damage {
  readonly what: string;
  /** Of w2. */
  readonly suffix: string;
  readonly code: number;
  /** It shows only when all of the file is read: sources and sinks are open by then. */
  readonly late?: true;
  readonly says: RegExp;
  readonly act: (path: string, cluster: Cluster) => void;
}

const half = (size: number) => size >> 1;
const foreign = (suffix: string) => (path: string, cluster: Cluster) =>
  cpSync(pathOf(cluster, 'initializer', suffix), path);

const damages: readonly Damage[] = [
  {
    what: 'an event log with a bit flipped at its start',
    // Early only if this worker's topology has the checkpoint already, and not just that of the other one.
    late: true,
    suffix: log,
    code: 65,
    says: /is damaged at byte 0: the checksum of a record does not fit/,
    act: (path) => flip(path, () => 12),
  },
  {
    what: 'an event log with a bit flipped in the middle',
    late: true,
    suffix: log,
    code: 65,
    says: /is damaged at byte \d+: /,
    act: (path) => flip(path, half),
  },
  {
    what: 'an event log that is cut in the middle',
    // Early only if this worker's topology has the checkpoint already, and not just that of the other one.
    late: true,
    suffix: log,
    code: 65,
    says: /is damaged at byte \d+: the file ends here, and must have \d+ bytes/,
    act: (path) => truncateSync(path, half(readFileSync(path).length)),
  },
  {
    what: 'no event log',
    // Early only if this worker's topology has the checkpoint already, and not just that of the other one.
    late: true,
    suffix: log,
    code: 65,
    says: /is damaged at byte 0: the file ends here, and must have \d+ bytes/,
    act: (path) => rmSync(path),
  },
  {
    what: 'the event log of another worker',
    suffix: log,
    code: 65,
    says: /is damaged at byte 0: it belongs to the worker initializer of this cluster/,
    act: foreign(log),
  },
  {
    what: 'no journal',
    late: true,
    suffix: journal,
    code: 65,
    says: /journal .* is damaged at byte \d+: the file ends before, and must have \d+ bytes/,
    act: (path) => rmSync(path),
  },
  {
    what: 'a journal that is cut in the middle',
    late: true,
    suffix: journal,
    code: 65,
    says: /journal .* is damaged at byte \d+: the file ends before, and must have \d+ bytes/,
    act: (path) => truncateSync(path, half(readFileSync(path).length)),
  },
  {
    what: 'the journal of another worker',
    suffix: journal,
    code: 65,
    says: /journal .* is damaged at byte \d+: /,
    act: foreign(journal),
  },
  {
    what: 'a topology with a bit flipped',
    suffix: '.local-topology',
    code: 1,
    says: /cannot be used: its checksum does not fit/,
    act: (path) => flip(path, half),
  },
  {
    what: 'a topology that is cut in the middle',
    suffix: '.local-topology',
    code: 1,
    says: /cannot be used: its checksum does not fit/,
    act: (path) => truncateSync(path, half(readFileSync(path).length)),
  },
  {
    what: 'the topology of another worker',
    suffix: '.local-topology',
    code: 1,
    says: /cannot be used: it belongs to the worker initializer/,
    act: foreign('.local-topology'),
  },
  {
    what: 'no topology',
    suffix: '.local-topology',
    code: 1,
    says: /Some resilience\/recovery files are missing!/,
    act: (path) => rmSync(path),
  },
  {
    what: 'no checkpoint ids',
    suffix: '.checkpoint_ids',
    code: 1,
    says: /Some resilience\/recovery files are missing!/,
    act: (path) => rmSync(path),
  },
  {
    what: 'an address that is none',
    suffix: '.tcp-control',
    code: 1,
    says: /cannot be used: /,
    act: (path) => writeFileSync(path, 'nowhere\n'),
  },
];

describe('a worker that comes back makes up no state', () => {
  let cluster: Cluster;
  let good: string;

  before(async () => {
    cluster = await Cluster.start({ workers: 2, args: often });
    for (let i = 0; i < 3; i++) await exchange(cluster);
    await anotherCheckpoint(cluster);
    await killAll(cluster);
    good = cluster.newDirectory();
    cpSync(cluster.directory, good, { recursive: true });
  });

  afterEach(stopAll);
  after(endClusters);

  const putBack = () => {
    rmSync(cluster.directory, { recursive: true });
    cpSync(good, cluster.directory, { recursive: true });
  };

  for (const { what, suffix, code, late, says, act } of damages) {
    it(`of ${what}: it says which file it is and what to do`, async () => {
      putBack();
      const path = pathOf(cluster, 'w2', suffix);
      act(path, cluster);
      const damaged = existsSync(path) && readFileSync(path);
      for (const member of cluster.members) member.launch();
      const finished = await cluster.members[1]!.finished();
      expect(finished.code, finished.stdout).to.equal(code);
      expect(finished.stderr).to.match(says);
      if (late !== true) expect(finished.stdout).not.to.match(/listening|Connecting to sink/);
      expect(finished.stderr).to.include(path);
      expect(finished.stderr).to.match(/Put the file back from a copy|[Rr]emove the/);
      expect(existsSync(path) && readFileSync(path), 'the file is as it was').to.deep.equal(damaged);
    });
  }

  it('of a file that cannot be read: it says so, and does not call it damaged', async () => {
    putBack();
    const path = pathOf(cluster, 'w2', log);
    rmSync(path);
    mkdirSync(path);
    for (const member of cluster.members) member.launch();
    const finished = await cluster.members[1]!.finished();
    expect(finished.code, finished.stdout).to.equal(74);
    expect(finished.stderr)
      .to.include(path)
      .and.match(/cannot be used from byte 0 on: EISDIR/);
    expect(finished.stderr).to.include('See to the disk and to the permissions of the file');
    expect(finished.stdout).not.to.match(/listening|Connecting to sink/);
  });

  it('of a set that is whole: then it has all of it', async () => {
    putBack();
    await restart(cluster);
    await exchange(cluster);
    await cluster.stop();
  });
});

describe('the journal of a worker', () => {
  afterEach(endClusters);

  /** All since the start is in the journals alone. */
  const killed = async (...args: readonly string[]) => {
    const cluster = await Cluster.start({ workers: 2, args: [...once, ...args] });
    await eventually(() => checkpointAt(cluster, cluster.initializer) > 0n, 'the first checkpoint');
    for (let i = 0; i < 3; i++) await exchange(cluster);
    await killAll(cluster);
    return cluster;
  };

  for (const [what, tail] of [
    ['half a record', (whole: Buffer) => whole.subarray(0, 100)],
    ['a block that was never written', () => Buffer.alloc(4096)],
  ] as const) {
    it(`is cut off where it ends in ${what}, with one line`, async () => {
      const cluster = await killed();
      const path = pathOf(cluster, 'w2', journal);
      const whole = readFileSync(path);
      const torn = tail(whole);
      appendFileSync(path, torn);
      await restart(cluster);
      const said = `The journal of the sources ends within a record: ${torn.length} bytes from ${whole.length} on are cut off.`;
      await cluster.members[1]!.waitFor(new RegExp(said));
      expect(cluster.members[1]!.textsWith('The journal of the sources')).to.deep.equal([said]);
      await exchange(cluster);
      await cluster.stop();
    });
  }

  it('is none of sources that want none: all goes back to the checkpoint, without what came since', async () => {
    const journals = ({ files }: Cluster) => files.filter((file) => file.endsWith('.input'));
    expect(journals(await killed()), 'with journals').to.have.length(2);
    const cluster = await killed('--no-journal');
    expect(journals(cluster)).to.deep.equal([]);
    // State counts from 1 again.
    cluster.numbers.sent.clear();
    cluster.sink.lines.length = 0;
    await restart(cluster);
    await exchange(cluster);
    expect(journals(cluster)).to.deep.equal([]);
    await cluster.stop();
  });

  it('is refused with a bit flipped in the middle: file and place are told', async () => {
    const cluster = await killed();
    const path = pathOf(cluster, 'w2', journal);
    flip(path, half);
    for (const member of cluster.members) member.launch();
    const { code, stderr } = await cluster.members[1]!.finished();
    expect(code).to.equal(65);
    expect(stderr).to.include(path);
    expect(stderr).to.match(/journal of this worker is damaged at byte \d+: .*\n?.*Put the file back/);
  });
});

describe('a disk that takes nothing', () => {
  afterEach(endClusters);

  /** Bytes that files of a process may have: the system refuses what goes beyond. */
  const limit = async ({ process: { pid } }: Member, bytes: number | 'unlimited') => {
    const { code, stderr } = await run('prlimit', ['--pid', `${pid}`, `--fsize=${bytes}:unlimited`]);
    expect([code, stderr]).to.deep.equal([0, '']);
  };

  /** The disk of w2 has room for the record of the cluster, and not for its state. */
  const fill = async (cluster: Cluster) => {
    const w2 = cluster.members[1]!;
    const room = 16 * 1024;
    expect(statSync(pathOf(cluster, 'w2', '.local-topology')).size).to.be.lessThan(room);
    expect(statSync(pathOf(cluster, 'w2', log)).size).to.be.greaterThan(2 * room);
    await limit(w2, room);
  };
  const start = async (workers: number) => {
    const cluster = await Cluster.start({ workers, args: often });
    await cluster.numbers.send(cluster.initializer, names('many', 3000 * workers));
    await exchange(cluster);
    await anotherCheckpoint(cluster);
    return cluster;
  };

  it('fails checkpoints, in so many words; the worker goes on, and so do checkpoints when there is room', async () => {
    const cluster = await start(3);
    const [initializer, w2] = cluster.members as [Member, Member];
    const logs = () => cluster.files.filter((file) => file.endsWith('.evlog'));
    const before = logs();
    await fill(cluster);
    await initializer.waitFor(/Checkpoint \d+ failed: w2: EFBIG.*The one before still counts\./);
    const failed = checkpointAt(cluster, initializer);
    // Messages of others flow, those for keys on w2 too.
    for (let i = 0; i < 3; i++) await exchange(cluster, [initializer]);
    expect(checkpointAt(cluster, initializer)).to.equal(failed);
    await eventually(() => before.length === logs().length, 'what was written in vain to go');
    await limit(w2, 'unlimited');
    await initializer.waitFor(/Checkpoint \d+ is complete: checkpoints work again\./);
    await exchange(cluster);
    await anotherCheckpoint(cluster);
    await allComeBack(cluster);
    await cluster.stop();
  });

  it('costs nothing of the checkpoint before when all die meanwhile', async () => {
    const cluster = await start(2);
    const { initializer } = cluster;
    await fill(cluster);
    await initializer.waitFor(/Checkpoint \d+ failed: w2: /);
    await exchange(cluster, [initializer]);
    await allComeBack(cluster);
    await cluster.stop();
  });

  it('has sources wait that must not lose what they read, until there is room', async () => {
    const cluster = await start(2);
    const [, w2] = cluster.members as [Member, Member];
    await limit(w2, 0);
    await cluster.numbers.send(w2, keysOf(w2));
    await w2.waitFor(/The journal of the sources cannot be written: EFBIG.*Trying again; sources wait\./);
    await limit(w2, 'unlimited');
    await exchange(cluster);
    await anotherCheckpoint(cluster);
    await cluster.stop();
  });

  it('is one whose files somebody has removed: no checkpoint counts that could not be found again', async () => {
    const cluster = await start(2);
    const { initializer } = cluster;
    rmSync(pathOf(cluster, 'w2', log));
    await initializer.waitFor(
      /Checkpoint \d+ failed: w2: .* has been removed\. The one before still counts\./,
    );
    await initializer.waitFor(/Checkpoint \d+ is complete: checkpoints work again\./);
    await exchange(cluster);
    await anotherCheckpoint(cluster);
    await allComeBack(cluster);
    await cluster.stop();
  });
});

describe('a worker that is killed', () => {
  afterEach(endClusters);

  it('at any moment of its first start finds nothing, or all of its files', async () => {
    const cluster = await Cluster.prepare({ workers: 1, args: often });
    const { initializer } = cluster;
    const moments = [/listening on/, /INIT PHASE I:/, /INIT PHASE III/, /INIT PHASE IV/];
    for (const moment of [...moments, ...moments]) {
      initializer.launch();
      await initializer.waitFor(moment);
      await initializer.kill();
    }
    await restart(cluster);
    await exchange(cluster);
    await cluster.stop();
  });

  it('while it removes its files at a clean end removes the rest at its next start', async () => {
    const cluster = await Cluster.prepare({ workers: 1, args: [...often, '--log-rotation'] });
    const { initializer } = cluster;
    for (let i = 0; i < 5; i++) {
      initializer.launch();
      await initializer.ready();
      await exchange(cluster);
      initializer.process.kill('SIGTERM');
      await initializer.waitFor(/\.\.\.Removing /);
      await initializer.kill();
      // Killed before the first file went: it was no end, and the next life goes on.
      if (existsSync(pathOf(cluster, 'initializer', '.local-topology'))) continue;
      // It was the end: whatever is left, the next life begins anew.
      cluster.numbers.sent.clear();
      cluster.sink.lines.length = 0;
    }
    await restart(cluster);
    await exchange(cluster);
    await cluster.stop();
  });
});
