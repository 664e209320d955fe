import { decodeExternalMessage, encodeExternalMessage, type ExternalMessage } from '@wallaroo/protocol';
import { expect } from 'chai';
import { eventually, standstill } from './support/changes.js';
import { Client, frame, frames, unframe } from './support/client.js';
import { stopAll } from './support/process.js';
import { CollectingSink } from './support/sink.js';
import { launchWorker, type LaunchedWorker } from './support/worker-process.js';

/** Every message of section 3.2 of the specification, as bytes. */
describe('external channel', () => {
  let sink: CollectingSink;
  let worker: LaunchedWorker;

  before(async () => {
    sink = await CollectingSink.listen();
    worker = await launchWorker({
      app: 'keyed',
      args: ['--in', 'words@127.0.0.1:0,all@127.0.0.1:0', '--out', sink.address],
    });
    const words = await Client.connect(worker.port('words'));
    await words.write(frames(['a', 'B', ' a ', 'say "x"', 'back\\slash']));
    const all = await Client.connect(worker.port('all'));
    await all.write(frames(['1', '2']));
    await sink.until(() => sink.text.split('\n').length === 8, 'seven lines');
  });
  after(async () => {
    await stopAll();
    await sink.close();
  });

  const request = (id: number, payload = '') =>
    frame(Buffer.concat([Buffer.from([0, id]), Buffer.from(payload)]));
  /** The answers, as id and payload, to requests on one connection. */
  const ask = async (bytes: Buffer, count = 1) => {
    const client = await Client.connect(worker.externalPort);
    await client.write(bytes);
    await new Promise<void>((resolve) => {
      const look = () => unframe(client.received).payloads.length >= count && resolve();
      client.socket.on('data', look);
      look();
    });
    client.destroy();
    return unframe(client.received).payloads.map((payload) => ({
      id: payload.readUInt16BE(0),
      body: payload.toString('utf8', 2),
    }));
  };
  const answerTo = async (id: number, payload = '') => (await ask(request(id, payload)))[0]!;
  const id = /^\d{20,39}$/;

  it('answers a status query (9) with the members (10)', async () => {
    const { id, body } = await answerTo(9);
    expect(id).to.equal(10);
    expect(body).to.equal('{"worker_count":1,"worker_names":["initializer"],"processing_messages":true}');
  });

  it('answers a partition query (7) with ids of steps by group and worker (8)', async () => {
    const { id: answered, body } = await answerTo(7);
    expect(answered).to.equal(8);
    expect(body).to.not.match(/[\s]/);
    const partitions = JSON.parse(body) as Record<string, Record<string, Record<string, string[]>>>;
    expect(Object.keys(partitions)).to.have.members(['state_partitions', 'stateless_partitions']);
    expect(Object.keys(partitions['state_partitions']!)).to.have.length(2);
    expect(Object.keys(partitions['stateless_partitions']!)).to.have.length(1);
    const groups = Object.values(partitions).flatMap((kind) => Object.entries(kind));
    for (const [group, workers] of groups) {
      expect(group).to.match(id);
      expect(BigInt(group) < 2n ** 128n).to.equal(true);
      expect(Object.keys(workers)).to.deep.equal(['initializer']);
      for (const step of workers['initializer']!) expect(step).to.match(id);
    }
  });

  it('answers the stateless partition query (19) and both count queries (12, 23) with the same groups', async () => {
    const partitions = JSON.parse((await answerTo(7)).body) as Record<string, Record<string, object>>;
    const counts = await answerTo(12);
    const stateless = await answerTo(19);
    const statelessCounts = await answerTo(23);
    expect([counts.id, stateless.id, statelessCounts.id]).to.deep.equal([13, 20, 24]);
    expect(JSON.parse(stateless.body)).to.deep.equal(partitions['stateless_partitions']);
    const counted = JSON.parse(counts.body) as Record<string, Record<string, Record<string, number>>>;
    for (const kind of ['state_partitions', 'stateless_partitions'] as const) {
      expect(Object.keys(counted[kind]!)).to.have.members(Object.keys(partitions[kind]!));
      for (const workers of Object.values(counted[kind]!)) expect(workers['initializer']).to.be.a('number');
    }
    expect(JSON.parse(statelessCounts.body)).to.deep.equal(counted['stateless_partitions']);
  });

  it('answers the source ids query (14) with one id for each possible connection (15)', async () => {
    const { id: answered, body } = await answerTo(14);
    expect(answered).to.equal(15);
    const { source_ids: ids, ...rest } = JSON.parse(body) as { source_ids: string[] };
    expect(rest).to.deep.equal({});
    expect(new Set(ids).size).to.equal(13 + 2);
    for (const one of ids) expect(one).to.match(id);
  });

  it('answers the state entity queries (17, 21, 25) with the keys and their number (18, 22, 26)', async () => {
    const entities = await answerTo(17);
    const counts = await answerTo(21);
    const cluster = await answerTo(25);
    expect([entities.id, counts.id, cluster.id]).to.deep.equal([18, 22, 26]);
    const keys = JSON.parse(entities.body) as Record<string, string[]>;
    const [wordKeys, allKeys] = Object.values(keys);
    expect(wordKeys).to.have.members(['a', 'b', 'say "x"', 'back\\slash']);
    expect(allKeys).to.have.length(1);
    expect(allKeys![0]).to.match(/^collect-key-\d+$/);
    const [wordGroup, allGroup] = Object.keys(keys) as [string, string];
    expect(JSON.parse(counts.body)).to.deep.equal({ [wordGroup]: 4, [allGroup]: 1 });
    const byStep = (JSON.parse(cluster.body) as Record<string, Record<string, Record<string, number>>>)[
      'initializer'
    ]!;
    expect(Object.keys(byStep)).to.have.members([wordGroup, allGroup]);
    const sum = (steps: Record<string, number>) => Object.values(steps).reduce((a, b) => a + b, 0);
    expect(sum(byStep[wordGroup]!)).to.equal(4);
    for (const step of Object.keys(byStep[wordGroup]!)) expect(step).to.match(id);
  });

  const shrink = (query: boolean, names: string[], count: number) =>
    answerTo(4, JSON.stringify({ query, node_names: names, node_count: count }));

  it('answers a shrink query (4) with nobody (5), and refuses every shrink (6)', async () => {
    expect(await shrink(true, [], 0)).to.deep.equal({ id: 5, body: '{"node_names":[],"node_count":0}' });
    expect(await shrink(false, ['initializer'], 0)).to.deep.equal({ id: 6, body: 'Invalid shrink targets!' });
    expect(await shrink(false, ['unknown'], 5)).to.deep.equal({ id: 6, body: 'Invalid shrink targets!' });
    expect(await shrink(false, [], 0)).to.deep.equal({ id: 6, body: 'Cannot shrink 0 workers!' });
    expect(await shrink(false, [], 3)).to.deep.equal({ id: 6, body: 'Cannot shrink 0 workers!' });
  });

  /** Sends a message that has no answer, then a query: what comes back is the query's answer. */
  const tell = async (bytes: Buffer) => {
    const answers = await ask(Buffer.concat([bytes, request(9)]));
    expect(answers.map((answer) => answer.id)).to.deep.equal([10]);
  };

  /** Lines take another way than answers, and may come later. A print behind them shows that all have come. */
  const linesAre = async (text: string, count: number) => {
    const last = `the end of ${count} ${text}`;
    await tell(request(1, last));
    await eventually(() => worker.linesWith(`ExternalPrint: ${last}`).length > 0, 'the last line');
    expect(worker.linesWith(text).filter((line) => !line.includes(last))).to.have.length(count);
  };

  it('prints (1)', async () => {
    await tell(request(1, 'gr\u00fc\u00dfe $$$'));
    await worker.waitForLine(/^\d+\.\d{6},\$\$\$ ExternalPrint: gr\u00fc\u00dfe \$\$\$ \$\$\$$/m);
  });

  it('says why it rotates no log (2)', async () => {
    await tell(Buffer.concat([request(2, 'initializer'), request(2, 'worker7'), request(2, '')]));
    await worker.waitForLine(/,WARNING: LogRotation requested, but log_rotation is off!$/m);
    await worker.waitForLine(/,WARNING: LogRotation requested for non-existent worker: worker7$/m);
    await worker.waitForLine(/,WARNING: LogRotation requested for non-existent worker: $/m);
  });

  it('logs the counts of a status report (16), and what is none', async () => {
    await tell(Buffer.concat([request(16, 'boundary-count-status'), request(16, 'other')]));
    await worker.waitForLine(/,Boundary count: 0 /);
    await worker.waitForLine(/,Failed to parse ReportStatusCode$/m);
  });

  it('logs what it cannot decode, and the connection stays', async () => {
    const before = worker.linesWith('Error decoding External Message on external channel.').length;
    const bad = [request(0), request(27), request(4, 'no json'), request(4, '{"query":1}'), frame('x')];
    await tell(Buffer.concat(bad));
    await linesAre('Error decoding External Message on external channel.', before + bad.length);
  });

  it('logs answers that are sent to it, and the connection stays', async () => {
    const text = 'Incoming External Message type not handled by external channel.';
    const before = worker.linesWith(text).length;
    const { body } = await answerTo(9);
    await tell(Buffer.concat([request(10, body), request(6, 'text'), request(11)]));
    await linesAre(text, before + 3);
  });

  it('skips frames of length zero', async () => {
    await tell(Buffer.concat([Buffer.alloc(4 * 1000), request(9).subarray(0, 0)]));
  });

  it('closes the connection for more than 16384 bytes, with one line', async () => {
    await tell(request(1, 'x'.repeat(16382)));
    const client = await Client.connect(worker.externalPort);
    await client.write(Buffer.concat([request(9), request(1, 'x'.repeat(16383)), request(9)]));
    await client.closed;
    expect(unframe(client.received).payloads).to.have.length(1);
    await linesAre('Received expect greater than 16kb on External Channel', 1);
  });

  it('reads requests wherever they are cut', async () => {
    const bytes = Buffer.concat([request(9), request(21), request(14)]);
    const client = await Client.connect(worker.externalPort);
    for (let at = 0; at <= bytes.length; at++) await client.writeCut(bytes, at);
    for (const byte of bytes) await client.write(Buffer.of(byte));
    await client.end();
    const ids = unframe(client.received).payloads.map((payload) => payload.readUInt16BE(0));
    expect(ids).to.deep.equal(Array.from({ length: bytes.length + 2 }, () => [10, 22, 15]).flat());
  });

  it('answers everything to a client that ended its half and reads late, in order', async () => {
    const client = await Client.connect(worker.externalPort);
    const count = 10_000;
    const expected = (await answerTo(14)).body;
    client.socket.pause();
    client.socket.end(Buffer.concat(Array.from({ length: count }, () => request(14))));
    // The worker holds off, with the end of the requests before its eyes.
    await standstill(() => worker.residentMemory, 200);
    client.socket.resume();
    await client.closed;
    const { payloads, rest } = unframe(client.received);
    expect([payloads.length, rest]).to.deep.equal([count, 0]);
    expect(payloads.every((payload) => payload.toString('utf8', 2) === expected)).to.equal(true);
  });

  it('holds off a client that asks and does not read the answers', async () => {
    const client = await Client.connect(worker.externalPort);
    client.socket.pause();
    const before = worker.residentMemory;
    const asking = client.writeSlowly(Buffer.concat(Array.from({ length: 1_000_000 }, () => request(14))));
    await standstill(() => client.socket.bytesWritten, 500);
    expect(client.socket.bytesWritten).to.be.lessThan(6_000_000);
    expect(worker.residentMemory - before).to.be.lessThan(100 * 1024 * 1024);
    await tell(request(1, 'still there'));
    client.destroy();
    await asking;
  });

  it('speaks the bytes that the protocol package reads', async () => {
    const queries: ExternalMessage['type'][] = ['clusterStatusQuery', 'partitionQuery', 'sourceIdsQuery'];
    const bytes = queries.map((type) => encodeExternalMessage({ type } as ExternalMessage));
    const client = await Client.connect(worker.externalPort);
    await client.write(Buffer.concat(bytes));
    await client.end();
    const types = unframe(client.received).payloads.map((payload) => decodeExternalMessage(payload).type);
    expect(types).to.deep.equal(queries.map((type) => `${type}Response`));
  });
});

describe('external channel, once in the life of a worker', () => {
  afterEach(stopAll);

  it('tells that the application is not initialized yet (11)', async () => {
    const worker = await launchWorker({ app: 'hanging', until: /INIT PHASE II/ });
    const client = await Client.connect(worker.externalPort);
    await client.write(encodeExternalMessage({ type: 'clusterStatusQuery' }));
    await client.end();
    expect(client.received.toString('hex')).to.equal('00000002000b');
  });

  for (const [body, line] of [
    ['', 'External Clean Shutdown received.'],
    ['deploy 17', 'External Clean Shutdown received: deploy 17'],
  ] as const) {
    it(`shuts down cleanly (3) with ${body === '' ? 'no text' : 'a text'}`, async () => {
      const worker = await launchWorker({ app: 'relay', args: ['--sink=stdout'] });
      const client = await Client.connect(worker.externalPort);
      await client.write(encodeExternalMessage({ type: 'cleanShutdown', body }));
      await client.end();
      const { code, stderr } = await worker.process.finished();
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(worker.lines.at(-2)!.endsWith(`,${line}`), worker.lines.at(-2)).to.equal(true);
      expect(worker.lines.at(-1)).to.match(/,Connections: Finished shutdown procedure\.$/);
    });
  }
});
