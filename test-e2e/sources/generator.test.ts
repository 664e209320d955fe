import { expect } from 'chai';
import { standstill } from '../support/changes.js';
import { stopAll } from '../support/process.js';
import { CollectingSink } from '../support/sink.js';
import { launchWorker } from '../support/worker-process.js';

describe('generator source', () => {
  let sink: CollectingSink;

  beforeEach(async () => {
    sink = await CollectingSink.listen();
  });
  afterEach(async () => {
    await stopAll();
    await sink.close();
  });

  it('ends with its last message, and the worker goes on until it is stopped', async () => {
    const worker = await launchWorker({ app: 'counting', args: ['--out', sink.address, '100000'] });
    await worker.waitForLine(/numbers source has generated its last message/);
    await sink.waitForText('\n100000\n');
    expect((await worker.stop()).code).to.equal(0);
    const expected = Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join('');
    expect(sink.text === expected).to.equal(true);
  });

  it('stands still while the sink does, and loses and repeats nothing', async () => {
    sink.pause();
    const worker = await launchWorker({ app: 'counting', args: ['--out', sink.address] });
    await worker.waitForLine(/Sources muted/);
    await standstill(() => worker.residentMemory, 500);
    expect(worker.peakMemory).to.be.lessThan(200 * 1024 * 1024);
    sink.resume();
    await sink.waitForBytes(10_000_000);
    const ended = worker.stop();
    expect((await ended).code).to.equal(0);
    await sink.waitForEnd();
    const numbers = sink.text.trimEnd().split('\n').map(Number);
    expect(numbers.every((number, i) => number === i + 1)).to.equal(true);
  });
});
