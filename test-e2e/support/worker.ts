import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { start, stopAll, type Finished, type RunningProcess } from './process.js';

/**
 * An application in a real worker process, between a socket of the test and a sink that keeps all it gets.
 *
 *     afterEach(stopWorkers);
 *     const worker = await startWorker('examples/alphabet/app.ts', { sources: ['votes'] });
 *     await worker.send('votes', bytes);
 *     await worker.outputOf(5000);
 *     const { code } = await worker.stop();
 *     expect(worker.output.equals(expected)).to.equal(true);
 */

export interface StartOptions {
  /** The TCP sources of the application. Each listens on a free port of loopback. */
  readonly sources?: readonly string[];
  /** What the application gets to see of the command line. */
  readonly args?: readonly string[];
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const outputTimeoutMs = 30_000;
const sinks = new Set<Sink>();

/** Kills the workers that still run and closes their sinks. For `afterEach`. */
export async function stopWorkers(): Promise<void> {
  await stopAll();
  await Promise.all([...sinks].map((sink) => sink.close()));
}

/** @param module the application, from the root of the repository */
export async function startWorker(
  module: string,
  { sources = [], args = [] }: StartOptions = {},
): Promise<WorkerUnderTest> {
  const sink = await Sink.listen();
  const inputs = sources.map((source) => `${source}@127.0.0.1:0`).join(',');
  const worker = start(
    `${root}packages/worker/bin/wallaroo-worker.js`,
    [
      '--application-module',
      module,
      '--cluster-initializer',
      '--out',
      `127.0.0.1:${sink.port}`,
      ...(sources.length > 0 ? ['--in', inputs] : []),
      ...args,
    ],
    { cwd: root },
  );
  const ports = new Map<string, number>();
  for (const source of sources) {
    const [, port] = await worker.waitForOutput(
      new RegExp(`${source} source is listening on 127\\.0\\.0\\.1:(\\d+)`),
    );
    ports.set(source, Number(port));
  }
  return new WorkerUnderTest(worker, ports, sink);
}

export class WorkerUnderTest {
  constructor(
    private readonly worker: RunningProcess,
    private readonly ports: ReadonlyMap<string, number>,
    private readonly sink: Sink,
  ) {}

  /** All that came out so far. */
  get output(): Buffer {
    return this.sink.received;
  }

  /** Opens a connection to a source. */
  async connect(source: string): Promise<Connection> {
    const socket = connect({ host: '127.0.0.1', port: this.ports.get(source)!, noDelay: true });
    await once(socket, 'connect');
    return new Connection(socket);
  }

  /** Sends bytes to a source on a connection of their own, cut at random places. */
  async send(source: string, bytes: Uint8Array, seed = 1): Promise<void> {
    const connection = await this.connect(source);
    await connection.send(bytes, seed);
    await connection.end();
  }

  /**
   * Waits until at least `count` bytes came out.
   * @throws Error when the worker ends before
   */
  async outputOf(count: number): Promise<Buffer> {
    const early = this.worker.finished().then(({ code, stdout, stderr }) => {
      throw new Error(`the worker ended with ${code}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`);
    });
    await Promise.race([this.sink.waitFor(count), early]);
    return this.output;
  }

  /** Stops the worker as an operator does; when this resolves, all its output is here. */
  async stop(): Promise<Finished> {
    this.worker.kill('SIGTERM');
    const finished = await this.worker.finished();
    await this.sink.ended();
    return finished;
  }
}

/** A connection to a source. */
export class Connection {
  constructor(private readonly socket: Socket) {}

  /** Writes bytes in pieces of 1 to `pieceBytesMax`, each when the system has taken the one before. */
  async send(bytes: Uint8Array, seed = 1, pieceBytesMax = 700): Promise<void> {
    let state = seed;
    let at = 0;
    while (at < bytes.length) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const end = at + 1 + Math.floor((state / 2 ** 32) * pieceBytesMax);
      const piece = bytes.subarray(at, end);
      await new Promise<void>((resolve, reject) =>
        this.socket.write(piece, (error) => (error ? reject(error) : resolve())),
      );
      at = end;
    }
  }

  async end(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.end();
    this.socket.resume();
    await closed;
  }
}

/** Where the worker's sinks connect. */
class Sink {
  private readonly chunks: Buffer[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly watchers = new Set<() => void>();
  private bytes = 0;

  static async listen(): Promise<Sink> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Sink(server);
  }

  private constructor(private readonly server: Server) {
    sinks.add(this);
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('data', (chunk: Buffer) => {
        this.chunks.push(chunk);
        this.bytes += chunk.length;
        this.changed();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        this.changed();
      });
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  waitFor(count: number): Promise<void> {
    return this.until(() => this.bytes >= count, `${count} bytes of output`);
  }

  /** Waits until the workers' connections are closed. */
  ended(): Promise<void> {
    return this.until(() => this.sockets.size === 0, 'the end of the output');
  }

  async close(): Promise<void> {
    sinks.delete(this);
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private async until(holds: () => boolean, what: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let watcher: () => void = () => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        watcher = () => holds() && resolve();
        timer = setTimeout(
          () => reject(new Error(`waited for ${what}; ${this.bytes} bytes came`)),
          outputTimeoutMs,
        );
        this.watchers.add(watcher);
        watcher();
      });
    } finally {
      clearTimeout(timer);
      this.watchers.delete(watcher);
    }
  }

  private changed(): void {
    for (const watcher of [...this.watchers]) watcher();
  }
}
