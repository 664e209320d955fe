import { expect } from 'chai';
import { eventually } from '../support/changes.js';
import { Cluster, endClusters, hasConnection, names, reservedPort, type Member } from '../support/cluster.js';

describe('workers that have no place in a cluster', () => {
  afterEach(endClusters);

  const short = ['--peer-timeout', '600'];
  const refusedBy = (member: Member, name: string, why: string) =>
    member.waitFor(
      new RegExp(`,ERROR,Membership,${member.name} control: refused ${name} \\(.*\\): .*${why}`),
    );

  it('are told why while it forms, and so is the initializer, which waits on and starts with the right ones', async () => {
    const cluster = await Cluster.prepare({ workers: 3, args: short });
    const [initializer, w2, w3] = cluster.members as [Member, Member, Member];
    initializer.launch();
    await initializer.waitFor(/Waiting for 2 workers\./);
    await w2.launch().waitFor(/Waiting for the initializer/);
    await initializer.waitFor(/initializer data: listening/);
    // Known before the others come.
    const twin = cluster.member('w2', { directory: cluster.newDirectory() });
    const different = cluster.member('w3', { args: ['--more'] });
    const named = cluster.member('w3', { args: ['--app-name', 'another application'] });
    const control = `127.0.0.1:${w2.controlPort}`;
    const lost = cluster.member('w4', { control });
    const second = cluster.member('initializer');
    const elsewhere = cluster.member('initializer', { directory: cluster.newDirectory() });
    for (const member of [twin, different, named, lost, second, elsewhere]) member.launch();

    const differs = 'the applications of initializer and w3 differ: here ';
    expect(await different.refusal()).to.match(
      new RegExp(
        `^Error: initializer refuses this worker: ${differs}.*once more.*Start it with the right application`,
      ),
    );
    await refusedBy(initializer, 'w3', `${differs}.*once more`);
    expect(await named.refusal()).to.include(
      `Error: initializer refuses this worker: ${differs}application 'cluster counts', there application 'another application'. `,
    );
    await refusedBy(initializer, 'w3', `${differs}application 'cluster counts', there application 'another`);
    const taken = "the name 'w2' is taken by a worker that is alive";
    expect(await twin.refusal()).to.include(`Error: initializer refuses this worker: ${taken}. `);
    await refusedBy(initializer, 'w2', taken);
    const astray = 'w2 is not the initializer; --control names the control channel of the initializer';
    expect(await lost.refusal()).to.include(`refuses this worker: ${astray}. `);
    await refusedBy(w2, 'w4', astray);
    expect(await second.refusal()).to.include(
      `A worker 'initializer' of application 'cluster counts' is running already (process ${initializer.process.pid}`,
    );
    expect(await elsewhere.refusal()).to.include(
      `Error: initializer control: unable to listen on (${cluster.control}): another process listens there. Choose `,
    );

    w3.launch();
    await cluster.ready();
    await cluster.numbers.send(w3, names('key', 30));
    await cluster.sink.waitForLines(30);
    cluster.numbers.expectExact(cluster.sink.lines);
  });

  it('are told why when it is complete, and nobody is disturbed', async () => {
    const cluster = await Cluster.start({ workers: 2, args: short });
    const [initializer, w2] = cluster.members as [Member, Member];
    const extra = cluster.member('w3');
    const twin = cluster.member('w2', { directory: cluster.newDirectory() });
    const different = cluster.member('w4', { args: ['--more'] });
    const lost = cluster.member('w5', { control: `127.0.0.1:${w2.controlPort}` });
    for (const member of [extra, twin, different, lost]) member.launch();
    const full = 'the cluster has started with 2 workers; to add one, start it with --join';
    expect(await extra.refusal()).to.include(`Error: initializer refuses this worker: ${full}. `);
    await refusedBy(initializer, 'w3', full);
    await lost.refusal();
    await refusedBy(w2, 'w5', full);
    expect(await twin.refusal()).to.include("the name 'w2' is taken by a worker that is alive. ");
    expect(await different.refusal()).to.include('the applications of initializer and w4 differ: here ');
    await cluster.numbers.send(w2, names('key', 30));
    await cluster.sink.waitForLines(30);
    for (const member of cluster.members) {
      expect(member.textsWith('unreachable')).to.deep.equal([]);
      expect((await member.status()).processing_messages).to.equal(true);
    }
    await cluster.stop(w2);
  });

  it('one more than --worker-count, while the others still connect', async () => {
    const cluster = await Cluster.prepare({ workers: 3, args: short });
    const [initializer, w2, w3] = cluster.members as [Member, Member, Member];
    const w4 = cluster.member('w4');
    for (const member of [w2, w3, w4]) member.launch();
    await Promise.all([w2, w3, w4].map((member) => member.waitFor(/Waiting for the initializer/)));
    initializer.launch();
    await initializer.ready();
    // Whoever comes last is the one too many.
    const ends = [w2, w3, w4].map(async (member) => {
      const end = member.refusal().then((text) => ({ member, text }));
      end.catch(() => undefined);
      return Promise.race([end, member.ready().then(() => undefined)]);
    });
    const refused = (await Promise.all(ends)).filter((one) => one !== undefined);
    expect(refused).to.have.length(1);
    expect(refused[0]!.text).to.match(
      /^Error: initializer refuses this worker: the cluster has (all the workers of its --worker-count|started with 3 workers); to add one, start it with --join\. /,
    );
    await refusedBy(initializer, refused[0]!.member.name, 'to add one, start it with --join');
  });

  it('that find no initializer give up after --start-timeout, and say what to do', async () => {
    const cluster = await Cluster.prepare({ workers: 2, args: ['--start-timeout', '1'] });
    const nowhere = `127.0.0.1:${await reservedPort()}`;
    const alone = cluster.member('w2', { control: nowhere }).launch();
    const waiting = cluster.initializer.launch();
    const remedy =
      'Start the workers that are missing, and see that --control names the initializer and --worker-count is right';
    expect(await alone.refusal()).to.equal(
      `Error: The cluster has not formed within 1 s: waited for the initializer at ${nowhere}. ${remedy}\n`,
    );
    expect(await waiting.refusal()).to.equal(
      `Error: The cluster has not formed within 1 s: waited for 1 worker. ${remedy}\n`,
    );
    expect(cluster.files).to.deep.equal([]);
  });

  it('that die while it forms are told of, and new ones of the same or another name complete it', async () => {
    const cluster = await Cluster.prepare({ workers: 3, args: short });
    const [initializer, w2, w3] = cluster.members as [Member, Member, Member];
    initializer.launch();
    const gone = (name: string) => new RegExp(`Worker ${name} has gone before the cluster was complete\\.`);
    const w4 = cluster.member('w4');
    for (const member of [w2, w4]) {
      await member.launch().waitFor(/Waiting for /);
      // The initializer dials a worker when it has greeted.
      await eventually(() => hasConnection(member.controlPort), `a connection to ${member.name}`);
      await member.kill();
      await initializer.waitFor(gone(member.name));
    }
    w2.launch();
    w3.launch();
    await cluster.ready();
    const { worker_names: members } = await w3.status();
    expect([...members].sort()).to.deep.equal(['initializer', 'w2', 'w3']);
  });
});
