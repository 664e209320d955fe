import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Changes } from './changes.js';

/**
 * Where the TCP sinks of workers connect: keeps what comes, by connection.
 *
 *     const sink = await CollectingSink.listen();
 *     sink.pause();   // takes nothing until resume()
 *     await sink.waitForBytes(100);
 *     await sink.close();
 */
export class CollectingSink {
  /** All that ever connected, in that order. */
  readonly connections: SinkConnection[] = [];
  private readonly changes = new Changes();
  private paused = false;

  /** @param onData gets the bytes instead of having them kept, for output too large to keep */
  static async listen(
    port = 0,
    onData?: (chunk: Buffer, connection: number) => void,
  ): Promise<CollectingSink> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new CollectingSink(server, onData);
  }

  private constructor(
    private readonly server: Server,
    onData: ((chunk: Buffer, connection: number) => void) | undefined,
  ) {
    server.on('connection', (socket) => {
      const connection = new SinkConnection(socket);
      const number = this.connections.push(connection) - 1;
      socket.on('data', (chunk: Buffer) => {
        connection.bytes += chunk.length;
        if (onData) onData(chunk, number);
        else connection.chunks.push(chunk);
        this.changes.changed();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        connection.closed = true;
        this.changes.changed();
      });
      if (!this.paused) socket.resume();
      this.changes.changed();
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Bytes on all connections. */
  get bytes(): number {
    return this.connections.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get received(): Buffer {
    return Buffer.concat(this.connections.flatMap(({ chunks }) => chunks));
  }

  get text(): string {
    return this.received.toString();
  }

  /** Reads nothing more, on connections that are still to come either. */
  pause(): void {
    this.paused = true;
    for (const { socket } of this.connections) socket.pause();
  }

  resume(): void {
    this.paused = false;
    for (const { socket } of this.connections) socket.resume();
  }

  waitForBytes(count: number, timeoutMs?: number): Promise<void> {
    return this.until(() => this.bytes >= count, `${count} bytes`, timeoutMs);
  }

  waitForText(text: string): Promise<void> {
    return this.until(() => this.text.includes(text), JSON.stringify(text));
  }

  waitForConnections(count: number): Promise<void> {
    return this.until(() => this.connections.length >= count, `${count} connections`);
  }

  /** Waits until all that connected have ended their connection. */
  waitForEnd(): Promise<void> {
    return this.until(() => this.connections.every(({ closed }) => closed), 'the end of the connections');
  }

  until(holds: () => boolean, what: string, timeoutMs?: number): Promise<void> {
    return this.changes.until(
      holds,
      what,
      () => `the sink has ${this.bytes} bytes on ${this.connections.length} connections`,
      timeoutMs,
    );
  }

  /** Closes the connections and listens no more. What came can still be read. */
  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }
}

export class SinkConnection {
  readonly chunks: Buffer[] = [];
  bytes = 0;
  closed = false;

  constructor(readonly socket: Socket) {}

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }
}
