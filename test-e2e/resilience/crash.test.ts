import { expect } from 'chai';
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

  for (const [what, victims] of [
    ['a worker', [1]],
    ['the initializer', [0]],
    ['all workers', [0, 1, 2]],
  ] as const) {
    it(`finds its state again when ${what} was killed`, async () => {
      const cluster = await Cluster.start({ workers: 3, args });
      const { members, numbers } = cluster;
      await exchange(cluster);
      for (const victim of victims) await members[victim]!.kill();
      for (const victim of victims) members[victim]!.launch();
      for (const member of members) await member.ready();
      for (const victim of victims) {
        await members[victim]!.waitFor(/RESILIENCE: Replayed \d+ entries from recovery log file\./);
      }
      await exchange(cluster);
      // What was made since the last checkpoint may come again; nothing is missing, and no state was lost.
      await cluster.stop();
      expect([...newest(cluster)]).to.have.deep.members([...numbers.sent]);
      expect(cluster.files).to.deep.equal([]);
    });
  }
});
