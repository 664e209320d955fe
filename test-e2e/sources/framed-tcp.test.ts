import { expect } from 'chai';
import { Client, frame, frames, sendAll, unframe } from '../support/client.js';
import { eventually } from '../support/changes.js';
import { stopAll } from '../support/process.js';
import { CollectingSink } from '../support/sink.js';
import { launchWorker, type LaunchedWorker } from '../support/worker-process.js';

describe('framed TCP source', () => {
  let sink: CollectingSink;
  let worker: LaunchedWorker;

  beforeEach(async () => {
    sink = await CollectingSink.listen();
  });

  afterEach(async () => {
    await stopAll();
    await sink.close();
  });

  const relay = async (...args: string[]) => {
    worker = await launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', sink.address, ...args],
    });
    return worker;
  };
  const payloads = () => unframe(sink.received).payloads.map(String);
  const arrived = (expected: readonly string[]) =>
    sink.until(() => payloads().length >= expected.length, `${expected.length} messages`);
  const expectExactly = async (expected: readonly string[]) => {
    await arrived(expected);
    const { code } = await worker.stop();
    await sink.waitForEnd();
    expect(code).to.equal(0);
    expect(payloads()).to.deep.equal(expected);
  };

  for (const headerLength of [1, 2, 3, 4, 8]) {
    it(`reads lengths of ${headerLength} bytes`, async () => {
      const { port } = await relay(`--header=${headerLength}`).then((w) => ({ port: w.port('in') }));
      const texts = ['one', 'x'.repeat(255), 'three'];
      await sendAll(port, Buffer.concat(texts.map((text) => frame(text, { headerLength }))));
      await expectExactly(texts);
    });
  }

  it('reads little-endian lengths', async () => {
    await relay('--source=little', '--header=3');
    const texts = ['one', 'x'.repeat(300)];
    const bytes = texts.map((text) => frame(text, { headerLength: 3, littleEndian: true }));
    await sendAll(worker.port('in'), Buffer.concat(bytes));
    await expectExactly(texts);
  });

  it('reads lengths with a function of the application', async () => {
    await relay('--source=function');
    await sendAll(worker.port('in'), Buffer.from('\0\x05one\0\x05two', 'latin1'));
    await expectExactly(['one', 'two']);
  });

  it('reads the same messages wherever the bytes are cut, empty ones too', async () => {
    await relay();
    const bytes = frames(['first', '', 'second message', '', 'x'.repeat(40)]);
    const client = await Client.connect(worker.port('in'));
    const expected: string[] = [];
    for (let at = 0; at <= bytes.length; at++) {
      await client.writeCut(bytes, at);
      expected.push('first', '<empty>', 'second message', '<empty>', 'x'.repeat(40));
    }
    for (const byte of bytes) await client.write(Buffer.of(byte));
    expected.push('first', '<empty>', 'second message', '<empty>', 'x'.repeat(40));
    await client.end();
    await expectExactly(expected);
    expect(client.received).to.have.length(0);
  });

  it('closes a connection for a frame that is too long, tells it once, and serves the others', async () => {
    await relay();
    const [good, bad] = await Promise.all([
      Client.connect(worker.port('in')),
      Client.connect(worker.port('in')),
    ]);
    await good.write(frame('before'));
    await arrived(['before']);
    await bad.write(Buffer.concat([frame('taken'), frame('x'.repeat(16385)), frame('too late')]));
    await bad.closed;
    await good.write(frame('x'.repeat(16384)));
    await expectExactly(['before', 'taken', 'x'.repeat(16384)]);
    expect(worker.linesWith('Received unexpected expect of size: 16385, exceeds max: 16384.')).to.have.length(
      1,
    );
    expect(worker.linesWith('ERROR')).to.have.length(1);
  });

  it('takes the longest payload from the command line', async () => {
    const args = ['--out', sink.address, '--in', 'in@127.0.0.1:0:10'];
    worker = await launchWorker({ app: 'relay', args });
    expect(worker.linesWith('in TCP Source max buffer size: 10')).to.have.length(1);
    await sendAll(worker.port('in'), frames(['0123456789', '01234567890']));
    await expectExactly(['0123456789']);
    expect(worker.linesWith('size: 11, exceeds max: 10.')).to.have.length(1);
  });

  it('refuses what header bytes of eight can announce', async () => {
    await relay('--header=8');
    const client = await Client.connect(worker.port('in'));
    await client.write(Buffer.alloc(8, 0xff));
    await client.closed;
    expect((await worker.stop()).code).to.equal(0);
    expect(worker.linesWith('ERROR')).to.have.length(1);
  });

  for (const [journal, args] of [
    ['without a journal', []],
    ['with a journal', ['--run-with-resilience']],
  ] as const) {
    it(`closes a connection whose bytes the decoder refuses, tells it once, and serves the others, ${journal}`, async () => {
      await relay(...args);
      const [good, bad] = await Promise.all([
        Client.connect(worker.port('in')),
        Client.connect(worker.port('in')),
      ]);
      await bad.write(frames(['taken', 'drop it', 'bad one', 'bad two', 'too late']));
      await bad.closed;
      await good.write(frame('afterwards'));
      await expectExactly(['taken', 'afterwards']);
      expect(worker.linesWith('Unable to decode message at in source: the payload is bad')).to.have.length(1);
    });
  }

  it('keeps the connection when the application skips errors, and logs them at a bounded rate', async () => {
    await relay('--skip');
    const client = await Client.connect(worker.port('in'));
    const startedAt = performance.now();
    for (let i = 0; i < 1000; i++) await client.write(frames(['bad', `good ${i}`]));
    await expectExactly(Array.from({ length: 1000 }, (_, i) => `good ${i}`));
    const lines = worker.linesWith('Skipped a message');
    expect(lines).to.have.length.within(1, 2 + (performance.now() - startedAt) / 1000);
    expect(lines[0]).to.match(/,ERROR,Application,Skipped a message: Unable to decode message at in source/);
  });

  it('lets more clients wait than it serves at a time, and loses nothing of theirs', async () => {
    await relay('--parallelism=2');
    const clients = await Promise.all(Array.from({ length: 7 }, () => Client.connect(worker.port('in'))));
    await worker.waitForLine(/TCPSourceCoordinator: Already reached connection limit \(2\)/);
    await Promise.all(
      clients.map((client, i) => client.write(frames(Array.from({ length: 100 }, (_, j) => `${i} ${j}`)))),
    );
    await sink.until(() => payloads().length === 200, 'the messages of two clients');
    await Promise.all(clients.map((client) => client.end()));
    await arrived(Array.from({ length: 700 }));
    expect((await worker.stop()).code).to.equal(0);
    for (let i = 0; i < 7; i++) {
      const own = payloads().filter((text) => text.startsWith(`${i} `));
      expect(own).to.deep.equal(Array.from({ length: 100 }, (_, j) => `${i} ${j}`));
    }
  });

  it('does not serve a client that went away while it waited', async () => {
    await relay('--parallelism=1');
    const first = await Client.connect(worker.port('in'));
    await first.write(frame('first'));
    await arrived(['first']);
    const gone = await Client.connect(worker.port('in'));
    await worker.waitForLine(/connection limit/);
    await gone.reset();
    const last = await Client.connect(worker.port('in'));
    await last.write(frame('last'));
    await first.end();
    await expectExactly(['first', 'last']);
  });

  it('takes everything from a client that ends its half of the connection', async () => {
    await relay();
    const texts = Array.from({ length: 5000 }, (_, i) => `message ${i}`);
    await sendAll(worker.port('in'), frames(texts));
    await expectExactly(texts);
  });

  it('drops a frame that a client left unfinished, by its end or by a reset, and only that', async () => {
    await relay();
    const [cut, reset] = await Promise.all([
      Client.connect(worker.port('in')),
      Client.connect(worker.port('in')),
    ]);
    await cut.write(Buffer.concat([frame('whole'), frame('cut off').subarray(0, 7)]));
    await cut.end();
    await worker.waitForLine(/ended within a message; 7 bytes dropped/);
    await reset.write(Buffer.concat([frame('also whole'), frame('cut off').subarray(0, 2)]));
    await arrived(['whole', 'also whole']);
    await reset.reset();
    await sendAll(worker.port('in'), frame('afterwards'));
    await expectExactly(['whole', 'also whole', 'afterwards']);
  });

  it('says that it does not listen when nobody tells it where', async () => {
    worker = await launchWorker({ app: 'relay', args: ['--out', sink.address] });
    expect(worker.linesWith('in source does not listen')[0]).to.match(/give --in in@HOST:PORT/);
    await eventually(() => sink.connections.length === 1, 'the sink');
    expect((await worker.stop()).code).to.equal(0);
  });
});
