import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { tcpSink, type RunningSink } from '../../src/index.js';

describe('the TCP sink, batch by batch', () => {
  let server: Server;
  let sink: RunningSink;
  let received: string;
  const sockets: Socket[] = [];

  const open = (port: number) =>
    tcpSink({ encoder: String }).open({
      name: 'out',
      application: 'application',
      worker: 'worker',
      resilience: false,
      address: { host: '127.0.0.1', port },
      drained: () => undefined,
      log: () => undefined,
      fail: (error) => {
        throw error;
      },
    });

  beforeEach(async () => {
    received = '';
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('data', (chunk) => (received += chunk.toString()));
      socket.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    sink = open((server.address() as AddressInfo).port);
    await sink.start();
  });

  afterEach(async () => {
    await sink.stop(AbortSignal.abort());
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
  });

  it('never calls a batch taken that went nowhere', async () => {
    const [socket] = sockets.length > 0 ? sockets : ((await once(server, 'connection')) as [Socket]);
    const internal = sink as unknown as { socket: Socket };
    internal.socket.destroy();
    expect(sink.write(Buffer.from('kept'), [])).to.equal(true);
    expect(sink.unsentBytes).to.equal(4);
    socket?.destroy();
    await once(server, 'connection');
    await sink.stop(new AbortController().signal);
    while (!received.includes('kept')) await new Promise((resolve) => setImmediate(resolve));
  });

  it('holds no more memory than it says for batches that wait, however small', async () => {
    const away = open(1);
    await away.start();
    for (let i = 0; i < 20_000; i++) {
      // As the engine's outbox hands them on: a little of a big buffer, which the sink may not keep.
      const buffer = Buffer.allocUnsafeSlow(40 * 1024);
      expect(away.write(buffer.subarray(0, 10), [])).to.equal(true);
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(away.unsentBytes).to.equal(200_000);
    const held = (away as unknown as { queue: Buffer[] }).queue;
    expect(held.length).to.be.lessThan(100);
    expect(held.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)).to.be.lessThan(2_000_000);
    await away.stop(AbortSignal.abort());
  });
});
