import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ExternalClient } from '@wallaroo/protocol';
import { eventually } from '../support/changes.js';
import { Cluster, endClusters, type Member } from '../support/cluster.js';
import { run } from '../support/process.js';
import { SequenceSender, SequenceSink } from '../support/sequences.js';

const tool = fileURLToPath(new URL('../../packages/tools/bin/external_sender.js', import.meta.url));
/** Nanoseconds between checkpoints. */
const often = 50_000_000;
const seldom = 1_000_000_000;
const once = 3_600_000_000_000;

describe('the event log of a worker', () => {
  let sink: SequenceSink;
  let senders: SequenceSender[];

  const start = async (workers: number, args: readonly string[], checkpointNs = often) => {
    const resilience = ['--run-with-resilience', '--time-between-checkpoints', `${checkpointNs}`];
    const cluster = await Cluster.start({ ...sink.options, workers, args: [...resilience, ...args] });
    senders = cluster.members.map((member) => SequenceSender.start(member, sink));
    return cluster;
  };
  const logsOf = (cluster: Cluster, { name }: Member) =>
    readdirSync(cluster.directory).filter(
      (file) => file.startsWith(`sequences-${name}`) && /evlog$/.test(file),
    );
  const rotate = async (at: Member, worker: string) => {
    const args = ['--external', `127.0.0.1:${at.externalPort}`, '--type', 'rotate-log', '--message', worker];
    expect((await run(tool, args)).code).to.equal(0);
  };
  /** Without a process of its own: nothing but a turn or two is between this and what was done before. */
  const rotateAtOnce = async (member: Member, times = 1) => {
    const client = await ExternalClient.connect({ host: '127.0.0.1', port: member.externalPort });
    for (let i = 0; i < times; i++) client.send({ type: 'rotateLog', body: member.name });
    await client.close();
  };
  /** The newest checkpoint that counts, by the files of a worker; 0 before the first. */
  const checkpointAt = (cluster: Cluster, { name }: Member) =>
    readFileSync(join(cluster.directory, `sequences-${name}.checkpoint_ids`)).readBigUInt64BE(8);
  /** A checkpoint has just come to count, and it is not the first: the next one is not begun. */
  const laterCheckpoint = async (cluster: Cluster, member: Member) => {
    for (let i = 0; i < 2; i++) {
      const before = checkpointAt(cluster, member);
      await eventually(() => checkpointAt(cluster, member) > before, 'another checkpoint');
    }
  };
  /** Another file has begun, and those before it have gone. */
  const another = (cluster: Cluster, member: Member, before: readonly string[]) =>
    eventually(() => {
      const logs = logsOf(cluster, member);
      return logs.length === 1 && !before.includes(logs[0]!) && logs;
    }, `another log of ${member.name}`);
  const finish = async (cluster: Cluster) => {
    for (const { name } of cluster.members) await sink.more(name, 5);
    await Promise.all(senders.map((sender) => sender.finish()));
    await cluster.stop();
    sink.expectWhole();
  };

  beforeEach(async () => (sink = await SequenceSink.listen()));

  afterEach(async () => {
    for (const sender of senders) sender.abandon();
    await endClusters();
    await sink.close();
  });

  it('is followed by another file when an operator asks any worker for it', async () => {
    const cluster = await start(3, ['--log-rotation']);
    const [initializer, w2, w3] = cluster.members as [Member, Member, Member];
    const first = await eventually(() => {
      const logs = logsOf(cluster, w2);
      return logs.length === 1 && logs;
    }, 'the first log');
    expect(first).to.deep.equal(['sequences-w2-0000000000000000.evlog']);
    let before = first;
    for (const asked of [w3, initializer, w2]) {
      await sink.more('w2', 5);
      await rotate(asked, 'w2');
      const now = await another(cluster, w2, before);
      expect(now[0]).to.match(/^sequences-w2-[0-9A-F]{16}\.evlog$/);
      expect(now[0]! > before[0]!, 'names grow').to.equal(true);
      before = now;
    }
    expect(w2.textsWith('Starting event log rotation.')).to.have.length(3);
    expect(w2.textsWith('Control Ch: Received Rotate Log Files request')).to.have.length(2);
    expect(logsOf(cluster, w3)).to.deep.equal(['sequences-w3-0000000000000000.evlog']);
    await rotate(w3, 'w4');
    await w3.waitFor(/,WARNING: LogRotation requested for non-existent worker: w4\n/);
    await finish(cluster);
  });

  it('is not rotated without --log-rotation, and says so', async () => {
    const cluster = await start(2, []);
    const [initializer, w2] = cluster.members as [Member, Member];
    await rotate(initializer, 'w2');
    await w2.waitFor(
      /Control Ch: Received Rotate Log Files request\n.*LogRotation requested, but log_rotation is off!/,
    );
    await sink.more('w2', 5);
    expect(logsOf(cluster, w2)).to.deep.equal(['sequences-w2.evlog']);
    await finish(cluster);
  });

  it('is not rotated when it holds nothing new, and says so', async () => {
    const cluster = await start(2, ['--log-rotation'], once);
    const [initializer, w2] = cluster.members as [Member, Member];
    await eventually(() => checkpointAt(cluster, w2) > 0n, 'the first checkpoint');
    await rotate(initializer, 'w2');
    await w2.waitFor(/,Event log does not contain new data\. Rotate log request ignored\.\n/);
    expect(w2.textsWith('Starting event log rotation.')).to.deep.equal([]);
    expect(logsOf(cluster, w2)).to.deep.equal(['sequences-w2-0000000000000000.evlog']);
    await Promise.all(senders.map((sender) => sender.finish()));
    await cluster.stop();
    sink.expectWhole();
  });

  it('is rotated once when it is asked for twice, and messages are processed meanwhile', async () => {
    const cluster = await start(2, ['--log-rotation'], seldom);
    const [, w2] = cluster.members as [Member, Member];
    await laterCheckpoint(cluster, w2);
    const before = logsOf(cluster, w2);
    await rotateAtOnce(w2, 2);
    await w2.waitFor(
      /,Starting event log rotation\.\n.*,Event log rotation already ongoing\. Rotate log request ignored\.\n/,
    );
    // Output that waits for no checkpoint.
    const newest = () => sink.newest('w2:sent0');
    const first = newest();
    let last = first;
    await eventually(() => {
      const now = newest();
      if (logsOf(cluster, w2).some((log) => !before.includes(log))) return true;
      last = now;
      return false;
    }, 'the other file');
    expect(last).to.be.greaterThan(first);
    await another(cluster, w2, before);
    expect(w2.textsWith('Starting event log rotation.')).to.have.length(1);
    await finish(cluster);
  });

  it('is whole when its worker is killed at any moment of a rotation', async () => {
    const cluster = await start(2, ['--log-rotation']);
    const [initializer, w2] = cluster.members as [Member, Member];
    const begun = (count: number) =>
      eventually(() => w2.textsWith('Starting event log').length >= count, 'it');
    const moments: ((before: readonly string[]) => Promise<unknown>)[] = [
      // At once; when the other file is there; when the former one has gone.
      () => begun(1),
      (before) =>
        eventually(() => logsOf(cluster, w2).some((log) => !before.includes(log)), 'the other file'),
      (before) => another(cluster, w2, before),
    ];
    for (const moment of [...moments, ...moments]) {
      await sink.more('w2', 3);
      const before = logsOf(cluster, w2);
      await rotate(initializer, 'w2');
      await moment(before);
      await w2.kill();
      w2.launch();
      await w2.ready();
      await sink.more('w2', 3);
    }
    await finish(cluster);
  });

  it('is bounded: files of --event-log-file-size follow each other, and old ones go', async () => {
    const bytes = 30_000;
    const cluster = await start(2, ['--log-rotation', '--event-log-file-size', `${bytes}`]);
    const [, w2] = cluster.members as [Member, Member];
    const seen = new Set<string>();
    let most = 0;
    await eventually(() => {
      const logs = logsOf(cluster, w2);
      let sum = 0;
      for (const log of logs) {
        seen.add(log);
        sum += statSync(join(cluster.directory, log), { throwIfNoEntry: false })?.size ?? 0;
      }
      most = Math.max(most, sum);
      return seen.size >= 12;
    }, 'a dozen files');
    // The file that is full, what of a checkpoint goes beyond that, and the one that follows.
    expect(most).to.be.lessThan(6 * bytes);
    await w2.kill();
    w2.launch();
    await w2.ready();
    await finish(cluster);
  });
});
