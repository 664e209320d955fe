import { expect } from 'chai';
import type { ClusterStatus } from '@wallaroo/protocol';
import { endClusters, keysOf, Load, RescaleCluster, Watch, type RescaleWorker } from '../support/rescale.js';

describe('growing and shrinking under load', () => {
  afterEach(endClusters);

  /** What one worker must hold at the end: every key that was ever sent. */
  async function expectAllKeys(worker: RescaleWorker, { numbers }: Load): Promise<void> {
    const { byGroup } = await keysOf([worker]);
    const { in: input, all } = numbers.sent;
    const groups = new Set([...input.keys()].map((key) => key.split('.')[0]));
    const expected = [1, groups.size, input.size, input.size, all.size];
    const ascending = (a: number, b: number) => a - b;
    expect([...byGroup.values()].map((keys) => keys.length).sort(ascending)).to.deep.equal(
      expected.sort(ascending),
    );
  }

  function expectUnnoticed(seen: readonly ClusterStatus[]): void {
    const noticed = seen.filter(({ processing_messages: on, unreachable }) => !on || unreachable);
    expect(noticed.slice(0, 2), `${noticed.length} of ${seen.length} answers`).to.deep.equal([]);
  }

  it('loses, repeats and reorders nothing from 1 over 2 to 3 workers and back, and nobody notices', async () => {
    const cluster = await RescaleCluster.start();
    const { initializer, sink } = cluster;
    const load = await Load.start(initializer, { keys: 300 });
    const watch = await Watch.start(initializer);
    await sink.waitForLines(500);
    const [w2] = await cluster.grow(['w2']);
    const [w3] = await cluster.grow(['w3'], { contact: w2 });
    await sink.waitForLines(sink.lines.length + 500);
    load.numbers.expectOrdered(sink.lines);
    expectUnnoticed(watch.seen);

    await cluster.let([w2!, w3!], w3!);
    await cluster.settled(initializer, (status) => status.worker_count === 1);
    await sink.waitForLines(sink.lines.length + 500);
    await load.finish(sink);
    const seen = await watch.stop();
    load.numbers.expectExact(sink.lines);
    expectUnnoticed(seen);
    await expectAllKeys(initializer, load);

    const moving = seen.filter((status) => (status.slots_to_move ?? 0) > 0);
    expect(moving.some(({ worker_count: count }) => count === 2)).to.equal(true);
    expect(moving.some(({ leaving }) => leaving?.join() === 'w2,w3')).to.equal(true);
    const half = moving.find(({ migration }) => migration?.slots_total === 683 && migration.slots_moved > 0);
    expect(half?.migration).to.have.keys(['slots_moved', 'slots_total', 'keys', 'bytes', 'seconds']);
    expect(seen.at(-1)!.migration).to.include({ slots_moved: 683, slots_total: 683 });
    expect(initializer.process.stdout).to.match(/AUTOSCALE: 683 of 683 slots moved, \d+ keys, /);
    await cluster.shutDown([initializer]);
  });

  it('from 1 to 6 workers at once, and back', async () => {
    const cluster = await RescaleCluster.start();
    const { initializer, sink } = cluster;
    const load = await Load.start(initializer, { keys: 200, batch: 6, pauseMs: 20 });
    const watch = await Watch.start(initializer);
    await sink.waitForLines(200);
    const others = await cluster.grow(['w2', 'w3', 'w4', 'w5', 'w6']);
    const { counts } = await keysOf([initializer, ...others]);
    for (const parts of Object.values(counts)) expect(parts).to.have.lengthOf(6);
    load.numbers.expectOrdered(sink.lines);
    await cluster.let(others, others[4]!);
    await cluster.settled(initializer, (status) => status.worker_count === 1);
    await sink.waitForLines(sink.lines.length + 100);
    await load.finish(sink);
    load.numbers.expectExact(sink.lines);
    expectUnnoticed(await watch.stop());
    await expectAllKeys(initializer, load);
    await cluster.shutDown([initializer]);
  });
});
