import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/changes.js';
import { Cluster, endClusters, hasConnection, names, reservedPort, type Member } from '../support/cluster.js';

const place = String.raw`127\.0\.0\.1:\d+`;

/** Each of these lines, in this order, with others between them. */
function expectInOrder(texts: readonly string[], expected: readonly string[]): void {
  let next = 0;
  for (const text of expected) {
    const found = texts.findIndex((line, i) => i >= next && new RegExp(`^${text}$`).test(line));
    expect(found, `${text}, after line ${next} of\n${texts.join('\n')}`).to.be.at.least(next);
    next = found + 1;
  }
}

describe('the start of a cluster', () => {
  afterEach(endClusters);

  const modes = [
    String.raw`\*\*\*\*CLUSTERING MODE is active\*\*\*\*`,
    String.raw`\*\*\*\*AUTOSCALE MODE is active\*\*\*\*`,
    String.raw`\|\|\| Resilience directory: .+\|\|\|`,
    `Set up external channel listener on ${place}`,
  ];
  const phases = (sink: string) => [
    `Connecting to sink at ${sink.replaceAll('.', '\\.')}`,
    String.raw`in source will listen \(but not yet\) on 127\.0\.0\.1:0`,
    'in TCP Source max buffer size: 16384',
    String.raw`\|~~ INIT PHASE I: Application is created! ~~\|`,
    `in source is listening on ${place}`,
    String.raw`\|~~ INIT PHASE II: Application is initialized! ~~\|`,
    String.raw`\|~~ INIT PHASE III: Application is ready to work! ~~\|`,
  ];
  const ready = String.raw`\|~~ INIT PHASE IV: Cluster is ready to work! ~~\|`;

  const expectLines = (cluster: Cluster) => {
    const { members, initializer } = cluster;
    const others = members.slice(1);
    const joined = /^Worker (w\d) control channel identified$/;
    const order = initializer.texts.flatMap((text) => joined.exec(text)?.[1] ?? []);
    expect([...order].sort()).to.deep.equal(others.map(({ name }) => name));
    expectInOrder(initializer.texts, [
      ...modes,
      `initializer external: listening on ${place}`,
      String.raw`Running as Initializer\.\.\.`,
      `initializer control: listening on ${cluster.control.replaceAll('.', '\\.')}`,
      `initializer data: listening on ${place}`,
      ...order.map((name) => `Worker ${name} control channel identified`),
      'All worker control channels identified',
      ...order.map((name) => `Worker ${name} data channel identified`),
      'All worker data channels identified',
      'Initializing application',
      'Distributing local topologies to workers',
      'Finished distributing',
      ...phases(cluster.sink.address),
      ...['initializer', ...order].map((name) => `${name} reported topology ready!`),
      `All ${members.length} workers reporting Topology ready!`,
      String.raw`Application has successfully initialized\.`,
      ready,
    ]);
    for (const worker of others) {
      const { name, texts } = worker;
      expectInOrder(texts, [
        ...modes,
        `${name} external: listening on ${place}`,
        `${name} control: listening on ${place}`,
        `${name} data: listening on ${place}`,
        ...phases(cluster.sink.address),
        ready,
      ]);
      expect(texts).to.not.include('Running as Initializer...');
      expect(texts).to.not.include('Application has successfully initialized.');
    }
    for (const member of members) {
      expect(member.textsWith(',WARNING,').concat(member.textsWith(',ERROR,'))).to.deep.equal([]);
    }
  };

  for (const [what, order] of Object.entries({
    'the initializer first': [0, 1, 2],
    'the initializer in the middle': [1, 0, 2],
    'the initializer last': [2, 1, 0],
  })) {
    it(`succeeds with ${what}; who waits says for whom, and that it is not initialized`, async () => {
      const cluster = await Cluster.prepare({ workers: 3 });
      const { members, initializer, numbers, sink } = cluster;
      for (const [started, index] of order.entries()) {
        const member = members[index]!.launch();
        if (started === 2) break;
        await member.waitFor(/Waiting for /);
        const awaited = index === 0 ? '2 workers' : `the initializer at ${cluster.control}`;
        expect(member.texts).to.include(`Waiting for ${awaited}.`);
        expect((await member.ask({ type: 'clusterStatusQuery' })).type).to.equal(
          'clusterStatusQueryResponseNotInitialized',
        );
      }
      await cluster.ready();
      expectLines(cluster);
      // Nobody was told where the others listen: the real ports are known.
      const addresses = JSON.parse(
        readFileSync(join(cluster.directory, 'cluster counts-w2.connection-addresses'), 'utf8'),
      ) as { name: string; control: { port: number }; data: { port: number } }[];
      expect(
        new Map(addresses.map(({ name, control, data }) => [name, [control.port, data.port]])),
      ).to.deep.equal(new Map(members.map((one) => [one.name, [one.controlPort, one.dataPort]])));
      for (const member of members) await numbers.send(member, names(`${member.name}-`, 30));
      await sink.waitForLines(90);
      numbers.expectExact(sink.lines);
      await cluster.stop(initializer);
    });
  }

  it('is told at the initializer, with each worker that arrives, once for each of its lives', async () => {
    const cluster = await Cluster.prepare({ workers: 3 });
    const [initializer, w2, w3] = cluster.members as [Member, Member, Member];
    await initializer.launch().waitFor(/Waiting for /);
    const one = 'Worker w2 has arrived: 1 worker still missing.';
    await w2.launch().waitFor(/Waiting for the other workers|Waiting for the initializer/);
    await eventually(() => initializer.texts.includes(one), 'w2 to arrive');
    await w2.kill();
    await initializer.waitFor(/Worker w2 has gone/);
    w2.launch();
    await eventually(
      () => initializer.texts.filter((text) => text === one).length === 2,
      'w2 to arrive again',
    );
    w3.launch();
    await cluster.ready();
    expect(initializer.texts.filter((text) => /has arrived/.test(text))).to.deep.equal([
      ...[one, one],
      'Worker w3 has arrived: all workers are here.',
    ]);
    await cluster.stop(initializer);
  });

  it('answers all queries before it has formed, at any worker', async () => {
    const cluster = await Cluster.prepare({ workers: 3 });
    const [initializer, w2] = cluster.members;
    for (const member of [w2!, initializer!]) {
      await member.launch().waitFor(/Waiting for /);
      const { type, body } = await member.ask({
        type: 'shrinkRequest',
        body: { query: false, node_names: ['w2'], node_count: 0 },
      });
      expect([type, body]).to.deep.equal(['shrinkErrorResponse', 'The cluster has not started yet.']);
      await member.answer('clusterStatusQuery', 'clusterStatusQueryResponseNotInitialized');
      const partitions = await member.answer('partitionQuery', 'partitionQueryResponse');
      const counts = await member.answer('partitionCountQuery', 'partitionCountQueryResponse');
      expect(Object.keys(partitions.state_partitions)).to.deep.equal(Object.keys(counts.state_partitions));
      await member.answer('statelessPartitionQuery', 'statelessPartitionQueryResponse');
      await member.answer('statelessPartitionCountQuery', 'statelessPartitionCountQueryResponse');
      await member.answer('sourceIdsQuery', 'sourceIdsQueryResponse');
      expect(await member.keys()).to.deep.equal([]);
      const entities = await member.answer('stateEntityCountQuery', 'stateEntityCountQueryResponse');
      expect(Object.values(entities).every((count) => count === 0)).to.equal(true);
      const all = await member.answer('clusterStateEntityCountQuery', 'clusterStateEntityCountQueryResponse');
      expect(all).to.deep.equal({});
    }
    // Nothing has happened yet: an end takes those that are there along, and all is well.
    await eventually(() => hasConnection(w2!.controlPort), 'a connection to w2');
    w2!.process.kill('SIGTERM');
    for (const member of [initializer!, w2!]) {
      const { code, stderr, stdout } = await member.finished();
      expect([member.name, code, stderr], stdout).to.deep.equal([member.name, 0, '']);
    }
    expect(cluster.files).to.deep.equal([]);
  });

  it('understands the command lines of older manuals', async () => {
    const cluster = await Cluster.prepare({ workers: 3 });
    const older = (name: string, ...role: string[]) =>
      cluster.member(name, {
        role: [
          ...role,
          ...['--worker-name', name, '--worker-count', '3', '--control-channel', cluster.control],
          ...['--data', '127.0.0.1:0', '--stop-world', '1_000_000_000', '--in', '127.0.0.1:0'],
          ...['--ponythreads=1', '--ponypinasio', '--ponynoblock'],
        ],
      });
    const [control, data] = [await reservedPort(), await reservedPort()];
    const own = ['--my-control', `127.0.0.1:${control}`, '--my-data', `127.0.0.1:${data}`];
    const all = [older('initializer', '--topology-initializer'), older('w2'), older('w3', ...own)];
    for (const member of all) member.launch();
    await cluster.ready(all);
    expect(all[0]!.texts).to.include('Application has successfully initialized.');
    expect([all[2]!.controlPort, all[2]!.dataPort]).to.deep.equal([control, data]);
    await cluster.numbers.send(all[1]!, names('key', 30));
    await cluster.sink.waitForLines(30);
    cluster.numbers.expectExact(cluster.sink.lines);
  });
});
