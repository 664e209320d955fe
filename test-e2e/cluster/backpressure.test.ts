import { expect } from 'chai';
import { eventually, standstill } from '../support/changes.js';
import { Client, frames } from '../support/client.js';
import { Cluster, endClusters, LineSink, type Member } from '../support/cluster.js';
import { sendStream, StreamCheck } from '../support/numbered-stream.js';
import { CollectingSink } from '../support/sink.js';

const MB = 1024 * 1024;

describe('backpressure across workers', function () {
  this.timeout(120_000);
  const sinks: { close(): Promise<void> }[] = [];

  afterEach(async () => {
    await endClusters();
    await Promise.all(sinks.splice(0).map((sink) => sink.close()));
  });

  it('a slow sink at one worker holds off the sources of others, in little memory; then all comes, in order', async () => {
    const total = 1024 * MB;
    const ends = await Promise.all(
      ['initializer', 'w2'].map(async (name) => {
        const check = new StreamCheck();
        const sink = await CollectingSink.listen(0, (chunk) => check.push(chunk));
        sinks.push(sink);
        return { name, check, sink };
      }),
    );
    const slow = ends[1]!.sink;
    const lines = await LineSink.listen();
    sinks.push(lines);
    const cluster = await Cluster.start({
      workers: 2,
      app: 'cluster-flow',
      sources: ['in', 'all'],
      out: (name) => `${ends.find((end) => end.name === name)!.sink.address},${lines.address}`,
    });
    const [initializer, w2] = cluster.members as [Member, Member];
    slow.pause();
    // Six streams, so that both workers have some whatever their keys hash to.
    const clients = await Promise.all(
      Array.from({ length: 6 }, () => Client.connect(initializer.port('in'))),
    );
    let ended = 0;
    const sending = clients.map(async (client, stream) => {
      const sent = await sendStream(client, stream, total / clients.length);
      await client.end();
      ended++;
      return sent;
    });
    await initializer.waitFor(/Sources muted: (link to|worker) w2 /);
    await w2.waitFor(/Sources muted: sink frames /);
    await standstill(() => clients.reduce((sum, { socket }) => sum + socket.bytesWritten, 0), 1000);
    expect(ended).to.equal(0);
    slow.resume();
    const sent = await Promise.all(sending);
    const bytes = sent.reduce((sum, stream) => sum + stream.bytes, 0);
    const received = () => ends.reduce((sum, { check }) => sum + check.bytes, 0);
    await eventually(() => received() >= bytes, 'all of it', 90_000);
    for (const { peakMemory } of cluster.members) expect(peakMemory).to.be.lessThan(300 * MB);
    await cluster.stop();
    expect(received()).to.equal(bytes);
    const streams = ends.map(({ check }) => sent.filter((_, stream) => check.has(stream)).length);
    expect(streams[0]! + streams[1]!).to.equal(sent.length);
    expect(Math.min(...streams)).to.be.greaterThan(0);
    sent.forEach((stream, number) => {
      const { check } = ends.find((end) => end.check.has(number))!;
      expect(check.received(number)).to.deep.equal(stream);
    });
  });

  it('traffic from all to all, thrice, that multiplies, does not wait for itself', async () => {
    const times = 10;
    const count = 2000;
    const cluster = await Cluster.start({
      workers: 3,
      app: 'cluster-flow',
      sources: ['in', 'all'],
      args: ['--times', `${times}`],
    });
    const { members, sink } = cluster;
    sink.pause();
    const numbersOf = (index: number) => Array.from({ length: count }, (_, i) => index * count + i);
    const sending = members.map(async (member, index) => {
      const client = await Client.connect(member.port('all'));
      await client.writeSlowly(frames(numbersOf(index).map(String)), 2000);
      await client.end();
    });
    await Promise.all(members.map((member) => member.waitFor(/Sources muted: /)));
    sink.resume();
    await Promise.all(sending);
    await sink.waitForLines(members.length * count * times);
    const expected = members.flatMap((_, index) =>
      numbersOf(index).flatMap((number) => Array.from({ length: times }, (_, copy) => `${number} ${copy}`)),
    );
    const came = sink.lines.map((line) => line.split(' ', 2).join(' '));
    expect(new Set(came).size).to.equal(expected.length);
    expect(came.length).to.equal(expected.length);
    const all = new Set(expected);
    expect(came.filter((line) => !all.has(line))).to.deep.equal([]);
    for (const { peakMemory } of members) expect(peakMemory).to.be.lessThan(300 * MB);
    await cluster.stop();
  });
});
