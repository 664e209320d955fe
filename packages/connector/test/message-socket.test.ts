import { InvalidMessageError, type ConnectorMessage } from '@wallaroo/protocol';
import { expect } from 'chai';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { MessageSocket } from '../src/message-socket.js';
import { Peer } from './support/peer.js';

const message = (id: bigint, length: number): ConnectorMessage => ({
  ...{ type: 'message', stream: 1n, id, eventTime: 0n },
  ...{ key: Buffer.alloc(0), bytes: Buffer.alloc(length) },
});

describe('messages on a socket', () => {
  let socket: Socket;
  let peer: Peer;
  let writes: number;

  beforeEach(async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection');
    socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    peer = new Peer(((await accepted) as [Socket])[0]);
    server.close();
    writes = 0;
    const write = socket.write.bind(socket) as (bytes: Uint8Array) => boolean;
    socket.write = (bytes: Uint8Array | string) => {
      writes++;
      return write(bytes as Uint8Array);
    };
  });

  afterEach(() => {
    socket.destroy();
    peer.socket.destroy();
  });

  it('leave together when they come in one turn, and no later than in pieces', async () => {
    const sender = new MessageSocket(socket, 1000);
    for (let id = 1n; id <= 1000n; id++) sender.send(message(id, 100));
    for (let id = 1n; id <= 1000n; id++) expect(await peer.next('message')).to.include({ id });
    expect(writes).to.be.within(2, 4);
  });

  it('are not touched by one that cannot be sent', async () => {
    const sender = new MessageSocket(socket, 1000);
    sender.send(message(1n, 5));
    expect(() => sender.send(message(-1n, 5))).to.throw(InvalidMessageError);
    sender.send(message(2n, 5));
    for (const id of [1n, 2n]) expect(await peer.next('message')).to.include({ id });
  });

  it('go out before the end', async () => {
    const sender = new MessageSocket(socket, 1000);
    sender.send(message(1n, 5));
    sender.fail('enough');
    expect(await peer.next('message')).to.include({ id: 1n });
    expect(await peer.next('error')).to.include({ text: 'enough' });
    await peer.closed;
  });
});
