import { expect } from 'chai';
import { eventually } from '../support/changes.js';
import { Client } from '../support/client.js';
import { Cluster, endClusters, names, type Member } from '../support/cluster.js';
import { Proxy } from '../support/proxy.js';

describe('connections between workers that break', () => {
  let proxy: Proxy;
  let cluster: Cluster;
  let sending = false;
  let senders: Promise<void>[] = [];

  before(async () => {
    proxy = await Proxy.listen();
    cluster = await Cluster.start({
      workers: 3,
      args: ['--peer-timeout', '600'],
      env: proxy.environment,
      padding: 'x'.repeat(100),
    });
  });
  after(async () => {
    sending = false;
    await endClusters();
    await proxy.close();
  });

  beforeEach(() => {
    const { members, numbers, sink } = cluster;
    sending = true;
    senders = members.map(async (member) => {
      const client = await Client.connect(member.port('in'));
      const keys = names(`${member.name}-`, 40);
      while (sending) {
        if (numbers.total - sink.lines.length < 20_000) await client.write(numbers.frames(keys));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await client.end();
    });
  });

  /** Messages from now on come out. */
  const flows = () => cluster.sink.waitForLines(cluster.sink.lines.length + 3000);
  const finish = async () => {
    await flows();
    sending = false;
    await Promise.all(senders);
    await cluster.sink.waitForLines(cluster.numbers.total);
    cluster.numbers.expectExact(cluster.sink.lines);
    for (const member of cluster.members) expect((await member.status()).processing_messages).to.equal(true);
  };
  const unreachable = (member: Member) => member.textsWith('is unreachable').length;
  const back = (member: Member) => member.textsWith(' is back.').length;
  const worker = () => cluster.members[1]!;

  for (const channel of ['control', 'data'] as const) {
    const link = () => proxy.to(channel === 'control' ? worker().controlPort : worker().dataPort);

    it(`a ${channel} connection that is reset is made anew; nothing is lost, repeated or reordered`, async () => {
      await flows();
      for (let times = 0; times < 5; times++) {
        const { connections } = link();
        link().reset();
        await eventually(() => link().connections >= connections + 2, 'new connections of both peers');
        await flows();
      }
      await finish();
    });
  }

  for (const [what, direction] of [
    ['stands still', 'both'],
    ['takes nothing more, and answers', 'there'],
  ] as const) {
    it(`a data connection that ${what} is given up, and another one made`, async () => {
      const link = proxy.to(worker().dataPort);
      await flows();
      const { connections } = link;
      link.stall(direction);
      await eventually(() => link.connections >= connections + 2, 'new connections of both peers');
      // What was stuck comes late, on connections that count no more.
      link.resume();
      await finish();
    });
  }

  it('a data connection that is gone at one end only is replaced at the other', async () => {
    const link = proxy.to(worker().dataPort);
    await flows();
    const { connections } = link;
    link.forgetDiallers();
    await eventually(() => link.connections >= connections + 2, 'new connections of both peers');
    await finish();
  });

  it('all connections to a worker stand still: the others pause and say so, then all goes on', async () => {
    const [initializer, , w3] = cluster.members as [Member, Member, Member];
    const links = [proxy.to(worker().controlPort), proxy.to(worker().dataPort)];
    const before = [initializer, w3].map(back);
    await flows();
    for (const link of links) link.stall();
    for (const member of [initializer, w3]) {
      await cluster.statusAt(member, ({ unreachable }) => unreachable?.includes('w2') ?? false, 'w2 missed');
      expect((await member.status()).processing_messages).to.equal(false);
    }
    for (const link of links) link.resume();
    await finish();
    expect([initializer, w3].map(back)).to.deep.equal(before.map((count) => count + 1));
  });

  it('a worker stands still for seconds: it is missed, and goes on as the same', async () => {
    const [initializer, w2] = cluster.members as [Member, Member];
    await flows();
    const before = unreachable(initializer);
    w2.process.kill('SIGSTOP');
    await eventually(() => unreachable(initializer) > before, 'the line');
    // Longer than any connection is kept that says nothing.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    w2.process.kill('SIGCONT');
    await finish();
    expect(initializer.textsWith('has been started again')).to.deep.equal([]);
  });
});
