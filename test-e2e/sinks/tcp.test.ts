import { connect } from 'node:net';
import { expect } from 'chai';
import { standstill } from '../support/changes.js';
import { Client, frame, frames, freePort, unframe } from '../support/client.js';
import { start, stopAll } from '../support/process.js';
import { CollectingSink } from '../support/sink.js';
import { launchWorker } from '../support/worker-process.js';

describe('TCP sink', () => {
  const sinks: CollectingSink[] = [];

  afterEach(async () => {
    await stopAll();
    for (const sink of sinks.splice(0)) await sink.close();
  });

  const listen = async (port = 0) => {
    const sink = await CollectingSink.listen(port);
    sinks.push(sink);
    return sink;
  };
  /** So that forty million bytes, more than any buffer on the way holds, are not millions of messages. */
  const text = (number: number) => `${number}`.padEnd(1000);
  const numbersOf = (bytes: Buffer) => unframe(bytes).payloads.map(Number);
  const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const numbered = (from: number, to: number) => frames(numbers(from, to).map(text));

  it('lets a worker start before its receiver listens, and loses nothing until it does', async () => {
    const port = await freePort();
    const worker = await launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', `127.0.0.1:${port}`],
    });
    expect(worker.linesWith('is unreachable')).to.have.length(1);
    const client = await Client.connect(worker.port('in'));
    await client.write(numbered(1, 1000));
    await client.end();
    const sink = await listen(port);
    await worker.waitForLine(/Connected to sink at/);
    await sink.waitForBytes(numbered(1, 1000).length);
    const { code } = await worker.stop();
    await sink.waitForEnd();
    expect(code).to.equal(0);
    expect(numbersOf(sink.received)).to.deep.equal(numbers(1, 1000));
    expect(worker.linesWith('is unreachable')).to.have.length(1);
  });

  it('lets a worker start whose receiver does not answer at all', async () => {
    // A process that listens and never accepts: when its queue is full the system drops who comes.
    const program =
      "const server = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {" +
      "require('fs').writeSync(1, 'port ' + server.address().port + '\\n');" +
      'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); });';
    const deaf = start(process.execPath, ['-e', program]);
    const [, port] = await deaf.waitForOutput(/port (\d+)\n/);
    const connections = Array.from({ length: 8 }, () => connect(Number(port), '127.0.0.1'));
    try {
      await standstill(() => connections.filter(({ connecting }) => connecting).length, 200);
      expect(connections.some(({ connecting }) => connecting)).to.equal(true);
      const worker = await launchWorker({ app: 'relay', args: ['--out', `127.0.0.1:${port}`] });
      expect(worker.linesWith('is unreachable (no answer within 5000 ms)')).to.have.length(1);
      expect((await worker.stop()).code).to.equal(0);
    } finally {
      connections.forEach((connection) => connection.destroy());
    }
  });

  it('goes on after a restart of its receiver: nothing queued is lost, nothing is cut or out of order', async () => {
    const first = await listen();
    const worker = await launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', first.address],
    });
    const client = await Client.connect(worker.port('in'));
    await client.write(numbered(1, 50));
    await first.waitForBytes(numbered(1, 50).length);
    // The receiver is busy: output piles up in the worker, until it mutes its sources.
    first.pause();
    const last = 40_000;
    const all = client.write(numbered(51, last));
    await worker.waitForLine(/Sources muted: sink TCP /);
    const { port } = first;
    await first.close();
    await worker.waitForLine(/is unreachable/);
    const second = await listen(port);
    await all;
    const end = frame(text(last));
    await second.until(() => second.received.subarray(-end.length).equals(end), 'the last message', 60_000);
    await client.end();
    expect((await worker.stop()).code).to.equal(0);
    const { payloads, rest } = unframe(second.received);
    const received = payloads.map(Number);
    expect(rest).to.equal(0);
    expect(received).to.deep.equal(numbers(received[0]!, last));
    expect(second.connections).to.have.length(1);
  });

  it('gives every sink every message, whether they share an address or not', async () => {
    const [one, two] = [await listen(), await listen()];
    for (const out of [`${one.address},${two.address}`, one.address]) {
      const worker = await launchWorker({
        app: 'relay',
        args: ['--in', 'in@127.0.0.1:0', '--out', out, '--sinks=2'],
      });
      const client = await Client.connect(worker.port('in'));
      await client.write(numbered(1, 100));
      await client.end();
      await one.waitForBytes(numbered(1, 100).length);
      expect((await worker.stop()).code).to.equal(0);
    }
    await Promise.all([one.waitForEnd(), two.waitForEnd()]);
    const received = [...one.connections, ...two.connections].map((connection) =>
      numbersOf(connection.received),
    );
    expect(received).to.deep.equal(Array.from({ length: 4 }, () => numbers(1, 100)));
  });

  it('mutes the sources for the slowest of its sinks, and the others get all the same', async () => {
    const [quick, slow] = [await listen(), await listen()];
    slow.pause();
    const worker = await launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', `${quick.address},${slow.address}`, '--sinks=2'],
    });
    const client = await Client.connect(worker.port('in'));
    const bytes = numbered(1, 40_000);
    const all = client.write(bytes);
    await worker.waitForLine(/Sources muted: sink TCP 2 /);
    slow.resume();
    await all;
    await Promise.all([quick.waitForBytes(bytes.length, 60_000), slow.waitForBytes(bytes.length, 60_000)]);
    expect(quick.received.equals(bytes)).to.equal(true);
    expect(slow.received.equals(bytes)).to.equal(true);
    expect((await worker.stop()).code).to.equal(0);
  });

  it('ignores what its receiver says', async () => {
    const sink = await listen();
    const worker = await launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', sink.address],
    });
    await sink.waitForConnections(1);
    for (let i = 0; i < 100; i++) sink.connections[0]!.socket.write(Buffer.alloc(100_000, i));
    const client = await Client.connect(worker.port('in'));
    await client.write(numbered(1, 100));
    await sink.waitForBytes(numbered(1, 100).length);
    expect((await worker.stop()).code).to.equal(0);
    await sink.waitForEnd();
    expect(numbersOf(sink.received)).to.deep.equal(numbers(1, 100));
    expect(worker.linesWith('WARNING')).to.deep.equal([]);
  });
});
