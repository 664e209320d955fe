import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { readClusterFile } from '@wallaroo/worker/core';
import { eventually } from '../support/changes.js';
import { Cluster, counted, endClusters, names, type Member } from '../support/cluster.js';

const args = ['--run-with-resilience', '--time-between-checkpoints', '100000000', '--peer-timeout', '600'];

/** With checkpoints, what was read is processed once, whatever dies. */
describe('a cluster with resilience', () => {
  afterEach(endClusters);

  /** What comes by different workers is in no order: each has keys of its own. */
  const keysOf = (member: Member) => names(`${member.name}-`, 30);

  /** The newest number of each key that the sink has got; each must have found the state of all before it. */
  const newest = (cluster: Cluster) => {
    const last = new Map<string, number>();
    for (const line of cluster.sink.lines) {
      const { key, number, count } = counted(line);
      expect(count, line).to.equal(number);
      last.set(key, Math.max(number, last.get(key) ?? 0));
    }
    return last;
  };
  /** A message of each key of each worker. */
  const exchange = async (cluster: Cluster) => {
    for (const member of cluster.members) {
      await cluster.numbers.send(member, keysOf(member));
    }
    await eventually(async () => {
      const got = newest(cluster);
      const missing = [...cluster.numbers.sent].filter(([key, number]) => got.get(key) !== number);
      return missing.length === 0 ? true : undefined;
    }, 'all messages at the sink');
  };

  /** Waits until checkpoints count that have been cut from now on: each makes one record of the control log. */
  const checkpointsOf = async (cluster: Cluster) => {
    const topology = join(cluster.directory, 'cluster counts-initializer.local-topology');
    let before = readFileSync(topology);
    // The first may have been under way already, and the second may be of its end.
    for (let changes = 0; changes < 3; changes++) {
      before = await eventually(() => {
        const now = readFileSync(topology);
        return now.equals(before) ? undefined : now;
      }, 'another checkpoint');
    }
  };

  for (const [what, victims] of [
    ['a worker', [1]],
    ['the initializer', [0]],
    ['all workers', [0, 1, 2]],
  ] as const) {
    it(`finds its state again when ${what} was killed`, async () => {
      const cluster = await Cluster.start({ workers: 3, args });
      const { members, numbers } = cluster;
      await exchange(cluster);
      await checkpointsOf(cluster);
      for (const victim of victims) await members[victim]!.kill();
      for (const victim of victims) members[victim]!.launch();
      for (const member of members) await member.ready();
      // Not from the journals alone: each key was in a checkpoint.
      const replayed = await Promise.all(
        members.map((member) => member.waitFor(/Rolled back[^]*Replayed (\d+) entries/)),
      );
      const entries = replayed.reduce((sum, [, count]) => sum + Number(count), 0);
      expect(entries).to.be.at.least(numbers.sent.size);
      await exchange(cluster);
      // What was made since the last checkpoint may come again; nothing is missing, and no state was lost.
      await cluster.stop();
      expect([...newest(cluster)]).to.have.deep.members([...numbers.sent]);
      expect(cluster.files).to.deep.equal([]);
    });
  }

  it('hands on once what waited for its checkpoint, though all die when it has been', async () => {
    const cluster = await Cluster.start({
      workers: 2,
      args: ['--run-with-resilience', '--time-between-checkpoints', '1500000000', '--on-commit'],
    });
    const { members, directory } = cluster;
    await exchange(cluster);
    await eventually(() => {
      const kept = members.map(({ name }) => {
        const topology = readFileSync(join(directory, `cluster counts-${name}.local-topology`));
        return readClusterFile(topology).handedOn.length;
      });
      return kept.every((sinks) => sinks > 0) ? true : undefined;
    }, 'the word on disk that output has been handed on');
    for (const member of members) await member.kill();
    for (const member of members) member.launch();
    for (const member of members) await member.ready();
    await exchange(cluster);
    await cluster.stop();
    expect(new Set(cluster.sink.lines).size).to.equal(cluster.sink.lines.length);
  });

  it('makes up no state from a damaged log: the worker says which file it is, and where', async () => {
    const cluster = await Cluster.start({ workers: 2, args });
    const { members } = cluster;
    await exchange(cluster);
    await checkpointsOf(cluster);
    for (const member of members) await member.kill();
    const path = join(cluster.directory, 'cluster counts-w2.evlog');
    const log = readFileSync(path);
    log[20]! ^= 1;
    writeFileSync(path, log);
    for (const member of members) member.launch();
    const { code, stderr } = await members[1]!.process.finished();
    expect(code).to.equal(65);
    expect(stderr).to.include(path);
    expect(stderr).to.match(/is damaged at byte 0: the checksum of a record does not fit its bytes/);
    expect(readFileSync(path).equals(log), 'the file is as it was').to.equal(true);
  });
});
