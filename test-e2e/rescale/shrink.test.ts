import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { Client } from '../support/client.js';
import { eventually } from '../support/changes.js';
import { Cluster, endClusters as endOtherClusters, type Member } from '../support/cluster.js';
import { run } from '../support/process.js';
import { endClusters, keysOf, Numbers, RescaleCluster, type RescaleWorker } from '../support/rescale.js';

const shrinker = fileURLToPath(
  new URL('../../packages/cluster-shrinker/bin/cluster_shrinker.js', import.meta.url),
);
const keys = Array.from({ length: 500 }, (_, i) => `${i % 40}.key${i}`);

describe('shrinks that are refused', () => {
  let cluster: RescaleCluster;
  let w2: RescaleWorker;

  before(async () => {
    cluster = await RescaleCluster.start();
    [w2] = (await cluster.grow(['w2'])) as [RescaleWorker];
  });

  afterEach(async () => {
    const status = await w2.status();
    expect([status.worker_count, status.leaving, status.slots_to_move]).to.deep.equal([
      2,
      undefined,
      undefined,
    ]);
  });

  after(endClusters);

  async function expectAnswer(args: readonly string[], text: string, exitCode = 1): Promise<void> {
    for (const worker of [cluster.initializer, w2]) {
      const { code, stdout, stderr } = await cluster.shrink(worker, ...args);
      expect([stdout, stderr, code], worker.name).to.deep.equal([`${text}\n`, '', exitCode]);
    }
  }

  it('answers which workers could go: all but one', async () => {
    await expectAnswer(['--query'], 'Eligible for shrink: Node count: 1, Nodes: |w2,|', 0);
  });

  it('knows no such worker, and then does nothing', async () => {
    await expectAnswer(['--workers', 'w2,nobody'], 'Cluster shrink response: Invalid shrink targets!');
  });

  it('keeps one worker at least', async () => {
    await expectAnswer(['--workers', 'w2,initializer'], 'Cluster shrink response: Invalid shrink targets!');
  });

  it('does not go by 0', async () => {
    const { code, stderr } = await cluster.shrink(w2, '--count', '0');
    expect([stderr, code]).to.deep.equal([
      'You must specify exactly one of --query, --count, or --workers\n',
      1,
    ]);
    const request = { query: false, node_names: [], node_count: 0 };
    for (const worker of [cluster.initializer, w2]) {
      const reply = await worker.ask({ type: 'shrinkRequest', body: request });
      expect(reply).to.deep.equal({ type: 'shrinkErrorResponse', body: 'Cannot shrink 0 workers!' });
    }
  });

  it('keeps workers with clients, unless it is to drain them', async () => {
    const clients = [
      await Client.connect(cluster.initializer.port('in')),
      await Client.connect(w2.port('all')),
    ];
    await eventually(async () => {
      const { stdout } = await cluster.shrink(w2, '--query');
      return stdout.includes('Node count: 0, Nodes: ||');
    }, 'the clients to be known');
    await expectAnswer(['--count', '1'], 'Cluster shrink response: Cannot shrink 0 workers!');
    await expectAnswer(
      ['--workers', 'w2'],
      'Cluster shrink response: Invalid shrink targets! Clients are connected to sources of: w2 (1). Use --drain to wait for them.',
    );
    for (const client of clients) await client.end();
    await expectAnswer(['--query'], 'Eligible for shrink: Node count: 1, Nodes: |w2,|', 0);
  });

  it('waits while others wait to join', async () => {
    const waiting = cluster.join('w3', { count: 2 });
    await cluster.initializer.waitFor(/Worker w3 attempting to join/);
    await expectAnswer(
      ['--workers', 'w2'],
      'Cluster shrink response: Autoscale event currently underway, cannot shrink at this time',
    );
    await waiting.kill();
    await cluster.initializer.waitFor(/w3 has gone before it was let in/);
  });
});

describe('shrinking', () => {
  afterEach(endClusters);
  afterEach(endOtherClusters);

  it('lets one worker go', async () => {
    const cluster = await RescaleCluster.start();
    const { initializer, sink } = cluster;
    const [w2] = await cluster.grow(['w2']);
    const numbers = new Numbers();
    await numbers.send(w2!, 'in', keys);
    await numbers.send(initializer, 'all', keys);
    await sink.waitForLines(numbers.total);
    await cluster.let([w2!], w2!);
    await cluster.settled(initializer, (status) => status.worker_count === 1);
    await numbers.send(initializer, 'in', keys);
    await numbers.send(initializer, 'all', keys);
    await sink.waitForLines(numbers.total);
    numbers.expectExact(sink.lines);
    for (const text of [
      '~~~Initiating shrink~~~',
      '-- Remaining workers: ',
      '-- Leaving workers: ',
      '-- -- w2',
    ]) {
      expect(initializer.texts).to.include(text);
    }
    expect(initializer.process.stdout).not.to.include('ready for epoch');
    await cluster.shutDown([initializer]);
  });

  it('lets the initializer go, and all others but one by count', async () => {
    const cluster = await RescaleCluster.start();
    const { initializer, sink } = cluster;
    const [w2] = (await cluster.grow(['w2'])) as [RescaleWorker];
    const [w3] = (await cluster.grow(['w3'])) as [RescaleWorker];
    const numbers = new Numbers();
    await numbers.send(initializer, 'in', keys);
    await sink.waitForLines(numbers.total);
    await cluster.let([initializer], w3);
    await cluster.settled(w3, (status) => status.worker_names.join() === 'w2,w3');
    await numbers.send(w3, 'in', keys);
    await sink.waitForLines(numbers.total);
    numbers.expectExact(sink.lines);

    // The new first worker leads: it lets others in, and not by its own name.
    const refused = await cluster
      .join('w2', { contact: w2, directory: cluster.otherDirectory() })
      .process.finished();
    expect([refused.stderr.includes('Proposed worker name is already reserved'), refused.code]).to.deep.equal(
      [true, 1],
    );
    const [w4] = (await cluster.grow(['w4'], { contact: w3 })) as [RescaleWorker];
    await numbers.send(w4, 'in', keys);
    await sink.waitForLines(numbers.total);
    numbers.expectExact(sink.lines);

    const answer = await cluster.shrink(w4, '--count', '9');
    expect([answer.stdout, answer.code]).to.deep.equal([
      'Cluster shrink response: Shrinking by 2 workers!\n',
      0,
    ]);
    await Promise.all([cluster.gone(w3), cluster.gone(w4)]);
    await cluster.settled(w2, (status) => status.worker_names.join() === 'w2');
    await numbers.send(w2, 'in', keys);
    await sink.waitForLines(numbers.total);
    numbers.expectExact(sink.lines);
    const { byGroup } = await keysOf([w2]);
    expect([...byGroup.values()].map((all) => all.length).sort((a, b) => a - b)).to.deep.equal([
      0, 0, 40, 500, 500,
    ]);
    await cluster.shutDown([w2]);
  });

  it('with --drain, reads to the end what clients still send', async () => {
    const cluster = await RescaleCluster.start();
    const { initializer, sink } = cluster;
    const [w2] = (await cluster.grow(['w2'])) as [RescaleWorker];
    const numbers = new Numbers();
    const client = await Client.connect(w2.port('in'));
    const send = () => client.write(Buffer.concat(keys.map((key) => numbers.frame('in', key))));
    await send();
    await sink.waitForLines(numbers.total);
    const leaving = cluster.let([w2], initializer, '--drain');
    leaving.catch(() => undefined);
    await w2.waitFor(/Beginning process of leaving cluster\./);
    await eventually(
      () =>
        Client.connect(w2.port('in')).then(
          (other) => (other.destroy(), false),
          () => true,
        ),
      'the source to let nobody in',
    );
    const busy = await cluster.shrink(initializer, '--workers', 'w2', '--drain');
    expect([busy.stdout, busy.code]).to.deep.equal([
      'Cluster shrink response: Autoscale event currently underway, cannot shrink at this time\n',
      1,
    ]);
    await cluster.settledButLeaving(initializer);
    expect((await initializer.status()).leaving).to.deep.equal(['w2']);
    await send();
    await sink.waitForLines(numbers.total);
    await send();
    await client.end();
    await leaving;
    await sink.waitForLines(numbers.total);
    numbers.expectExact(sink.lines);
    await cluster.settled(initializer, (status) => status.worker_count === 1);
    await cluster.shutDown([initializer]);
  });

  it('with --drain, cuts off clients that have not ended when its time is up', async () => {
    const cluster = await RescaleCluster.start();
    const { initializer, sink } = cluster;
    const [w2] = (await cluster.grow(['w2'], { args: ['--drain-timeout', '1'] })) as [RescaleWorker];
    const numbers = new Numbers();
    const client = await Client.connect(w2.port('in'));
    await client.write(Buffer.concat(keys.map((key) => numbers.frame('in', key))));
    await sink.waitForLines(numbers.total);
    await cluster.let([w2], initializer, '--drain');
    expect(w2.textsWith('WARNING')).to.deep.equal([
      'WARNING,Sources,1 clients have not ended within 1 s; they are cut off.',
    ]);
    client.destroy();
    await cluster.settled(initializer, (status) => status.worker_count === 1);
    numbers.expectExact(sink.lines);
    await cluster.shutDown([initializer]);
  });

  it('with --drain, reads WebSocket clients to the end', async () => {
    const cluster = await Cluster.start({ app: 'relay', args: ['--source=websocket'] });
    const [initializer, w2] = cluster.members as [Member, Member];
    let sent = 0;
    const socket = new WebSocket(`ws://127.0.0.1:${w2.port('in')}`);
    await once(socket, 'open');
    const send = () => {
      for (let i = 0; i < 1000; i++) socket.send(`${sent++}\n`);
    };
    send();
    await cluster.sink.waitForLines(sent);
    const external = `127.0.0.1:${initializer.externalPort}`;
    const answer = await run(shrinker, ['--external', external, '--workers', 'w2', '--drain']);
    expect(answer.stdout).to.equal('Cluster shrink response: Shrinking by 1 workers!\n');
    await w2.waitFor(/Beginning process of leaving cluster\./);
    await eventually(async () => {
      const other = new WebSocket(`ws://127.0.0.1:${w2.port('in')}`);
      const refused = await once(other, 'open').then(
        () => false,
        () => true,
      );
      other.terminate();
      return refused;
    }, 'the source to let nobody in');
    // Longer than a source that does not wait would take to stop.
    await new Promise((resolve) => setTimeout(resolve, 500));
    send();
    await cluster.sink.waitForLines(sent);
    send();
    socket.close();
    const { code, stderr, stdout } = await w2.finished();
    expect([code, stderr], stdout).to.deep.equal([0, '']);
    expect(w2.textsWith('WARNING')).to.deep.equal([]);
    await cluster.sink.waitForLines(sent);
    // Each behind the four bytes of its length.
    const got = cluster.sink.lines.map((line) => line.slice(4));
    expect(got).to.deep.equal(Array.from({ length: sent }, (_, i) => `${i}`));
  });
});

describe('shrinks while nobody leads', () => {
  afterEach(endClusters);

  const silent = 'Cluster shrink response: initializer, which leads the cluster, does not answer.';
  const away =
    'Cluster shrink response: initializer, which leads the cluster, is unreachable. Nothing was changed.';
  /** The tool takes some time to start, on a busy machine more. */
  const soonMs = 6000;

  async function answers(cluster: RescaleCluster, w2: RescaleWorker, ...args: string[]): Promise<string> {
    const before = Date.now();
    const { code, stdout, stderr } = await cluster.shrink(w2, ...args);
    expect([code, stderr], stdout).to.deep.equal([1, '']);
    expect(Date.now() - before, stdout).to.be.lessThan(soonMs);
    return stdout.trimEnd();
  }

  it('are answered when the worker that leads has died', async () => {
    const cluster = await RescaleCluster.start();
    const [w2] = (await cluster.grow(['w2'])) as [RescaleWorker];
    await cluster.initializer.kill();
    expect(await answers(cluster, w2, '--query')).to.be.oneOf([silent, away]);
    await w2.waitFor(/initializer is unreachable\./);
    expect(await answers(cluster, w2, '--query')).to.equal(away);
    expect(await answers(cluster, w2, '--workers', 'w2')).to.equal(away);
  });

  it('are answered when the worker that leads hangs, and nobody has noticed', async () => {
    const cluster = await RescaleCluster.start(['--peer-timeout', '20000']);
    const [w2] = (await cluster.grow(['w2'])) as [RescaleWorker];
    cluster.initializer.process.kill('SIGSTOP');
    const [query, count] = await Promise.all([
      answers(cluster, w2, '--query'),
      answers(cluster, w2, '--count', '1'),
    ]);
    expect(query).to.equal(silent);
    expect(count).to.equal(`${silent} The status of the cluster shows whether workers leave.`);
    // What it was asked to do it does, late as it is.
    cluster.initializer.process.kill('SIGCONT');
    await cluster.gone(w2);
  });
});
