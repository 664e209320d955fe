import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { decodeHubMessage, FrameSplitter, u32Frames, type HubMessage, type Metric } from '@wallaroo/protocol';
import { Changes } from './changes.js';

/** A metrics hub that keeps what workers tell it. */
export class FakeHub {
  /** By connection. */
  readonly messages: HubMessage[][] = [];
  /** The payload frames as they came, without their length. */
  readonly rawPayloads: Buffer[] = [];
  readonly sockets: Socket[] = [];
  private readonly changes = new Changes();

  static async listen({ port = 0, reads = true } = {}): Promise<FakeHub> {
    const server = createServer({ pauseOnConnect: !reads });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new FakeHub(server);
  }

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      const messages: HubMessage[] = [];
      this.messages.push(messages);
      this.sockets.push(socket);
      const splitter = new FrameSplitter(u32Frames(65536), (bytes, start, end) => {
        const message = decodeHubMessage(bytes, start, end);
        messages.push(message);
        if (message.type === 'payload') this.rawPayloads.push(Buffer.from(bytes.subarray(start, end)));
      });
      socket.on('data', (chunk: Buffer) => {
        splitter.push(chunk);
        this.changes.changed();
      });
      socket.on('error', () => undefined);
      this.changes.changed();
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get metrics(): Metric[] {
    return this.messages.flat().flatMap((message) => (message.type === 'payload' ? [message.metric] : []));
  }

  /** Messages counted under a category and a name. */
  count(category: string, name: string): number {
    return this.metrics
      .filter((metric) => metric.category === category && metric.name === name)
      .reduce((sum, { bins }) => sum + Array.from(bins).reduce((a, b) => a + b, 0), 0);
  }

  until(holds: () => boolean, what: string): Promise<void> {
    return this.changes.until(holds, what, () => `the hub has ${this.metrics.length} metrics`);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }
}
