import { expect } from 'chai';
import { decodeExternalMessage, encodeExternalMessage, type ExternalMessage } from '@wallaroo/protocol';
import { Client, unframe } from '../support/client.js';
import { Cluster, counted, endClusters, names } from '../support/cluster.js';

describe('traffic between workers', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start({ workers: 3 });
  });
  after(endClusters);

  const everything = () => cluster.sink.waitForLines(cluster.numbers.total);
  /** On any worker. */
  const some = names('key', 200);

  it('takes messages at any worker; each key has its state, and its output, at one', async () => {
    const { members, numbers, sink } = cluster;
    for (let round = 1; round <= 3; round++) {
      for (const member of members) {
        await numbers.send(member, some);
        await everything();
      }
    }
    numbers.expectExact(sink.lines);

    const held = await Promise.all(members.map((member) => member.keys()));
    for (const keys of held) expect(keys.length).to.be.greaterThan(20);
    expect(held.flat().sort()).to.deep.equal([...numbers.sent.keys()].sort());
    // A sink connection belongs to the worker that made what goes over it.
    expect(sink.byConnection).to.have.length(3);
    const processes = sink.byConnection.map((lines) => new Set(lines.map((line) => counted(line).process)));
    expect(processes.map((one) => one.size)).to.deep.equal([1, 1, 1]);
    expect(new Set(processes.flatMap((one) => [...one]))).to.deep.equal(
      new Set(members.map((member) => member.process.pid)),
    );
    members.forEach((member, i) => {
      const lines = sink.lines.map(counted).filter(({ process }) => process === member.process.pid);
      expect(new Set(lines.map(({ key }) => key))).to.deep.equal(new Set(held[i]));
    });
  });

  it('keeps the order of each key, of several senders at several workers at once', async () => {
    const { members, numbers, sink } = cluster;
    await Promise.all(
      members.flatMap((member) =>
        ['a', 'b'].map(async (sender) => {
          const client = await Client.connect(member.port('in'));
          const keys = names(`${member.name}-${sender}-`, 30);
          for (let i = 0; i < 100; i++) await client.write(numbers.frames(keys));
          await client.end();
        }),
      ),
    );
    await everything();
    numbers.expectExact(sink.lines);
  });

  describe('queries', () => {
    before(async () => {
      const { initializer, numbers } = cluster;
      await numbers.send(initializer, some);
      await everything();
    });

    it('tell of the cluster at every worker the same', async () => {
      for (const member of cluster.members) {
        expect(await member.status()).to.deep.equal({
          worker_count: 3,
          worker_names: (await cluster.initializer.status()).worker_names,
          processing_messages: true,
        });
      }
      const { worker_names: members } = await cluster.initializer.status();
      expect(members[0]).to.equal('initializer');
      expect([...members].sort()).to.deep.equal(['initializer', 'w2', 'w3']);
    });

    it('tell of the answering worker alone, with the same groups everywhere and other steps', async () => {
      const groups = new Set<string>();
      const steps: string[] = [];
      for (const one of cluster.members) {
        const { name } = one;
        const partitions = await one.answer('partitionQuery', 'partitionQueryResponse');
        const counts = await one.answer('partitionCountQuery', 'partitionCountQueryResponse');
        const stateless = await one.answer('statelessPartitionQuery', 'statelessPartitionQueryResponse');
        const statelessCounts = await one.answer(
          'statelessPartitionCountQuery',
          'statelessPartitionCountQueryResponse',
        );
        const entities = await one.answer('stateEntityQuery', 'stateEntityQueryResponse');
        const entityCounts = await one.answer('stateEntityCountQuery', 'stateEntityCountQueryResponse');
        const { source_ids: sources } = await one.answer('sourceIdsQuery', 'sourceIdsQueryResponse');

        const [group] = Object.keys(partitions.state_partitions);
        const [statelessGroup] = Object.keys(partitions.stateless_partitions);
        groups.add(`${group} ${statelessGroup}`);
        const ids = partitions.state_partitions[group!]!;
        const statelessIds = partitions.stateless_partitions[statelessGroup!]!;
        expect([Object.keys(ids), Object.keys(statelessIds)]).to.deep.equal([[name], [name]]);
        steps.push(...ids[name]!, ...statelessIds[name]!, ...sources);
        expect(sources).to.have.length(50);
        expect(counts).to.deep.equal({
          state_partitions: { [group!]: { [name]: ids[name]!.length } },
          stateless_partitions: { [statelessGroup!]: { [name]: statelessIds[name]!.length } },
        });
        expect(stateless).to.deep.equal(partitions.stateless_partitions);
        expect(statelessCounts).to.deep.equal(counts.stateless_partitions);
        expect(Object.keys(entities)).to.deep.equal([group]);
        expect(entityCounts).to.deep.equal({ [group!]: entities[group!]!.length });
      }
      expect(groups.size).to.equal(1);
      expect(new Set(steps).size).to.equal(steps.length);
    });

    it('count the keys of all workers, at each', async () => {
      const counts = await Promise.all(
        cluster.members.map((member) =>
          member.answer('stateEntityCountQuery', 'stateEntityCountQueryResponse'),
        ),
      );
      const [group] = Object.keys(counts[0]!);
      for (const member of cluster.members) {
        const all = await member.answer(
          'clusterStateEntityCountQuery',
          'clusterStateEntityCountQueryResponse',
        );
        expect(Object.keys(all).sort()).to.deep.equal(['initializer', 'w2', 'w3']);
        cluster.members.forEach(({ name }, i) => {
          const sums = Object.values(all[name]![group!]!).reduce((a, b) => a + b, 0);
          expect(sums, `of ${name} at ${member.name}`).to.equal(counts[i]![group!]);
        });
      }
    });

    it('for who could leave is answered by every worker', async () => {
      const question: ExternalMessage = {
        type: 'shrinkRequest',
        body: { query: true, node_names: [], node_count: 2 },
      };
      for (const member of cluster.members) {
        const { type, body } = await member.ask(question);
        expect(type).to.equal('shrinkQueryResponse');
        expect(body).to.deep.equal({
          node_names: (await member.status()).worker_names.slice(1),
          node_count: 2,
        });
      }
    });

    it('that have no answer are logged where they came, and the next one is answered', async () => {
      for (const member of cluster.members) {
        const messages: ExternalMessage[] = [
          { type: 'print', body: `hello ${member.name}` },
          { type: 'rotateLog', body: 'w2' },
          { type: 'rotateLog', body: 'w9' },
          { type: 'reportStatus', body: 'boundary-count-status' },
          { type: 'clusterStatusQuery' },
        ];
        const client = await Client.connect(member.externalPort);
        await client.write(Buffer.concat(messages.map(encodeExternalMessage)));
        await client.end();
        const answers = unframe(client.received).payloads.map((bytes) => decodeExternalMessage(bytes).type);
        expect(answers).to.deep.equal(['clusterStatusQueryResponse']);
        await member.waitFor(new RegExp(`\\$\\$\\$ ExternalPrint: hello ${member.name} \\$\\$\\$`));
        await member.waitFor(/WARNING: LogRotation requested for non-existent worker: w9/);
        await member.waitFor(/Boundary count: 2 boundaries, 3 workers/);
      }
      // Those to w2 are told to w2.
      const off = '(.*,Control Ch: Received Rotate Log Files request\n.*log_rotation is off!\n[^]*){2}';
      await cluster.members[1]!.waitFor(new RegExp(off));
    });
  });
});

describe('the same application', function () {
  this.timeout(120_000);
  afterEach(endClusters);

  for (const workers of [1, 8]) {
    it(`runs on ${workers} ${workers === 1 ? 'worker' : 'workers'} as it is: all own some of the keys`, async () => {
      const cluster = await Cluster.start({ workers });
      const { members, numbers, sink } = cluster;
      const some = names('key', 400);
      for (const member of members) {
        await numbers.send(member, some);
        await sink.waitForLines(numbers.total);
      }
      numbers.expectExact(sink.lines);
      const held = await Promise.all(members.map((member) => member.keys()));
      for (const keys of held) expect(keys.length).to.be.greaterThan(0);
      expect(held.flat().sort()).to.deep.equal([...some].sort());
      await cluster.stop();
    });
  }
});
