import { EventEmitter, once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { connectorSinkFrameBytesMax, type Address } from '@wallaroo/protocol';
import { MessageSocket } from '../message-socket.js';
import { nodeDisk, type Disk } from './disk.js';
import { SinkConnection } from './sink-connection.js';
import type { ConnectorSinkEvents } from './sink-events.js';
import { StreamStore } from './stream-store.js';

export interface ConnectorSinkOptions {
  /** Where to listen; port 0 takes a free one. */
  readonly address: Address;
  /** Where the files are; made when it is not there. One process uses it at a time. */
  readonly directory: string;
  /** The same as the workers'. */
  readonly cookie: string;
  /** Granted to each connection: 2 or more, or workers refuse them. 500 when left out. */
  readonly credits?: number;
  /** A longer frame ends its connection; 16 MiB when left out. */
  readonly frameBytesMax?: number;
  /** How long a connection may take to name its stream; 10 000 when left out. */
  readonly introductionTimeoutMs?: number;
  /** Node's file system when left out. */
  readonly disk?: Disk;
}

/**
 * A sink for the connector sinks of a cluster: one output file for each stream, in which each committed byte
 * stands once, whatever process dies when. The README tells what the files are.
 *
 *     const sink = await ConnectorSink.listen({ address: { host: '', port: 7200 }, directory: 'out', cookie: 'secret' });
 *     sink.on('committed', (stream, transaction, { start, end }) => ...);
 */
export class ConnectorSink extends EventEmitter<ConnectorSinkEvents> {
  private readonly connections = new Set<SinkConnection>();
  /** The newest connection of each stream. */
  private readonly owners = new Map<string, SinkConnection>();
  private closing = false;

  private constructor(
    private readonly options: ConnectorSinkOptions,
    private readonly server: Server,
  ) {
    super();
    const { cookie, credits = 500, frameBytesMax = connectorSinkFrameBytesMax } = options;
    server.on('connection', (socket) => {
      if (this.closing) return void socket.destroy();
      const connection: SinkConnection = new SinkConnection(
        new MessageSocket(socket, frameBytesMax),
        {
          cookie,
          credits,
          claim: (stream, claimant) => this.claim(stream, claimant),
          tell: (event, ...args) =>
            void (this.emit as (name: string, ...args: unknown[]) => boolean)(event, ...args),
        },
        options.introductionTimeoutMs ?? 10_000,
      );
      this.connections.add(connection);
      void connection.ended.then(() => this.forget(connection));
    });
  }

  /** @throws TypeError for fewer than 2 credits; errors of the directory and of the port */
  static async listen(options: ConnectorSinkOptions): Promise<ConnectorSink> {
    if ((options.credits ?? 2) < 2) throw new TypeError('workers want 2 credits at least');
    await mkdir(options.directory, { recursive: true });
    const server = createServer();
    const sink = new ConnectorSink(options, server);
    server.listen(options.address.port, options.address.host || undefined);
    await once(server, 'listening');
    return sink;
  }

  /** Where it listens. */
  get address(): Address {
    const { address: host, port } = this.server.address() as AddressInfo;
    return { host, port };
  }

  /** Ends all connections. What is undecided stays so until the workers connect to the next sink here. */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    const closed = once(this.server, 'close');
    this.server.close();
    await Promise.all([...this.connections].map((connection) => connection.replace('the sink closes')));
    await closed;
  }

  /** A worker that came back may have left a dead connection behind, which must not write any more. */
  private async claim(stream: string, connection: SinkConnection): Promise<StreamStore> {
    const before = this.owners.get(stream);
    this.owners.set(stream, connection);
    await before?.replace('replaced by a newer connection');
    return StreamStore.open(this.options.disk ?? nodeDisk, this.options.directory, stream);
  }

  private forget(connection: SinkConnection): void {
    this.connections.delete(connection);
    for (const [stream, owner] of this.owners) if (owner === connection) this.owners.delete(stream);
  }
}
