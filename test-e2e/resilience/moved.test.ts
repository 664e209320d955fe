import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/changes.js';
import { Cluster, counted, endClusters, names, reservedPort, type Member } from '../support/cluster.js';

const args = ['--run-with-resilience', '--time-between-checkpoints', '100000000', '--peer-timeout', '600'];

/** The files go to another machine, where every address is another one: what the command says is newer. */
describe('workers whose files have moved', () => {
  afterEach(endClusters);

  /** What comes by different workers is in no order: each has keys of its own. */
  const exchange = async (cluster: Cluster, member: Member) => {
    const keys = names(`${member.name}-`, 60);
    await cluster.numbers.send(member, keys);
    await eventually(() => {
      const last = new Map<string, number>();
      for (const line of cluster.sink.lines) {
        const { key, number, count } = counted(line);
        expect(count, line).to.equal(number);
        last.set(key, Math.max(number, last.get(key) ?? 0));
      }
      return keys.every((key) => last.get(key) === cluster.numbers.sent.get(key));
    }, 'all messages at the sink');
  };
  /** What is written to `from` is found in the directory that is given back. */
  const moved = (cluster: Cluster, name: string) => {
    const directory = cluster.newDirectory();
    for (const file of cluster.files.filter((one) => one.startsWith(`cluster counts-${name}`))) {
      cpSync(join(cluster.directory, file), join(directory, file));
    }
    return directory;
  };
  const freshPorts = async () => [
    ...['--my-control', `127.0.0.1:${await reservedPort()}`],
    ...['--my-data', `127.0.0.1:${await reservedPort()}`],
  ];

  it('one of them: the others find it where it says it is', async () => {
    const cluster = await Cluster.start({ workers: 3, args });
    const [initializer, w2, w3] = cluster.members as [Member, Member, Member];
    await exchange(cluster, initializer);
    const before = [w2.controlPort, w2.dataPort];
    await w2.kill();
    const elsewhere = cluster.member('w2', { directory: moved(cluster, 'w2'), args: await freshPorts() });
    elsewhere.launch();
    await elsewhere.ready();
    expect([elsewhere.controlPort, elsewhere.dataPort]).not.to.have.members(before);
    await exchange(cluster, elsewhere);
    // It stays known there: the next to die finds it, too.
    await w3.kill();
    w3.launch();
    await w3.ready();
    await exchange(cluster, w3);
    expect((await w3.status()).worker_names).to.have.members(['initializer', 'w2', 'w3']);
  });

  it('all of them, to other ports everywhere', async () => {
    const cluster = await Cluster.start({ workers: 3, args });
    await exchange(cluster, cluster.initializer);
    for (const member of cluster.members) await member.kill();
    const control = `127.0.0.1:${await reservedPort()}`;
    const members = await Promise.all(
      cluster.members.map(async ({ name }) => {
        const data = ['--data', `127.0.0.1:${await reservedPort()}`];
        const ports = name === 'initializer' ? data : await freshPorts();
        return cluster.member(name, { directory: moved(cluster, name), control, args: ports });
      }),
    );
    // The initializer last: nobody is where any file says.
    for (const member of members.toReversed()) member.launch();
    await cluster.ready(members);
    for (const member of members) {
      expect((await member.status()).worker_names).to.have.members(['initializer', 'w2', 'w3']);
      await exchange(cluster, member);
    }
    // And once more without a word about where they are.
    const [, w2] = members as [Member, Member];
    await w2.kill();
    const again = cluster.member('w2', {
      directory: w2.command[w2.command.indexOf('--resilience-dir') + 1]!,
      control,
    });
    again.launch();
    await again.ready();
    await exchange(cluster, again);
  });

  it('one of them, whose first process was only stopped: that one ends when it is heard again', async () => {
    const cluster = await Cluster.start({ workers: 2, args });
    const [initializer, w2] = cluster.members as [Member, Member];
    await exchange(cluster, initializer);
    await exchange(cluster, w2);
    w2.process.kill('SIGSTOP');
    await initializer.waitFor(/w2 is unreachable/);
    const directory = moved(cluster, 'w2');
    // The lock goes with the directory: here nobody has the files.
    rmSync(join(directory, 'cluster counts-w2.lock'));
    const elsewhere = cluster.member('w2', { directory, args: await freshPorts() });
    elsewhere.launch();
    await elsewhere.ready();
    await exchange(cluster, initializer);
    const before = cluster.files;
    w2.process.kill('SIGCONT');
    const { code, stderr } = await w2.finished();
    expect(code, stderr).to.equal(75);
    expect(stderr).to.equal(
      'Error: Fenced: w2 has been started again since: this is start 1, the latest is 2. ' +
        'Nothing need be done: the later one does the work\n',
    );
    expect(w2.textsWith('Recovery files removed')).to.deep.equal([]);
    expect(cluster.files).to.deep.equal(before.filter((file) => file !== 'cluster counts-w2.lock'));
    // Nobody has noticed.
    await exchange(cluster, elsewhere);
    await exchange(cluster, initializer);
    expect(initializer.textsWith('w2 is unreachable')).to.have.length(1);
  });
});
