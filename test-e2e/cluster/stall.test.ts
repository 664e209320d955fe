import { setTimeout } from 'node:timers/promises';
import { Cluster, endClusters, names, type Member } from '../support/cluster.js';
import { Proxy } from '../support/proxy.js';

/** How long the connections stand still: longer than workers wait before they say that somebody is missed. */
const stallMs = 5000;

describe('with the patience that workers have by default', function () {
  this.timeout(60_000);
  let proxy: Proxy;
  beforeEach(async () => (proxy = await Proxy.listen()));
  afterEach(async () => {
    await endClusters();
    await proxy.close();
  });

  it('connections stand still for 5 s: the worker is missed before they move again, and nothing is lost or comes twice', async () => {
    const cluster = await Cluster.start({ workers: 2, env: proxy.environment });
    const { members, numbers, sink } = cluster;
    const [initializer, w2] = members as [Member, Member];
    const keys = names('key', 200);
    await numbers.send(initializer, keys);
    await sink.waitForLines(numbers.total);
    const links = [proxy.to(w2.controlPort), proxy.to(w2.dataPort)];
    for (const link of links) link.stall();
    const stalledAt = performance.now();
    await numbers.send(initializer, keys);
    await numbers.send(w2, names('other', 200));
    await initializer.waitFor(/w2 is unreachable/);
    const missedMs = performance.now() - stalledAt;
    await setTimeout(Math.max(0, stallMs - missedMs));
    for (const link of links) link.resume();
    await sink.waitForLines(numbers.total);
    numbers.expectExact(sink.lines);
    await initializer.waitFor(/w2 is back\./);
    await cluster.stop();
  });
});
