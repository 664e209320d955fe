import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/changes.js';
import { Client } from '../support/client.js';
import {
  Cluster,
  counted,
  endClusters,
  names,
  Numbers,
  type Counted,
  type Member,
} from '../support/cluster.js';

const short = ['--peer-timeout', '600'];

describe('a cluster whose workers die', () => {
  afterEach(endClusters);

  const keys = names('key', 100);

  /** A message of each key to each of the workers: all that comes is as it should be. */
  const exchange = async (cluster: Cluster) => {
    const { members, numbers, sink } = cluster;
    for (const member of members) {
      await numbers.send(member, keys);
      await sink.waitForLines(numbers.total);
    }
    numbers.expectExact(sink.lines);
  };
  /** The cluster runs again, by the word of all. */
  const goesOn = async (cluster: Cluster) => {
    for (const member of cluster.members) {
      await member.ready();
      await cluster.statusAt(
        member,
        ({ processing_messages, unreachable }) => processing_messages && unreachable === undefined,
        'messages that are processed',
      );
    }
  };
  const expectRecovered = (member: Member) => {
    const wanted = [
      'Recovering from recovery files!',
      'Attempting to recover...',
      '|~~ - Recovery COMPLETE - ~~|',
      '~~~Resuming message processing.~~~',
      'Recovering worker: Skipping Phase III',
      '|~~ INIT PHASE IV: Cluster is ready to work! ~~|',
    ];
    expect(member.texts.filter((text) => wanted.includes(text))).to.deep.equal(wanted);
  };

  for (const [what, index] of [
    ['a worker', 1],
    ['the initializer', 0],
  ] as const) {
    it(`pauses when ${what} is killed, says so, and goes on when it is started again`, async () => {
      const cluster = await Cluster.start({ workers: 3, args: short });
      const { members, numbers, sink } = cluster;
      await exchange(cluster);
      const dead = members[index]!;
      const survivors = members.filter((member) => member !== dead);
      const before = await Promise.all(members.map((member) => member.keys()));
      await dead.kill();

      for (const member of survivors) {
        await member.waitFor(
          new RegExp(`WARNING,Membership,${dead.name} is unreachable\\. Processing is paused`),
        );
        expect(member.textsWith('is unreachable').at(-1)).to.include('start it again with the same command');
        const status = await member.status();
        expect(status).to.deep.equal({
          worker_count: 3,
          worker_names: status.worker_names,
          processing_messages: false,
          unreachable: [dead.name],
        });
        const counts = await member.answer(
          'clusterStateEntityCountQuery',
          'clusterStateEntityCountQueryResponse',
        );
        expect(counts[dead.name]).to.deep.equal({});
        for (const alive of survivors) expect(counts[alive.name]).to.not.deep.equal({});
        // What it knows by itself, it tells as ever.
        expect(await member.keys()).to.deep.equal(before[members.indexOf(member)]);
        await member.answer('partitionQuery', 'partitionQueryResponse');
        await member.answer('sourceIdsQuery', 'sourceIdsQueryResponse');
      }
      // What comes meanwhile waits.
      const lines = sink.lines.length;
      numbers.forget(before[index]!);
      const waiting = Promise.all(
        survivors.map((member, half) => {
          const own = keys.filter((_, i) => i % 2 === half);
          return numbers.send(member, [...own, ...own]);
        }),
      );

      dead.launch();
      await goesOn(cluster);
      expectRecovered(dead);
      for (const member of survivors) expect(member.texts).to.include(`${dead.name} is back.`);
      await waiting;
      await sink.waitForLines(numbers.total);
      expect(sink.lines.length - lines).to.equal(2 * keys.length);
      numbers.expectExact(sink.lines);
      const after = await Promise.all(members.map((member) => member.keys()));
      expect(after.map((held) => held.sort())).to.deep.equal(before.map((held) => held.sort()));
      await cluster.stop(survivors[0]);
    });
  }

  it('keeps what survivors have counted, and a worker that comes back begins with nothing', async () => {
    const cluster = await Cluster.start({ workers: 2, args: short });
    const [initializer, w2] = cluster.members as [Member, Member];
    await exchange(cluster);
    const lost = await w2.keys();
    for (let times = 1; times <= 2; times++) {
      await w2.kill();
      w2.launch();
      await goesOn(cluster);
      expect(await w2.keys()).to.deep.equal([]);
      expect((await initializer.keys()).length).to.equal(keys.length - lost.length);
      cluster.numbers.forget(lost);
      await exchange(cluster);
      expect((await w2.keys()).sort()).to.deep.equal([...lost].sort());
    }
    await cluster.stop(w2);
  });

  it('loses no message that was read by a worker that lives', async () => {
    const cluster = await Cluster.start({ workers: 2, args: short });
    const [initializer, w2] = cluster.members as [Member, Member];
    await exchange(cluster);
    const lost = await w2.keys();
    // It takes nothing more, and nobody knows: what is meant for it stays on the way.
    w2.process.kill('SIGSTOP');
    cluster.numbers.forget(lost);
    await cluster.numbers.send(initializer, keys);
    await initializer.waitFor(/w2 is unreachable/);
    await w2.kill();
    w2.launch();
    await goesOn(cluster);
    await cluster.sink.waitForLines(cluster.numbers.total);
    await exchange(cluster);
    await cluster.stop();
  });

  it('goes on under load: what survivors hold is exact, and all of it keeps its order', async () => {
    const cluster = await Cluster.start({ workers: 3, args: short });
    const { members, numbers, sink } = cluster;
    const [initializer, w2, w3] = members as [Member, Member, Member];
    await exchange(cluster);
    const lost = new Set(await w2.keys());
    let sending = true;
    const senders = [initializer, w3].map(async (member, half) => {
      const client = await Client.connect(member.port('in'));
      const own = keys.filter((_, i) => i % 2 === half);
      while (sending) {
        if (numbers.total - sink.lines.length < 20_000) await client.write(numbers.frames(own));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await client.end();
    });
    const flows = () => sink.waitForLines(sink.lines.length + 3000);
    for (let times = 0; times < 2; times++) {
      await flows();
      await w2.kill();
      await initializer.waitFor(new RegExp(`(w2 is unreachable[^]*){${times + 1}}`));
      w2.launch();
      await goesOn(cluster);
    }
    await flows();
    sending = false;
    await Promise.all(senders);
    const last = () => new Map(sink.lines.map(counted).map(({ key, number }) => [key, number]));
    await eventually(() => {
      const seen = last();
      return [...numbers.sent].every(([key, number]) => seen.get(key) === number);
    }, 'the last message of each key');
    const kept = new Numbers();
    for (const [key, number] of numbers.sent) if (!lost.has(key)) kept.sent.set(key, number);
    kept.expectExact(sink.lines.filter((line) => !lost.has(counted(line).key)));
    // Of each life of w2, what it counted is without gaps; its lives may overlap, as it dies before it says how far it was.
    for (const lines of sink.byConnection) {
      const before = new Map<string, Counted>();
      for (const one of lines.map(counted)) {
        const former = before.get(one.key);
        if (former && (one.number !== former.number + 1 || one.count !== former.count + 1)) {
          expect.fail(`${JSON.stringify(one)} came after ${JSON.stringify(former)}`);
        }
        before.set(one.key, one);
      }
    }
    await cluster.stop(w3);
  });

  for (const [what, control] of [
    ['', undefined],
    [', wherever the initializer listens then', '127.0.0.1:0'],
  ] as const) {
    it(`comes back when all were killed, started in any order${what}`, async () => {
      const cluster = await Cluster.prepare({ workers: 3, args: short, ...(control && { control }) });
      const { initializer, members, numbers } = cluster;
      let others = members.slice(1);
      initializer.launch();
      if (control !== undefined) {
        await initializer.waitFor(/initializer control: listening on .*\n/);
        others = others.map(({ name }) =>
          cluster.member(name, { control: `127.0.0.1:${initializer.controlPort}` }),
        );
      }
      const all = [initializer, ...others];
      for (const member of others) member.launch();
      await cluster.ready(all);
      await numbers.send(initializer, keys);
      await cluster.sink.waitForLines(numbers.total);
      await Promise.all(all.map((member) => member.kill()));
      numbers.forget(keys);
      const [, w2, w3] = all as [Member, Member, Member];
      await w3.launch().waitFor(/Attempting to recover/);
      initializer.launch();
      w2.launch();
      await cluster.ready(all);
      for (const member of all) expectRecovered(member);
      for (const member of all) {
        await numbers.send(member, keys);
        await cluster.sink.waitForLines(numbers.total);
      }
      numbers.expectExact(cluster.sink.lines);
      w3.process.kill('SIGTERM');
      for (const member of all) expect((await member.finished()).code).to.equal(0);
      expect(cluster.files).to.deep.equal([]);
    });
  }
});

describe('what a worker finds in its directory', () => {
  afterEach(endClusters);

  /** A cluster that was there, and what it left. */
  const leftovers = async () => {
    const cluster = await Cluster.start({ workers: 2, args: short });
    await Promise.all(cluster.members.map((member) => member.kill()));
    return cluster;
  };
  const fileOf = (cluster: Cluster, name: string) => join(cluster.directory, name);

  it('of another version of the application, of another application or worker: an error that says what to do', async () => {
    const cluster = await leftovers();
    // The name of a worker and that of an application, cut elsewhere, give the same files.
    for (const suffix of readdirSync(cluster.directory).filter((file) =>
      file.startsWith('cluster counts-w2'),
    )) {
      copyFileSync(fileOf(cluster, suffix), fileOf(cluster, suffix.replace('-w2', '-a-b')));
    }
    const [newer, other, renamed] = [
      cluster.member('w2', { args: ['--more'] }),
      cluster.member('b', { args: ['--app-name', 'cluster counts-a'] }),
      cluster.member('a-b'),
    ] as const;
    const before = cluster.files;
    const remedy =
      'Give this worker a --resilience-dir of its own; or, if what it tells is not needed any more, remove the files of this worker there.';
    const unusable = (worker: string, why: string) =>
      `Error: The file ${fileOf(cluster, `cluster counts-${worker}.local-topology`)} cannot be used: ${why}. ${remedy}\n`;
    expect(await newer.launch().refusal()).to.equal(
      unusable('w2', 'it was written by another version of the application: its stages or slots differ'),
    );
    expect(await other.launch().refusal()).to.equal(unusable('a-b', 'it belongs to the worker w2'));
    expect(await renamed.launch().refusal()).to.equal(unusable('a-b', 'it belongs to the worker w2'));
    // They are nobody's to throw away.
    expect(cluster.files).to.deep.equal(
      before.filter((file) => !file.endsWith('.lock') || file.includes('init')),
    );
  });

  it('of another cluster of the application: both say so, and the cluster waits on', async () => {
    const cluster = await leftovers();
    for (const file of cluster.files) if (file.includes('-initializer')) rmSync(fileOf(cluster, file));
    const [initializer, w2] = cluster.members as [Member, Member];
    initializer.launch();
    w2.launch();
    const why = 'w2 belongs to another cluster of this application than initializer, by its files';
    expect(await w2.refusal()).to.include(`Error: initializer refuses this worker: ${why}. `);
    await initializer.waitFor(new RegExp(`ERROR,Membership,initializer control: refused w2 .*: ${why}`));
    for (const file of cluster.files) if (file.includes('-w2')) rmSync(fileOf(cluster, file));
    w2.launch();
    await cluster.ready();
  });

  it('of a part of a set: an error that lists what is missing', async () => {
    const cluster = await leftovers();
    const missing = ['.workers', '.tcp-control'].map((suffix) =>
      fileOf(cluster, `cluster counts-w2${suffix}`),
    );
    for (const path of missing) rmSync(path);
    const text = await cluster.members[1]!.launch().refusal();
    expect(text).to.match(
      /^Error: Some resilience\/recovery files are missing! Cannot continue!\nThe missing files are:\n(( {4}.*\n){2})/,
    );
    for (const path of missing) expect(text).to.include(`\n    ${path}\n`);
    expect(text).to.include('Bring them back, or remove the others to start this worker anew: ');
  });

  it('of a worker that is alive: an error that names the process', async () => {
    const cluster = await Cluster.start({ workers: 2, args: short });
    const [initializer, w2] = cluster.members as [Member, Member];
    const again = [cluster.member('w2').launch(), cluster.member('initializer').launch()];
    for (const [i, text] of (await Promise.all(again.map((member) => member.refusal()))).entries()) {
      const { name, process } = [w2, initializer][i]!;
      expect(text).to.include(
        `Error: A worker '${name}' of application 'cluster counts' is running already (process ${process.pid}, by `,
      );
      const another = name === 'initializer' ? '--resilience-dir' : '--name or another --resilience-dir';
      expect(text).to.include(`Give this one another ${another}, or stop the other one first.`);
    }
    await cluster.numbers.send(w2, names('key', 20));
    await cluster.sink.waitForLines(20);
    await cluster.stop();
  });
});
