import { expect } from 'chai';
import { standstill } from './support/changes.js';
import { Client } from './support/client.js';
import { sendStream, StreamCheck } from './support/numbered-stream.js';
import { stopAll } from './support/process.js';
import { CollectingSink } from './support/sink.js';
import { launchWorker, type LaunchedWorker } from './support/worker-process.js';

const MB = 1024 * 1024;

describe('backpressure', () => {
  let sink: CollectingSink;
  let check: StreamCheck;
  let worker: LaunchedWorker;

  afterEach(async () => {
    await stopAll();
    await sink.close();
  });

  /** Streams through a worker whose sink does not read until the sources are muted and nothing moves. */
  const flow = async (options: { bytes: number; connections?: number; times?: number }) => {
    const { bytes, connections = 1, times = 1 } = options;
    check = new StreamCheck(times);
    sink = await CollectingSink.listen(0, (chunk) => check.push(chunk));
    worker = await launchWorker({
      app: 'identity',
      args: ['--in', 'in@127.0.0.1:0', '--out', sink.address, `${times}`],
    });
    sink.pause();
    const startedAt = performance.now();
    const clients = await Promise.all(
      Array.from({ length: connections }, () => Client.connect(worker.port('in'))),
    );
    let ended = 0;
    const sending = clients.map(async (client, stream) => {
      const sent = await sendStream(client, stream, bytes / connections);
      await client.end();
      ended++;
      return sent;
    });
    await worker.waitForLine(/Sources muted: sink TCP /);
    await standstill(() => clients.reduce((sum, client) => sum + client.socket.bytesWritten, 0), 3000);
    expect(ended).to.equal(0);
    sink.resume();
    const sent = await Promise.all(sending);
    const total = sent.reduce((sum, stream) => sum + stream.bytes, 0) * times;
    await sink.waitForBytes(total, 120_000);
    expect(worker.peakMemory).to.be.lessThan(250 * MB);
    const seconds = (performance.now() - startedAt) / 1000;
    expect(worker.linesWith('Sources muted')).to.have.length.within(1, 2 + seconds);
    expect((await worker.stop()).code).to.equal(0);
    await sink.waitForEnd();
    expect(check.bytes).to.equal(total);
    sent.forEach((stream, number) => expect(check.received(number)).to.deep.equal(stream));
  };

  it('holds a gigabyte off while the sink stands still, in little memory, and delivers every byte', async function () {
    this.timeout(180_000);
    await flow({ bytes: 1024 * MB });
  });

  it('holds two connections off, and keeps the order of each', async () => {
    await flow({ bytes: 200 * MB, connections: 2 });
  });

  it('holds off what a computation makes a hundred of', async () => {
    await flow({ bytes: 4 * MB, times: 100 });
  });
});
