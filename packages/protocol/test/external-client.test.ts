import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import {
  ConnectFailedError,
  encodeExternalMessage,
  ExternalClient,
  InvalidExternalMessageError,
  NoReplyError,
  OversizedFrameError,
  type Address,
  type ExternalMessage,
} from '../src/index.js';

const query: ExternalMessage = { type: 'sourceIdsQuery' };

function answerWithIds(count: number): ExternalMessage {
  const source_ids = Array.from({ length: count }, (_, i) => String(10n ** 37n + BigInt(i)));
  return { type: 'sourceIdsQueryResponse', body: { source_ids } };
}

/** What settles it, whichever way. */
async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => expect.fail(`expected a failure, got ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
}

describe('ExternalClient', () => {
  let server: Server | undefined;
  let clients: ExternalClient[] = [];
  const sockets = new Set<Socket>();

  /** A worker's external channel that does as it is told at the first bytes of a connection. */
  async function serve(onRequest: (socket: Socket, request: Buffer) => void): Promise<Address> {
    const started = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('data', (request) => onRequest(socket, request));
    });
    server = started;
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
    return { host: '127.0.0.1', port: (started.address() as AddressInfo).port };
  }

  async function connect(address: Address, timeoutMs?: number): Promise<ExternalClient> {
    const client = await ExternalClient.connect(address, timeoutMs === undefined ? {} : { timeoutMs });
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    clients = [];
    const closing = server;
    server = undefined;
    if (closing) await new Promise((resolve) => closing.close(resolve));
  });

  it('sends the frame of a message', async () => {
    const received = new Promise<Buffer>((resolve) => {
      void serve((_socket, request) => resolve(request)).then(async (address) => {
        (await connect(address)).send({ type: 'print', body: 'hello' });
      });
    });
    expect((await received).toString('hex')).to.equal('00000007000168656c6c6f');
  });

  it('reads a reply that comes byte by byte', async () => {
    const reply = encodeExternalMessage(answerWithIds(2));
    const address = await serve(async (socket) => {
      socket.setNoDelay(true);
      for (const byte of reply) await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    });
    const client = await connect(address);
    client.send(query);
    expect(await client.receive()).to.deep.equal(answerWithIds(2));
  });

  for (const [ids, bytes] of [
    [500, 16 * 1024],
    [2000, 64 * 1024],
    [110_000, 4 * 1024 * 1024],
  ] as const) {
    it(`reads a reply of more than ${bytes} bytes`, async () => {
      const reply = encodeExternalMessage(answerWithIds(ids));
      expect(reply.length).to.be.greaterThan(bytes);
      const client = await connect(await serve((socket) => socket.write(reply)));
      client.send(query);
      expect(await client.receive()).to.deep.equal(answerWithIds(ids));
    });
  }

  it('skips empty frames and gives several replies in their order', async () => {
    const frames = [
      Buffer.alloc(4),
      encodeExternalMessage(answerWithIds(1)),
      encodeExternalMessage(answerWithIds(2)),
    ];
    const client = await connect(await serve((socket) => socket.write(Buffer.concat(frames))));
    client.send(query);
    expect(await client.receive()).to.deep.equal(answerWithIds(1));
    expect(await client.receive()).to.deep.equal(answerWithIds(2));
  });

  it('gives a reply that was complete when the worker closed', async () => {
    const client = await connect(
      await serve((socket) => socket.end(encodeExternalMessage(answerWithIds(3)))),
    );
    client.send(query);
    expect(await client.receive()).to.deep.equal(answerWithIds(3));
    expect(await failureOf(client.receive())).to.be.instanceOf(NoReplyError);
  });

  for (const length of [0, 2, 5, 20]) {
    it(`fails when the worker closes after ${length} bytes of the reply`, async () => {
      const reply = encodeExternalMessage(answerWithIds(1)).subarray(0, length);
      const client = await connect(await serve((socket) => socket.end(reply)));
      client.send(query);
      expect(await failureOf(client.receive())).to.be.instanceOf(NoReplyError);
    });
  }

  it('fails when the worker resets the connection', async () => {
    const client = await connect(await serve((socket) => socket.resetAndDestroy()));
    client.send(query);
    expect(await failureOf(client.receive())).to.be.instanceOf(NoReplyError);
  });

  it('fails when no reply comes in time', async () => {
    const client = await connect(await serve(() => undefined), 20);
    client.send(query);
    const failure = await failureOf(client.receive());
    expect(failure).to.be.instanceOf(NoReplyError).with.property('message', 'no reply within 20 ms');
  });

  it('fails on a frame that is no message', async () => {
    const client = await connect(await serve((socket) => socket.write(Buffer.from([0, 0, 0, 2, 9, 9]))));
    client.send(query);
    expect(await failureOf(client.receive())).to.be.instanceOf(InvalidExternalMessageError);
  });

  it('fails on a length that no reply has', async () => {
    const client = await connect(await serve((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n')));
    client.send(query);
    expect(await failureOf(client.receive())).to.be.instanceOf(OversizedFrameError);
  });

  it('names the address that nobody listens at', async () => {
    const address = await serve(() => undefined);
    await new Promise((resolve) => server!.close(resolve));
    server = undefined;
    const failure = await failureOf(ExternalClient.connect(address));
    expect(failure)
      .to.be.instanceOf(ConnectFailedError)
      .with.property('message', `Unable to connect to 127.0.0.1:${address.port}`);
    expect((failure as Error).cause).to.have.property('code', 'ECONNREFUSED');
  });

  it('hands over all that was sent before it closes', async () => {
    const body = 'x'.repeat(2_000_000);
    let received = 0;
    let client: ExternalClient | undefined;
    const ended = new Promise<void>((resolve) => {
      void serve((socket, request) => {
        received = request.length;
        socket.on('data', (chunk) => (received += chunk.length));
        socket.on('end', resolve);
      }).then(async (address) => {
        client = await connect(address);
        client.send({ type: 'print', body });
        await client.close();
        await client.close();
      });
    });
    await ended;
    expect(received).to.equal(body.length + 6);
  });
});
