import { expect } from 'chai';
import { hasConnection, reservedPort } from '../support/cluster.js';
import { endClusters, keysOf, Numbers, RescaleCluster } from '../support/rescale.js';

describe('growing', () => {
  afterEach(endClusters);

  it('has joiners listen where they are told to', async () => {
    const cluster = await RescaleCluster.start();
    const [control, data] = [await reservedPort(), await reservedPort()];
    const args = ['--my-control', `127.0.0.1:${control}`, '--my-data', `127.0.0.1:${data}`];
    const [w2] = await cluster.grow(['w2'], { args });
    expect([w2!.controlPort, w2!.dataPort]).to.deep.equal([control, data]);
    // That is where others find it.
    const [w3] = await cluster.grow(['w3'], { contact: w2 });
    const numbers = new Numbers();
    await numbers.send(w3!, 'in', ['a.1', 'b.1', 'c.1', 'd.1']);
    await cluster.sink.waitForLines(numbers.total);
    expect(hasConnection(control) && hasConnection(data)).to.equal(true);
    await cluster.shutDown([cluster.initializer, w2!, w3!]);
  });

  it('adds one worker, then two more together, and gives each its part', async () => {
    const cluster = await RescaleCluster.start();
    const { initializer, sink } = cluster;
    const keys = Array.from({ length: 4000 }, (_, i) => `${i % 400}.key${i}`);
    const numbers = new Numbers();
    await numbers.send(initializer, 'in', keys);
    await numbers.send(initializer, 'all', keys);
    const [w2] = await cluster.grow(['w2']);
    await numbers.send(w2!, 'in', keys);
    const [w3, w4] = await cluster.grow(['w3', 'w4'], { contact: w2 });
    const members = [initializer, w2!, w3!, w4!];
    await numbers.send(w3!, 'all', keys);
    await numbers.send(w4!, 'in', [...keys, 'new.1', 'new.2']);
    await sink.waitForLines(numbers.total);
    numbers.expectExact(sink.lines);

    for (const worker of members) {
      const { worker_names: names } = await worker.status();
      expect(names.slice(0, 2)).to.deep.equal(['initializer', 'w2']);
      expect(names.slice(2)).to.have.members(['w3', 'w4']);
    }
    const { byGroup, counts } = await keysOf(members);
    expect([...byGroup.values()].map((all) => all.length).sort((a, b) => a - b)).to.deep.equal([
      1, 401, 4000, 4002, 4002,
    ]);
    for (const parts of Object.values(counts)) {
      const all = parts.reduce((a, b) => a + b, 0);
      if (all < 4000) continue;
      for (const part of parts) expect(part, `of ${parts.join(', ')}`).to.be.within(850, 1150);
    }

    const lines = (worker: { readonly texts: readonly string[] }, text: string) =>
      worker.texts.filter((line) => line.includes(text)).length;
    for (const joiner of [w2!, w3!, w4!]) {
      for (const text of [
        'New worker preparing to join cluster',
        '***Received cluster information!***',
        'Joining worker: Skipping Phase III',
      ]) {
        expect(lines(joiner, text), `${joiner.name}: ${text}`).to.equal(1);
      }
    }
    for (const text of [
      'AUTOSCALE: Waiting for 1 joining workers. Current cluster size: 1',
      'AUTOSCALE: Waiting for 2 joining workers. Current cluster size: 2',
      'AUTOSCALE: Waiting for 1 joining workers. Current cluster size: 2',
      ...['w2', 'w3', 'w4'].flatMap((name) => [
        `***Worker ${name} attempting to join the cluster. Sent necessary information.***`,
        `***New worker ${name} added to cluster!***`,
      ]),
    ]) {
      expect(lines(initializer, text), text).to.equal(1);
    }
    for (const text of ['AUTOSCALE: Autoscale is complete.', 'AUTOSCALE: Waiting for new autoscale event.']) {
      const told = [initializer, w2!, w3!, w4!].map((worker) => lines(worker, text));
      expect(told, text).to.deep.equal([2, 2, 1, 1]);
    }
    expect(initializer.process.stdout).to.match(
      /AUTOSCALE: 512 of 512 slots moved, \d+ keys, [\d.]+ MB, [\d.]+ s/,
    );
    await cluster.shutDown(members, w3);
  });

  it('lets nobody wait for ever who comes while slots move', async () => {
    const cluster = await RescaleCluster.start();
    const { initializer } = cluster;
    const numbers = new Numbers();
    await numbers.send(
      initializer,
      'in',
      Array.from({ length: 1000 }, (_, i) => `k${i}.0`),
    );
    const first = cluster.join('w2');
    await initializer.waitFor(/slots are to move/);
    const second = cluster.join('w3');
    await first.ready();
    const outcome = await Promise.race([
      second.ready().then(() => 'in'),
      second.process.finished().then(({ code, stderr }) => {
        expect(stderr).to.include('Join Error: Autoscale event currently underway, cannot join at this time');
        expect(code).to.equal(1);
        return 'refused';
      }),
    ]);
    await cluster.settled(initializer);
    const [third] = outcome === 'in' ? [second] : await cluster.grow(['w3']);
    await cluster.settled(third!, (status) => status.worker_count === 3);
    await keysOf([initializer, first, third!]);
  });

  it('turns away those that wait for others that never come; they may come again', async () => {
    const cluster = await RescaleCluster.start(['--join-timeout', '1']);
    const { initializer, sink } = cluster;
    const alone = cluster.join('w2', { count: 2 });
    const { code, stderr } = await alone.process.finished();
    expect(stderr).to.include('Join Error: Only 1 of 2 joining workers came within 1 s.');
    expect(code).to.equal(1);
    expect(initializer.process.stdout).to.include('They are turned away.');
    const [w2] = await cluster.grow(['w2']);
    const numbers = new Numbers();
    await numbers.send(w2!, 'in', ['a', 'b', 'c']);
    await sink.waitForLines(numbers.total);
    numbers.expectExact(sink.lines);
    await cluster.shutDown([initializer, w2!]);
  });

  it('forgets a joiner that is killed while it waits; another one takes its place and its name', async () => {
    const cluster = await RescaleCluster.start();
    const { initializer } = cluster;
    const killed = cluster.join('w2', { count: 2 });
    await initializer.waitFor(/Worker w2 attempting to join/);
    await killed.kill();
    await initializer.waitFor(/AUTOSCALE: w2 has gone before it was let in\./);
    const members = [initializer, ...(await cluster.grow(['w2', 'w3']))];
    expect((await initializer.status()).worker_count).to.equal(3);
    await cluster.shutDown(members);
  });

  it('tells a joiner why it waits, when the one that decides is away', async () => {
    const cluster = await RescaleCluster.start();
    const { initializer } = cluster;
    const [w2] = await cluster.grow(['w2']);
    await initializer.kill();
    const w3 = cluster.join('w3', { contact: w2 });
    await w3.waitFor(/Not let in yet: initializer, which decides who comes in, does not answer\./);
    initializer.launch();
    await w3.ready();
    expect(w3.texts.filter((text) => text.includes('Not let in yet'))).to.have.length(1);
    await cluster.settled(w3, ({ worker_count: count }) => count === 3);
    await cluster.shutDown([initializer, w2!, w3]);
  });
});
