import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectorSink, ConnectorSource, type ReplayableStream } from '@wallaroo/connector';
import { eventually } from './changes.js';
import { reservedPort, type Member } from './cluster.js';

const keysOfStream = 20;
const messagesPerTurn = 4;
const turnMs = 20;
const streamNames = ['s0', 's1'];

/**
 * Both ends of the application `sequences --connectors` that speak the connector protocol: clients that bring streams
 * without end, and a sink with files, in which each message of theirs has to stand once.
 */
export class SequenceConnectors {
  private readonly directory = mkdtempSync(join(tmpdir(), 'wallaroo-connectors-'));
  /** Where the workers that form the cluster listen for clients: the same in all their lives. */
  private readonly ports = new Map<string, number>();
  private readonly safe = new Map<string, bigint>(streamNames.map((name) => [name, 0n]));
  private sinkPort = 0;
  private sink: ConnectorSink | undefined;
  private source: ConnectorSource | undefined;
  private finished: Promise<unknown> = Promise.resolve();
  private stopping = false;

  static async listen(workers: readonly string[]): Promise<SequenceConnectors> {
    const connectors = new SequenceConnectors();
    for (const worker of workers) connectors.ports.set(worker, await reservedPort());
    connectors.sinkPort = await reservedPort();
    await connectors.openSink();
    return connectors;
  }

  get sinkAddress(): string {
    return `127.0.0.1:${this.sinkPort}`;
  }

  /** As `--in` has it. */
  input(worker: string): string {
    return `brought@127.0.0.1:${this.ports.get(worker) ?? 0}`;
  }

  start(workers: readonly Member[]): void {
    this.source = new ConnectorSource({
      addresses: workers.map(({ name }) => ({ host: '127.0.0.1', port: this.ports.get(name)! })),
      cookie: 'way in',
      reconnectDelayMs: { min: 20, max: 500 },
      refusedRetryMs: 50,
    });
    this.source.on('acked', (stream, id) => void this.safe.set(stream, id));
    this.source.start();
    this.finished = Promise.all(streamNames.map((name) => this.source!.addStream(this.stream(name))));
    this.finished.catch(() => undefined);
  }

  /** The sink is gone for a while. */
  async restartSink(pause: () => Promise<void>): Promise<void> {
    await this.sink?.close();
    await pause();
    await this.openSink();
  }

  /** More of every stream is safe. */
  async flows(): Promise<void> {
    const before = new Map(this.safe);
    await eventually(
      () => streamNames.every((name) => this.safe.get(name)! > before.get(name)!) || undefined,
      'more of what clients bring to be safe',
    );
  }

  /** Clients bring nothing more, and all of it is safe. */
  async finish(): Promise<void> {
    this.stopping = true;
    await this.finished;
  }

  /** What is wrong with what has come out. To be asked when the cluster has ended. */
  get violations(): string[] {
    const numbers = new Map<string, Set<number>>();
    const wrong: string[] = [];
    for (const line of this.lines) {
      const [key = '', text, ...verdict] = line.split(' ');
      const known = numbers.get(key) ?? new Set();
      numbers.set(key, known);
      if (verdict.join(' ') !== 'ok' || known.has(Number(text))) wrong.push(`${line} at the connector sink`);
      known.add(Number(text));
    }
    for (const name of streamNames) {
      const messages = Number(this.safe.get(name));
      for (let k = 0; k < keysOfStream; k++) {
        const [key, count] = [`${name}:${k}`, numbers.get(`${name}:${k}`)?.size ?? 0];
        const wanted = Math.floor((messages + keysOfStream - 1 - k) / keysOfStream);
        if (count !== wanted) wrong.push(`${key}: ${count} of ${wanted} messages at the connector sink`);
      }
    }
    return wrong;
  }

  get messages(): number {
    return [...this.safe.values()].reduce((sum, id) => sum + Number(id), 0);
  }

  async destroy(): Promise<void> {
    this.source?.destroy();
    await this.sink?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async openSink(): Promise<void> {
    const { directory, sinkPort: port } = this;
    this.sink = await ConnectorSink.listen({
      address: { host: '127.0.0.1', port },
      directory,
      cookie: 'way out',
    });
  }

  /** Message `id` is the same in each replay. */
  private stream(name: string): ReplayableStream {
    const ended = () => this.stopping;
    return {
      name,
      async *replay(after = 0n, signal) {
        for (let id = Number(after) + 1; ; id++) {
          if (ended()) return;
          const at = id - 1;
          const bytes = Buffer.from(`${name}:${at % keysOfStream} ${Math.floor(at / keysOfStream) + 1}`);
          yield { id: BigInt(id), bytes };
          if (id % messagesPerTurn === 0) await delay(turnMs, undefined, { signal }).catch(() => undefined);
          if (signal.aborted) return;
        }
      },
    };
  }

  private get lines(): string[] {
    const outputs = readdirSync(this.directory).filter((file) => file.endsWith('.out'));
    return outputs.flatMap((file) =>
      readFileSync(join(this.directory, file), 'latin1').split('\n').slice(0, -1),
    );
  }
}
