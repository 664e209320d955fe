import { expect } from 'chai';
import { standstill } from './support/changes.js';
import { Client, frame, frames, freePort, unframe } from './support/client.js';
import { stopAll } from './support/process.js';
import { CollectingSink } from './support/sink.js';
import { launchWorker } from './support/worker-process.js';

describe('signals', () => {
  let sink: CollectingSink;

  beforeEach(async () => {
    sink = await CollectingSink.listen();
  });
  afterEach(async () => {
    await stopAll();
    await sink.close();
  });

  const launch = (...args: string[]) =>
    launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', sink.address, ...args],
    });
  const text = (number: number) => `${number}`.padEnd(1000);
  const numbered = (from: number, count: number) =>
    frames(Array.from({ length: count }, (_, i) => text(from + i)));
  /** @throws unless the bytes are the whole messages 0, 1, 2 ... @returns how many */
  const wholePrefix = (bytes: Buffer): number => {
    const { payloads, rest } = unframe(bytes);
    expect(rest, 'bytes of a message that was cut').to.equal(0);
    payloads.forEach((payload, i) => {
      if (payload.toString() !== text(i)) throw new Error(`message ${i} is ${payload.toString()}`);
    });
    return payloads.length;
  };

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} under load: what was processed comes out whole and in order, exit code 0`, async () => {
      const worker = await launch();
      const client = await Client.connect(worker.port('in'));
      const flood = (async () => {
        for (let from = 0; !client.socket.destroyed; from += 200) await client.write(numbered(from, 200));
      })();
      await sink.waitForBytes(1_000_000);
      const { code, stderr } = await worker.stop(signal);
      await flood;
      await sink.waitForEnd();
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(wholePrefix(sink.received)).to.be.greaterThan(900);
      expect(worker.linesWith(`${signal} received`)).to.have.length(1);
      expect(worker.lines.at(-1)).to.match(/,Connections: Finished shutdown procedure\.$/);
    });
  }

  it('everything that was sent and taken in comes out, on a connection that stays open', async () => {
    const worker = await launch();
    const client = await Client.connect(worker.port('in'));
    await client.write(numbered(0, 3000));
    await sink.waitForBytes(3000 * 1004);
    await client.write(Buffer.concat([numbered(3000, 10), frame('never finished').subarray(0, 9)]));
    await sink.waitForBytes(3010 * 1004);
    expect((await worker.stop()).code).to.equal(0);
    await sink.waitForEnd();
    expect(wholePrefix(sink.received)).to.equal(3010);
  });

  it('a sink that stood still gets all that was processed when it reads on, before exit code 0', async () => {
    sink.pause();
    const worker = await launch('--stop-pause=20_000_000_000');
    const client = await Client.connect(worker.port('in'));
    void client.writeSlowly(numbered(0, 40_000));
    await worker.waitForLine(/Sources muted/);
    await standstill(() => client.socket.bytesWritten, 300);
    worker.process.kill('SIGTERM');
    await worker.waitForLine(/SIGTERM received/);
    const ended = worker.process.finished();
    sink.resume();
    const { code } = await ended;
    await sink.waitForEnd();
    expect(code).to.equal(0);
    // More than any buffer outside the worker holds: so its own queue was flushed.
    expect(wholePrefix(sink.received)).to.be.greaterThan(1000);
  });

  it('a sink that reads slowly is waited for as long as it reads', async () => {
    sink.pause();
    const worker = await launch('--stop-pause=1_000_000_000');
    const client = await Client.connect(worker.port('in'));
    void client.writeSlowly(numbered(0, 40_000));
    await worker.waitForLine(/Sources muted/);
    await standstill(() => client.socket.bytesWritten, 300);
    const ended = worker.stop();
    const slowly = setInterval(() => {
      sink.resume();
      setImmediate(() => sink.pause());
    }, 100);
    try {
      expect((await ended).code).to.equal(0);
    } finally {
      clearInterval(slowly);
    }
    sink.resume();
    await sink.waitForEnd();
    expect(wholePrefix(sink.received)).to.be.greaterThan(1000);
  });

  it('a sink that talks while the worker ends gets everything all the same', async () => {
    sink.pause();
    const worker = await launch('--stop-pause=20_000_000_000');
    const client = await Client.connect(worker.port('in'));
    await client.write(numbered(0, 2000));
    await client.end();
    const { socket } = sink.connections[0]!;
    const talk = setInterval(() => socket.writableLength < 1e6 && socket.write(Buffer.alloc(500_000)), 1);
    const ended = worker.stop();
    await worker.waitForLine(/SIGTERM received/);
    sink.resume();
    try {
      expect((await ended).code).to.equal(0);
    } finally {
      clearInterval(talk);
    }
    sink.resume();
    await sink.waitForEnd();
    expect(wholePrefix(sink.received)).to.equal(2000);
  });

  it('a sink that takes nothing: exit code 1 after the pause, and how many bytes of which sink are left', async () => {
    const port = await freePort();
    const worker = await launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', `127.0.0.1:${port}`, '--stop-pause=300_000_000'],
    });
    const client = await Client.connect(worker.port('in'));
    await client.write(numbered(0, 3000));
    await worker.waitForLine(/Sources muted/);
    const { code, stderr } = await worker.stop();
    expect(code).to.equal(1);
    const [, bytes] =
      /^Error: Sink TCP: (\d+) bytes of output could not be sent: it took nothing for 300 ms\. /.exec(
        stderr,
      )!;
    expect(Number(bytes)).to.be.greaterThan(1024 * 1024);
    expect(Number(bytes) % 1004).to.equal(0);
  });

  it('an unreachable sink to which nothing is owed does not hold up the end', async () => {
    const port = await freePort();
    const worker = await launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', `127.0.0.1:${port}`],
    });
    expect((await worker.stop()).code).to.equal(0);
  });

  for (const first of ['SIGTERM', 'SIGINT'] as const) {
    it(`a second signal ends the worker at once, after ${first} too`, async () => {
      sink.pause();
      const worker = await launch('--stop-pause=60_000_000_000');
      const client = await Client.connect(worker.port('in'));
      void client.writeSlowly(numbered(0, 40_000));
      await worker.waitForLine(/Sources muted/);
      worker.process.kill(first);
      await worker.waitForLine(new RegExp(`${first} received`));
      const { code, signal } = await worker.stop();
      expect([code, signal]).to.deep.equal([null, 'SIGTERM']);
    });
  }

  it('a signal before the application is initialized ends the worker with exit code 0', async () => {
    const worker = await launchWorker({
      app: 'hanging',
      args: ['--in', 'in@127.0.0.1:0'],
      until: /INIT PHASE II/,
    });
    expect((await worker.stop()).code).to.equal(0);
    expect(worker.linesWith('successfully initialized')).to.deep.equal([]);
  });

  it('a generator stops where it is, and what it made comes out', async () => {
    const worker = await launchWorker({ app: 'counting', args: ['--out', sink.address] });
    await sink.waitForBytes(100_000);
    expect((await worker.stop()).code).to.equal(0);
    await sink.waitForEnd();
    expect(sink.text.endsWith('\n')).to.equal(true);
    const numbers = sink.text.trimEnd().split('\n').map(Number);
    expect(numbers.every((number, i) => number === i + 1)).to.equal(true);
  });
});
