import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { expect } from 'chai';
import { Receiver } from '../../src/data-receiver/receiver.js';
import { SharedOutput } from '../../src/data-receiver/shared-output.js';

describe('Receiver', () => {
  let socket: Socket | undefined;

  afterEach(() => {
    socket?.destroy();
    socket = undefined;
  });

  it('does not stop before the output has taken everything', async () => {
    const written: string[] = [];
    let release: (() => void) | undefined;
    let arrived: () => void = () => undefined;
    const firstWrite = new Promise<void>((resolve) => (arrived = resolve));
    const stream = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk.toString());
        arrived();
        if (release) done();
        else release = done;
      },
    });
    const receiver = new Receiver(
      { listen: { host: '127.0.0.1', port: 0 }, framed: false, write: true, bufferBytes: 16384 },
      new SharedOutput(stream),
    );
    const { port } = await receiver.listen();
    const client = (socket = connect(port, '127.0.0.1'));
    await new Promise<void>((resolve) => client.write('first ', () => resolve()));
    await firstWrite;
    await new Promise<void>((resolve) => client.end('second', () => resolve()));

    let stopped = false;
    const stopping = receiver.stop().then(() => (stopped = true));
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect([stopped, written]).to.deep.equal([false, ['first ']]);
    release!();
    await stopping;
    expect(written.join('')).to.equal('first second');
  });
});
