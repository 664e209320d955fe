import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { unframe } from '../support/client.js';
import { stopAll } from '../support/process.js';
import { CollectingSink } from '../support/sink.js';
import { launchWorker, type LaunchedWorker } from '../support/worker-process.js';

describe('WebSocket source', () => {
  let sink: CollectingSink;
  let worker: LaunchedWorker;

  beforeEach(async () => {
    sink = await CollectingSink.listen();
    worker = await launchWorker({
      app: 'relay',
      args: [
        ...['--in', 'in@127.0.0.1:0', '--out', sink.address],
        ...['--source=websocket', '--max=1000', '--parallelism=2'],
      ],
    });
  });

  afterEach(async () => {
    await stopAll();
    await sink.close();
  });

  const open = async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${worker.port('in')}`);
    await once(socket, 'open');
    return socket;
  };
  const closed = async (socket: WebSocket) => ((await once(socket, 'close')) as [number])[0];
  const payloads = () => unframe(sink.received).payloads.map(String);
  const arrived = (count: number) => sink.until(() => payloads().length >= count, `${count} messages`);
  const expectExactly = async (expected: readonly string[]) => {
    await arrived(expected.length);
    const { code } = await worker.stop();
    await sink.waitForEnd();
    expect(code).to.equal(0);
    expect(payloads()).to.deep.equal(expected);
  };

  it('takes text, binary, empty and fragmented frames in order', async () => {
    const socket = await open();
    socket.send('gr\u00fc\u00dfe');
    socket.send(Buffer.from('binary'));
    socket.send('');
    socket.send('frag', { fin: false });
    socket.send('men', { fin: false });
    socket.send('ted', { fin: true });
    for (let i = 0; i < 1000; i++) socket.send(`${i}`);
    socket.close();
    await expectExactly([
      ...['gr\u00fc\u00dfe', 'binary', '<empty>', 'fragmented'],
      ...Array.from({ length: 1000 }, (_, i) => `${i}`),
    ]);
  });

  it('closes a connection for a frame that is too long, tells it once, and serves the others', async () => {
    const [good, bad] = await Promise.all([open(), open()]);
    bad.send('x'.repeat(1001));
    expect(await closed(bad)).to.equal(1009);
    good.send('x'.repeat(1000));
    await expectExactly(['x'.repeat(1000)]);
    expect(worker.linesWith('ERROR')).to.have.length(1);
  });

  it('closes a connection whose bytes the decoder refuses: nothing after them is processed', async () => {
    const [good, bad] = await Promise.all([open(), open()]);
    for (const text of ['taken', 'bad', 'too late', 'bad again', 'too late']) bad.send(text);
    expect(await closed(bad)).to.equal(1007);
    good.send('afterwards');
    await expectExactly(['taken', 'afterwards']);
    expect(worker.linesWith('ERROR')).to.have.length(1);
  });

  it('refuses more clients than it serves at a time, until one of them has gone', async () => {
    const [first, second, third] = [await open(), await open(), await open()];
    expect(await closed(third)).to.equal(1013);
    first.send('first');
    first.close();
    await closed(first);
    await arrived(1);
    const fourth = await open();
    fourth.send('fourth');
    await arrived(2);
    second.send('second');
    await expectExactly(['first', 'fourth', 'second']);
    expect(worker.linesWith('one refused')).to.have.length(1);
  });

  it('answers a request that is no WebSocket handshake', async () => {
    const socket = connect(worker.port('in'), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).to.match(/^HTTP\/1\.1 426 /);
    socket.destroy();
  });

  it('stops while clients are connected', async () => {
    const socket = await open();
    socket.send('last');
    await arrived(1);
    const ended = closed(socket);
    expect((await worker.stop()).code).to.equal(0);
    expect(await ended).to.be.oneOf([1001, 1006]);
    expect(payloads()).to.deep.equal(['last']);
  });
});
