import { expect } from 'chai';
import { standstill } from '../support/changes.js';
import { Client, frames } from '../support/client.js';
import { stopAll } from '../support/process.js';
import { launchWorker } from '../support/worker-process.js';

describe('stdout sink', () => {
  afterEach(stopAll);

  const relay = () => launchWorker({ app: 'relay', args: ['--in', 'in@127.0.0.1:0', '--sink=stdout'] });
  const messages = (count: number) =>
    Array.from({ length: count }, (_, i) => `message ${i} ${'x'.repeat(50)}`);

  it('writes the output between whole lines of the log, all of it before the worker ends', async () => {
    const worker = await relay();
    const client = await Client.connect(worker.port('in'));
    await client.write(frames(messages(20_000)));
    await worker.waitForLine(/message 19999 /);
    expect((await worker.stop()).code).to.equal(0);
    const output = worker.lines.filter((line) => !/^\d+\.\d{6},/.test(line));
    expect(output).to.deep.equal(messages(20_000));
  });

  it('mutes the sources when nobody reads, and goes on without loss when somebody does', async () => {
    const worker = await relay();
    worker.process.pauseOutput();
    const client = await Client.connect(worker.port('in'));
    const texts = Array.from({ length: 20_000 }, (_, i) => `message ${i} ${'x'.repeat(1000)}`);
    const bytes = frames(texts);
    const all = client.writeSlowly(bytes);
    await standstill(() => client.socket.bytesWritten, 500);
    expect(client.socket.bytesWritten).to.be.lessThan(bytes.length);
    worker.process.resumeOutput();
    await all;
    await worker.waitForLine(/message 19999 /);
    expect((await worker.stop()).code).to.equal(0);
    const output = worker.lines.filter((line) => !/^\d+\.\d{6},/.test(line));
    expect(output).to.deep.equal(texts);
  });

  it('ends the worker with a message when its reader has gone', async () => {
    const worker = await relay();
    worker.process.closeOutput();
    const client = await Client.connect(worker.port('in'));
    await client.write(frames(messages(10)));
    const { code, stderr } = await worker.process.finished();
    expect(code).to.equal(1);
    expect(stderr).to.match(/^Error: .*standard output/);
    expect(stderr.trimEnd().split('\n')).to.have.length(1);
  });
});
