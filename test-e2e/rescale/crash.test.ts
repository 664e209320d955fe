import { expect } from 'chai';
import { eventually } from '../support/changes.js';
import { endClusters, keysOf, Numbers, RescaleCluster, type RescaleWorker } from '../support/rescale.js';

const keys = Array.from({ length: 2000 }, (_, i) => `${i % 50}.key${i}`);

describe('crashes while the cluster changes', () => {
  afterEach(endClusters);

  it('goes on by itself when a joiner dies at the door, and lets the next one in', async () => {
    const cluster = await RescaleCluster.start(['--peer-timeout', '500']);
    const { initializer, sink } = cluster;
    const joiner = cluster.join('w2');
    await initializer.waitFor(/Worker w2 attempting to join/);
    await joiner.kill();
    await eventually(async () => {
      const status = await initializer.status();
      return status.processing_messages && status.worker_count === 1;
    }, 'the cluster to go on without the joiner');
    const [w2] = await cluster.grow(['w2'], { directory: cluster.otherDirectory() });
    const numbers = new Numbers();
    await numbers.send(w2!, 'in', keys);
    await sink.waitForLines(numbers.total);
    numbers.expectExact(sink.lines);
  });

  for (const victim of ['initializer', 'w2'] as const) {
    it(`completes a move of slots when ${victim} is killed in the middle and started again`, async () => {
      const cluster = await RescaleCluster.start(['--peer-timeout', '1000']);
      const { initializer, sink } = cluster;
      const before = new Numbers();
      await before.send(initializer, 'in', keys);
      await sink.waitForLines(before.total);
      const w2 = cluster.join('w2');
      await initializer.waitFor(/slots are to move/);
      await eventually(async () => {
        const { slots_to_move: left } = await initializer.status();
        return left !== undefined && left < 500;
      }, 'the middle of the move');
      const killed: RescaleWorker = victim === 'w2' ? w2 : initializer;
      await killed.kill();
      killed.launch();
      await killed.ready();
      const members = [initializer, w2];
      for (const worker of members) {
        await eventually(async () => {
          const status = await worker.status();
          return (
            status.processing_messages && status.worker_count === 2 && status.slots_to_move === undefined
          );
        }, `${worker.name} to see the change complete`);
      }
      // New keys count exactly; what the killed worker held of old ones is gone, until there are checkpoints.
      const after = new Numbers();
      const fresh = Array.from({ length: 1000 }, (_, i) => `fresh${i}.0`);
      const from = sink.lines.length;
      for (const worker of members) await after.send(worker, 'in', fresh);
      await sink.waitForLines(from + after.total);
      expect(sink.lines.length).to.equal(from + after.total);
      expect(sink.lines.slice(from).every((line) => line.startsWith('in fresh'))).to.equal(true);
      const { counts } = await keysOf(members);
      const parts = Object.values(counts).find(([a = 0, b = 0]) => a + b >= 1000);
      expect(parts?.every((part) => part > 400)).to.equal(true);
      await cluster.shutDown(members);
    });
  }
});
