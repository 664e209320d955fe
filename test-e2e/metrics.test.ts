import { encodeHubMessage, noMinimum } from '@wallaroo/protocol';
import { expect } from 'chai';
import { Cluster, endClusters } from './support/cluster.js';
import { Client, frames, freePort } from './support/client.js';
import { FakeHub } from './support/hub.js';
import { CollectingSink } from './support/sink.js';
import { launchWorker, type LaunchedWorker } from './support/worker-process.js';

const period = 2_000_000_000n;
const topic = 'metrics:an application with "quotes" and \\backslashes\\';

describe('metrics', () => {
  let sink: CollectingSink;
  const hubs: FakeHub[] = [];

  beforeEach(async () => {
    sink = await CollectingSink.listen();
  });
  afterEach(async () => {
    await endClusters();
    await sink.close();
    for (const hub of hubs.splice(0)) await hub.close();
  });

  const listen = async (options?: { port?: number; reads?: boolean }) => {
    const hub = await FakeHub.listen(options);
    hubs.push(hub);
    return hub;
  };
  const launch = (metrics: string) =>
    launchWorker({
      app: 'keyed',
      args: ['--in', 'words@127.0.0.1:0,all@127.0.0.1:0', '--out', sink.address, '--metrics', metrics],
    });
  let lines = 0;
  beforeEach(() => (lines = 0));
  const send = async (worker: LaunchedWorker, source: string, count: number) => {
    const client = await Client.connect(worker.port(source));
    await client.write(frames(Array.from({ length: count }, (_, i) => `word${i % 7}`)));
    await client.end();
    lines += count;
    await sink.until(() => sink.text.split('\n').length > lines, `${lines} lines`);
  };
  const sumsOf = (hub: FakeHub) => ({
    decode: hub.metrics
      .filter(({ name }) => name === 'Decode Time in TCP Source')
      .reduce((sum, { bins }) => sum + Array.from(bins).reduce((a, b) => a + b, 0), 0),
    trim: hub.count('computation', 'trim'),
    lower: hub.count('computation', 'lower'),
    words: hub.count('computation', 'count words'),
    all: hub.count('computation', 'count all'),
    ingestedWords: hub.count('pipeline-ingestion', 'words source'),
    ingestedAll: hub.count('pipeline-ingestion', 'all source'),
    throughWords: hub.count('start-to-end', 'words'),
    throughAll: hub.count('start-to-end', 'all'),
    worker: hub.count('node-ingress-egress', 'initializer'),
  });
  const sums = (words: number, all: number) => ({
    decode: words + all,
    trim: words,
    lower: words,
    words,
    all,
    ingestedWords: words,
    ingestedAll: all,
    throughWords: words,
    throughAll: all,
    worker: words + all,
  });

  it('count every message exactly, in periods of two seconds, under the names of the specification', async () => {
    const hub = await listen();
    const worker = await launch(hub.address);
    await hub.until(() => hub.messages[0]?.length === 2, 'connect and join');
    expect(hub.messages[0]).to.deep.equal([
      { type: 'connect' },
      { type: 'join', topic, worker: 'initializer' },
    ]);
    await send(worker, 'words', 1234);
    await send(worker, 'all', 55);
    await hub.until(() => sumsOf(hub).words === 1234 && sumsOf(hub).all === 55, 'the first counts');
    await send(worker, 'words', 766);
    expect((await worker.stop()).code).to.equal(0);
    await hub.until(() => sumsOf(hub).words === 2000, 'the counts of the last period');
    expect(sumsOf(hub)).to.deep.equal(sums(2000, 55));

    const places = hub.metrics.map(({ category, name, pipeline, id, worker }) =>
      [category, name, pipeline, id, worker].join(', '),
    );
    expect([...new Set(places)]).to.have.members([
      'computation, Decode Time in TCP Source, words, 1, initializer',
      'computation, trim, words, 2, initializer',
      'computation, lower, words, 3, initializer',
      'computation, count words, words, 4, initializer',
      'computation, Decode Time in TCP Source, all, 1, initializer',
      'computation, count all, all, 2, initializer',
      'pipeline-ingestion, words source, words, 0, initializer',
      'pipeline-ingestion, all source, all, 0, initializer',
      'start-to-end, words, words, 0, initializer',
      'start-to-end, all, all, 0, initializer',
      'node-ingress-egress, initializer, words, 0, initializer',
      'node-ingress-egress, initializer, all, 0, initializer',
    ]);
    for (const metric of hub.metrics) {
      expect(metric.period).to.equal(period);
      expect(metric.periodEnd % period).to.equal(0n);
      const top = Array.from(metric.bins).findLastIndex((count) => count > 0);
      if (top < 0) {
        expect([metric.min, metric.max]).to.deep.equal([noMinimum, 0n]);
        continue;
      }
      expect(metric.min <= metric.max).to.equal(true);
      expect(metric.max.toString(2).length).to.equal(Math.max(1, top));
      if (metric.category === 'pipeline-ingestion') expect([metric.max, top]).to.deep.equal([0n, 0]);
    }
    for (const message of hub.messages.flat()) {
      if (message.type === 'payload')
        expect([message.event, message.topic]).to.deep.equal(['metrics', topic]);
    }
  });

  it('have the bytes of the reference, the header that is too large among them', async () => {
    const hub = await listen();
    const worker = await launch(hub.address);
    await hub.until(() => hub.messages[0]?.length === 2, 'connect and join');
    await send(worker, 'all', 3);
    await hub.until(() => hub.metrics.length > 0, 'a metric');
    hub.rawPayloads.forEach((raw, i) => {
      const metric = hub.metrics[i]!;
      const again = encodeHubMessage({ type: 'payload', event: 'metrics', topic, metric });
      expect(again.subarray(4).equals(raw)).to.equal(true);
      const texts = [metric.name, metric.category, metric.worker, metric.pipeline];
      const textBytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      // type, event, topic, length of the record: then the header.
      const at = 1 + 4 + 'metrics'.length + 4 + Buffer.byteLength(topic) + 4;
      expect(raw.readUInt32BE(at)).to.equal(18 + textBytes + 704);
      expect(raw.length - at - 4).to.equal(18 + textBytes + 552);
    });
  });

  it('begin when a hub appears, with what came after that', async () => {
    const port = await freePort();
    const worker = await launch(`127.0.0.1:${port}`);
    await send(worker, 'words', 500);
    const hub = await listen({ port });
    await hub.until(() => hub.messages[0]?.length === 2, 'connect and join');
    await send(worker, 'words', 70);
    await hub.until(() => sumsOf(hub).words >= 70, 'counts');
    expect((await worker.stop()).code).to.equal(0);
    expect(sumsOf(hub)).to.deep.equal(sums(70, 0));
  });

  it('go to a hub that came back, after a new connect and join', async () => {
    const first = await listen();
    const worker = await launch(first.address);
    await first.until(() => first.messages[0]?.length === 2, 'connect and join');
    const { port } = first;
    await first.close();
    const second = await listen({ port });
    await second.until(() => second.messages[0]?.length === 2, 'connect and join');
    await send(worker, 'words', 10);
    await second.until(() => sumsOf(second).words === 10, 'counts');
    expect(second.messages[0]!.slice(0, 2).map(({ type }) => type)).to.deep.equal(['connect', 'join']);
    expect((await worker.stop()).code).to.equal(0);
  });

  it('cost the messages nothing when the hub never reads, or answers with garbage', async () => {
    const hub = await listen({ reads: false });
    const worker = await launch(hub.address);
    await hub.until(() => hub.sockets.length === 1, 'the worker');
    for (let i = 0; i < 100; i++) hub.sockets[0]!.write(Buffer.alloc(100_000, i));
    await send(worker, 'words', 10_000);
    const { code, stderr } = await worker.stop();
    expect([code, stderr]).to.deep.equal([0, '']);
    await sink.waitForEnd();
    expect(sink.text.trimEnd().split('\n')).to.have.length(10_000);
    expect(worker.lines.filter((line) => /WARNING|ERROR/.test(line))).to.deep.equal([]);
  });

  it('of workers that join go where those of the cluster do, unless they are told where', async () => {
    const [hub, other] = [await listen(), await listen()];
    const cluster = await Cluster.prepare({ workers: 1 });
    const joiner = (name: string, args: readonly string[] = []) =>
      cluster.member(name, { role: ['--name', name, '--join', cluster.control], args });
    const toldBy = (name: string) => (one: FakeHub) =>
      one.messages.filter((all) => all.some((message) => 'worker' in message && message.worker === name));
    const initializer = cluster.member('initializer', { args: ['--metrics', hub.address] });
    await initializer.launch().ready();
    const w2 = joiner('w2').launch();
    await hub.until(() => toldBy('w2')(hub).length === 1, 'w2');
    await cluster.numbers.send(w2, ['a', 'b', 'c', 'd']);
    await hub.until(
      () => hub.metrics.some(({ worker, name }) => worker === 'w2' && name === 'in source'),
      'metrics of w2',
    );
    await w2.kill();
    await w2.launch().ready();
    await hub.until(() => toldBy('w2')(hub).length === 2, 'w2 once more');
    const w3 = joiner('w3', ['--metrics', other.address]).launch();
    await w3.ready();
    await other.until(() => toldBy('w3')(other).length === 1, 'w3');
    expect([toldBy('w3')(hub), toldBy('w2')(other)]).to.deep.equal([[], []]);
  });
});
