import { expect } from 'chai';
import { Client, frames } from '../support/client.js';
import { Cluster, endClusters, names, type Member } from '../support/cluster.js';

describe('messages of classes of the application between workers', () => {
  afterEach(endClusters);

  const keys = names('key', 60);
  const start = (way: string) =>
    Cluster.start({ workers: 2, app: 'cluster-classes', args: [way, '--peer-timeout', '600'] });
  const send = async (member: Member) => {
    const client = await Client.connect(member.port('in'));
    await client.write(frames(keys.map((key, i) => `${key} ${i}`)));
    return client;
  };

  for (const [way, what] of [
    ['named', 'keep their class when the application names it'],
    ['bytes', "go through the application's own serialize and deserialize, if they leave their worker"],
  ] as const) {
    it(what, async () => {
      const cluster = await start(way);
      const [initializer] = cluster.members as [Member];
      const client = await send(initializer);
      await client.end();
      await cluster.sink.waitForLines(keys.length);
      await cluster.stop();
      const big = 2n ** 70n;
      const seen = cluster.sink.lines.map((line) => {
        const [process, entrance, key, text, how] = line.split(' ');
        const travelled = process !== entrance;
        expect(entrance).to.equal(`${initializer.process.pid}`);
        expect(how).to.equal(travelled && way === 'bytes' ? 'travelled' : 'stayed');
        expect(text).to.equal(`${keys.indexOf(key!)}/86400000/${big}`);
        return travelled;
      });
      expect(new Set(seen)).to.deep.equal(new Set([true, false]));
    });
  }

  it('of a class that nobody named stop the worker with an error that says what to do', async () => {
    const cluster = await start('unnamed');
    const [initializer] = cluster.members as [Member];
    const client = await send(initializer);
    const text = await initializer.refusal();
    expect(text).to.match(
      /^Error: .*key.* failed on \{.*\}: TypeError: an instance of class Reading cannot leave/,
    );
    expect(text).to.include(
      "name the class in the application's `classes`, or give it `serialize` and `deserialize`",
    );
    client.destroy();
  });
});
