import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/**
 * Stands in the middle of connections between processes on this machine, and breaks them.
 *
 *     const proxy = await Proxy.listen();
 *     const cluster = await Cluster.start({ env: proxy.environment });
 *     const link = proxy.to(w2.dataPort);
 *     link.stall();   // nothing goes through, and nobody is told
 *     link.resume();
 *     link.reset();   // both ends see a reset; new connections go through
 */
export class Proxy {
  private readonly links = new Map<number, ProxyLink>();

  static async listen(): Promise<Proxy> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Proxy(server);
  }

  private constructor(private readonly server: Server) {
    server.on('connection', (dialler: Socket) => {
      dialler.on('error', () => undefined);
      const begin = () => {
        const header = dialler.read(2) as Buffer | null;
        if (header === null) return;
        dialler.off('readable', begin);
        this.to(header.readUInt16BE(0)).add(dialler);
      };
      dialler.on('readable', begin);
    });
  }

  /** For processes that shall dial through this proxy. */
  get environment(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    const preload = fileURLToPath(new URL('./dial-through.mjs', import.meta.url));
    return { NODE_OPTIONS: `--import ${preload}`, PROXY_PORT: `${port}` };
  }

  /** All connections to a port. */
  to(port: number): ProxyLink {
    const known = this.links.get(port) ?? new ProxyLink(port);
    this.links.set(port, known);
    return known;
  }

  async close(): Promise<void> {
    for (const link of this.links.values()) link.reset();
    this.server.close();
    await once(this.server, 'close');
  }
}

type Pair = readonly [dialler: Socket, listener: Socket];

export class ProxyLink {
  /** How many connections there ever were. */
  connections = 0;
  private readonly pairs = new Set<Pair>();
  private stalled: 'no' | 'there' | 'both' = 'no';

  constructor(private readonly port: number) {}

  add(dialler: Socket): void {
    this.connections++;
    const listener = connect({ host: '127.0.0.1', port: this.port, allowHalfOpen: true, noDelay: true });
    listener.on('error', () => undefined);
    const pair = [dialler, listener] as const;
    this.pairs.add(pair);
    for (const [from, to] of [pair, [listener, dialler] as const]) {
      from.on('data', (bytes: Buffer) => {
        if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => this.flow(pair));
      from.on('end', () => to.end());
      from.once('close', () => {
        this.pairs.delete(pair);
        to.destroy();
      });
    }
    this.flow(pair);
  }

  /** Nothing goes through any more, in one direction or in both; new connections are let in and stand still too. */
  stall(direction: 'there' | 'both' = 'both'): void {
    this.stalled = direction;
    for (const pair of this.pairs) this.flow(pair);
  }

  /** What stood still goes on. */
  resume(): void {
    this.stalled = 'no';
    for (const pair of this.pairs) this.flow(pair);
  }

  reset(): void {
    for (const [dialler, listener] of this.pairs) {
      dialler.resetAndDestroy();
      listener.resetAndDestroy();
    }
  }

  /** As when the dialler's machine is gone: the listener is not told, and what it says is lost. */
  forgetDiallers(): void {
    for (const [dialler, listener] of this.pairs) {
      dialler.removeAllListeners('close');
      dialler.destroy();
      listener.removeAllListeners('data');
      listener.resume();
    }
  }

  private flow([dialler, listener]: Pair): void {
    if (this.stalled !== 'no' || listener.writableNeedDrain) dialler.pause();
    else dialler.resume();
    if (this.stalled === 'both' || dialler.writableNeedDrain) listener.pause();
    else listener.resume();
  }
}
