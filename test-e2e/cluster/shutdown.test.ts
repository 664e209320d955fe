import { expect } from 'chai';
import { ExternalClient } from '@wallaroo/protocol';
import { eventually, standstill } from '../support/changes.js';
import { Client } from '../support/client.js';
import { Cluster, endClusters, names, type Member } from '../support/cluster.js';

describe('the clean shutdown of a cluster', () => {
  afterEach(endClusters);

  /** A client that sends as long as the worker takes it, and always has thousands of messages on their way. */
  const flood = async ({ numbers, sink }: Cluster, member: Member) => {
    const client = await Client.connect(member.port('in'));
    const keys = names(`${member.name}-`, 50);
    while (!client.socket.destroyed && !client.socket.writableEnded) {
      if (numbers.total - sink.lines.length < 6000) await client.write(numbers.frames(keys));
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const readBy = (member: Member) => Number(/^READ (\d+)$/m.exec(member.process.stdout)![1]);

  const ways: Record<string, (cluster: Cluster) => Promise<void> | void> = {
    'cluster_shutdown at the initializer': (cluster) => cluster.stop(),
    'cluster_shutdown at another worker': (cluster) => cluster.stop(cluster.members[2]),
    'SIGTERM at the initializer': ({ initializer }) => initializer.process.kill('SIGTERM'),
    'SIGINT at another worker': ({ members }) => members[1]!.process.kill('SIGINT'),
    'SIGTERM at all workers at once': ({ members }) =>
      members.forEach((member) => member.process.kill('SIGTERM')),
    'SIGTERM at one and a shutdown message at another worker at once': async ({ members }) => {
      const client = await ExternalClient.connect({ host: '127.0.0.1', port: members[1]!.externalPort });
      members[2]!.process.kill('SIGTERM');
      client.send({ type: 'cleanShutdown', body: 'both' });
      await client.close();
    },
  };

  for (const [what, stop] of Object.entries(ways)) {
    it(`by ${what}: all that was read is processed and sent, all exit 0, no files stay`, async () => {
      const cluster = await Cluster.start({ workers: 3 });
      const { members, numbers, sink } = cluster;
      const floods = members.map((member) => flood(cluster, member));
      const inFlight = () => numbers.total - sink.lines.length;
      const begun = () => members.every(({ name }) => (numbers.sent.get(`${name}-0`) ?? 0) > 20);
      await eventually(() => begun() && sink.lines.length > 3000 && inFlight() > 3000, 'a lot on its way');
      await stop(cluster);
      await cluster.ended();
      await Promise.all(floods);
      await sink.waitForEnd();
      const read = members.map(readBy);
      for (const count of read) expect(count).to.be.greaterThan(0);
      const total = read.reduce((sum, count) => sum + count, 0);
      expect(sink.lines.length, `of ${total} messages read`).to.equal(total);
      numbers.expectOrdered(sink.lines);
      for (const member of members) expect(member.texts).to.include('Recovery files removed.');
    });
  }

  it('says who was asked, and why', async () => {
    const cluster = await Cluster.start({ workers: 2 });
    const [initializer, w2] = cluster.members as [Member, Member];
    await cluster.stop(w2);
    expect(w2.textsWith('External Clean Shutdown received')).to.have.length(1);
    expect(initializer.texts).to.include('Shutting down: w2 was asked to stop the cluster.');
  });

  it('waits for a sink that takes its time, at a worker that was not asked', async () => {
    const cluster = await Cluster.start({
      workers: 2,
      args: ['--stop-pause=10_000_000_000'],
      padding: 'x'.repeat(1000),
    });
    const { members, numbers, sink } = cluster;
    const [initializer, w2] = members as [Member, Member];
    sink.pause();
    const client = await Client.connect(initializer.port('in'));
    const keys = names('key', 100);
    const flooding = (async () => {
      while (!client.socket.destroyed) await client.write(numbers.frames(keys));
    })();
    await initializer.waitFor(/Sources muted/);
    w2.process.kill('SIGTERM');
    await initializer.waitFor(/Shutting down: w2 was asked/);
    // What waits for the sinks, and on links, keeps the workers from going on.
    await standstill(() => initializer.texts.length + w2.texts.length, 300);
    sink.resume();
    await client.closed;
    await cluster.ended();
    await flooding;
    await sink.waitForEnd();
    expect(sink.lines.length).to.equal(readBy(initializer));
    numbers.expectOrdered(sink.lines);
  });

  /** w2 and w3 are killed, and w2 is back: it waits for w3, the initializer for both. */
  const waitingForOne = async (args: readonly string[] = []) => {
    const cluster = await Cluster.start({ workers: 3, args });
    const [initializer, w2, w3] = cluster.members as [Member, Member, Member];
    await cluster.numbers.send(initializer, names('key', 60));
    await cluster.sink.waitForLines(60);
    await w2.kill();
    await w3.kill();
    w2.launch();
    await initializer.waitFor(/w2 has been started again/);
    await cluster.stopAt(w2);
    await w2.waitFor(/External Clean Shutdown received/);
    return { cluster, initializer, w2, w3 };
  };

  it('asked of a worker that has come back: waits for the one that is missing', async () => {
    const { cluster, initializer, w3 } = await waitingForOne();
    await initializer.waitFor(/Shutting down: w2 was asked/);
    w3.launch();
    await cluster.ended();
    for (const { texts } of cluster.members) expect(texts).to.include('Recovery files removed.');
  });

  it('asked of a worker that has come back: all say who is missing when that one does not come', async () => {
    const { cluster, initializer, w2 } = await waitingForOne(['--stop-pause=100_000_000']);
    expect(await initializer.refusal()).to.match(/w3/);
    expect(await w2.refusal()).to.match(/w3/);
    expect(cluster.files.length).to.be.greaterThan(0);
  });

  it('before anybody has processed anything after a restart: all end at once, and files stay', async () => {
    const cluster = await Cluster.start({ workers: 3 });
    const [initializer, w2] = cluster.members as [Member, Member, Member];
    await Promise.all(cluster.members.map((member) => member.kill()));
    for (const member of [initializer, w2]) await member.launch().waitFor(/external: listening/);
    await cluster.stopAt(w2);
    for (const member of [initializer, w2]) {
      expect((await member.finished()).code).to.equal(0);
      expect(member.textsWith('it can be started again with the files of its workers')).to.have.length(1);
    }
    for (const member of cluster.members) member.launch();
    await cluster.ready();
    await cluster.stop();
  });
});
