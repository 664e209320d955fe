import { expect } from 'chai';
import { Client, sendAll, unframe } from '../support/client.js';
import { stopAll } from '../support/process.js';
import { CollectingSink } from '../support/sink.js';
import { launchWorker, type LaunchedWorker } from '../support/worker-process.js';

describe('line TCP source', () => {
  let sink: CollectingSink;
  let worker: LaunchedWorker;

  beforeEach(async () => {
    sink = await CollectingSink.listen();
    worker = await launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', sink.address, '--source=lines', '--max=30'],
    });
  });

  afterEach(async () => {
    await stopAll();
    await sink.close();
  });

  const payloads = () => unframe(sink.received).payloads.map(String);
  const expectExactly = async (expected: readonly string[]) => {
    await sink.until(() => payloads().length >= expected.length, `${expected.length} lines`);
    const { code } = await worker.stop();
    await sink.waitForEnd();
    expect(code).to.equal(0);
    expect(payloads()).to.deep.equal(expected);
  };

  it('reads the same lines wherever the bytes are cut, with both kinds of ends', async () => {
    const bytes = Buffer.from('unix\ndos\r\n\n\r\nwith\rinside\ngr\u00fc\u00dfe\r\n');
    const lines = ['unix', 'dos', '<empty>', '<empty>', 'with\rinside', 'gr\u00fc\u00dfe'];
    const client = await Client.connect(worker.port('in'));
    for (let at = 0; at <= bytes.length; at++) await client.writeCut(bytes, at);
    for (const byte of bytes) await client.write(Buffer.of(byte));
    await client.end();
    await expectExactly(Array.from({ length: bytes.length + 2 }, () => lines).flat());
  });

  it('takes a last line without an end', async () => {
    await sendAll(worker.port('in'), Buffer.from('first\nlast'));
    await expectExactly(['first', 'last']);
    expect(worker.linesWith('dropped')).to.deep.equal([]);
  });

  it('closes a connection for a line that is too long, however it comes, and serves the others', async () => {
    const longest = 'x'.repeat(30);
    const good = await Client.connect(worker.port('in'));
    await good.write(Buffer.from(`${longest}\r\n`));
    const tooLong = [`${longest}x\n`, `${longest}x\r\n`, `${longest}xxxxxxx`, `${'x'.repeat(40)}\nlater\n`];
    for (const bytes of tooLong) {
      const bad = await Client.connect(worker.port('in'));
      for (const byte of Buffer.from(bytes)) await bad.write(Buffer.of(byte));
      await bad.closed;
    }
    const whole = await Client.connect(worker.port('in'));
    await whole.write(Buffer.from(`taken\n${longest}x\nlater\n`));
    await whole.closed;
    await good.write(Buffer.from(`afterwards\n`));
    await expectExactly([longest, 'taken', 'afterwards']);
    expect(worker.linesWith('exceeds max: 30.')).to.have.length(tooLong.length + 1);
    expect(worker.linesWith('ERROR')).to.have.length(tooLong.length + 1);
  });
});
