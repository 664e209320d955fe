import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A listener on a free loopback port that keeps what it receives. Close it in `afterEach`. */
export class TcpServer {
  /** In the order in which they came. */
  readonly sockets: Socket[] = [];
  /** Connections that have ended. */
  ended = 0;
  /** Bytes that have come in over all connections. */
  received = 0;
  private readonly chunks: Buffer[][] = [];
  private watcher: (() => void) | undefined;

  private constructor(private readonly server: Server) {}

  static async listen(
    onConnection: (socket: Socket) => void = () => undefined,
    { host = '127.0.0.1', port = 0 } = {},
  ): Promise<TcpServer> {
    const server = createServer();
    const tcpServer = new TcpServer(server);
    server.on('connection', (socket) => tcpServer.accept(socket, onConnection));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    return tcpServer;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** What each connection has sent. */
  get streams(): Buffer[] {
    return this.chunks.map((chunks) => Buffer.concat(chunks));
  }

  /** Waits until `holds` does: it is asked again whenever something arrives or ends. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.watcher = resolve));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(socket: Socket, onConnection: (socket: Socket) => void): void {
    const chunks: Buffer[] = [];
    this.sockets.push(socket);
    this.chunks.push(chunks);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      this.received += chunk.length;
      this.watcher?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended++;
      this.watcher?.();
    });
    onConnection(socket);
    this.watcher?.();
  }
}

/** An address that nobody listens at. */
export async function refusingAddress(): Promise<string> {
  const server = await TcpServer.listen();
  const { address } = server;
  await server.close();
  return address;
}

/** A worker's external channel: keeps the requests, and sends `reply` after the first bytes of each. */
export function externalChannel(reply: Buffer | 'close' | 'none'): Promise<TcpServer> {
  return TcpServer.listen((socket) =>
    socket.once('data', () => {
      if (reply === 'close') socket.end();
      else if (reply !== 'none') socket.write(reply);
    }),
  );
}
