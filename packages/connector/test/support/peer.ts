import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import {
  connectorMessages,
  encodeConnectorFrame,
  FrameSplitter,
  u32Frames,
  type Address,
  type ConnectorMessage,
} from '@wallaroo/protocol';

export type MessageOf<Type> = Extract<ConnectorMessage, { type: Type }>;

/** Items that come, and those who wait for them. */
class Inbox<T> {
  private readonly items: T[] = [];
  private readonly waiting: ((item: T | undefined) => void)[] = [];
  private ended = false;

  put(item: T): void {
    const wake = this.waiting.shift();
    if (wake) wake(item);
    else this.items.push(item);
  }

  end(): void {
    this.ended = true;
    for (const wake of this.waiting.splice(0)) wake(undefined);
  }

  /** Undefined when nothing more comes. */
  take(): Promise<T | undefined> {
    if (this.items.length > 0) return Promise.resolve(this.items.shift());
    if (this.ended) return Promise.resolve(undefined);
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

/** One end of a connection whose every move the test decides. */
export class Peer {
  private readonly inbox = new Inbox<ConnectorMessage>();
  readonly closed: Promise<void>;

  constructor(readonly socket: Socket) {
    const splitter = new FrameSplitter(u32Frames(2 ** 24), (bytes, start, end) =>
      this.inbox.put(connectorMessages.decode(bytes, start, end)),
    );
    socket.on('data', (chunk) => splitter.push(chunk));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      socket.on('close', () => {
        this.inbox.end();
        resolve();
      }),
    );
  }

  static async connect({ port }: Pick<Address, 'port'>): Promise<Peer> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Peer(socket);
  }

  send(...messages: readonly ConnectorMessage[]): void {
    this.socket.write(Buffer.concat(messages.map(encodeConnectorFrame)));
  }

  /** The next message, which must be of one of these types. */
  async next<Type extends ConnectorMessage['type']>(...types: readonly Type[]): Promise<MessageOf<Type>> {
    const message = await this.inbox.take();
    if (message === undefined || !types.includes(message.type as Type)) {
      const got = message?.type === 'error' ? `error '${message.text}'` : (message?.type ?? 'the end');
      throw new Error(`expected ${types.join(' or ')}, got ${got}`);
    }
    return message as MessageOf<Type>;
  }

  /** All messages to the end of the connection. */
  async rest(): Promise<ConnectorMessage[]> {
    const messages: ConnectorMessage[] = [];
    for (;;) {
      const message = await this.inbox.take();
      if (message === undefined) return messages;
      messages.push(message);
    }
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** A listener that hands over its connections one by one. */
export class FakeWorker {
  private readonly accepted = new Inbox<Peer>();
  private readonly peers: Peer[] = [];

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      const peer = new Peer(socket);
      this.peers.push(peer);
      this.accepted.put(peer);
    });
  }

  static async listen(port = 0): Promise<FakeWorker> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new FakeWorker(server);
  }

  get address(): Address {
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port };
  }

  async connection(): Promise<Peer> {
    const peer = await this.accepted.take();
    if (peer === undefined) throw new Error('no connection');
    return peer;
  }

  /** Accepts a source and grants credits. */
  async greet(credits: number): Promise<Peer> {
    const peer = await this.connection();
    await peer.next('hello');
    peer.send({ type: 'ok', credits });
    return peer;
  }

  async stop(): Promise<void> {
    for (const peer of this.peers) peer.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
