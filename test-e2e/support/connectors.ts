import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { eventually } from './changes.js';
import { Cluster, reservedPort, type Member } from './cluster.js';
import { run, start, type RunningProcess } from './process.js';

const program = (name: string) => fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url));
const shrinker = fileURLToPath(
  new URL('../../packages/cluster-shrinker/bin/cluster_shrinker.js', import.meta.url),
);
const timeoutMs = 60_000;

/**
 * A cluster of the application `connectors`, with resilience, between a sink and clients that are processes, too.
 *
 *     afterEach(endClusters);
 *     const bridge = await Bridge.start({ workers: 2 });
 *     const client = bridge.client('s', 1000);
 *     await bridge.sink.kill();
 *     bridge.sink.launch();
 *     await client.finished();
 *     await bridge.expectExact({ s: 1000 });
 */
export class Bridge {
  /** @param options.host where sources listen */
  static async start(options: { readonly workers?: number; readonly host?: string } = {}): Promise<Bridge> {
    const port = await reservedPort();
    const { workers = 1, host = '127.0.0.1' } = options;
    // Clients find a worker again that was killed.
    const ports = new Map<string, number>();
    for (const name of ['initializer', 'w2', 'w3'].slice(0, workers)) ports.set(name, await reservedPort());
    const cluster = await Cluster.prepare({
      app: 'connectors',
      workers,
      args: [
        ...['--run-with-resilience', '--time-between-checkpoints', '50000000'],
        ...['--peer-timeout', '600'],
      ],
      inputs: (name) => `in@${host}:${ports.get(name)}`,
      out: () => `127.0.0.1:${port}`,
    });
    const sink = new SinkProgram(cluster.newDirectory(), port);
    const bridge = new Bridge(cluster, sink);
    await sink.launch();
    for (const member of cluster.members) member.launch();
    await cluster.ready();
    return bridge;
  }

  private constructor(
    readonly cluster: Cluster,
    readonly sink: SinkProgram,
  ) {}

  /** A client that knows of these members, of all if none is named. */
  client(
    stream: string,
    messages: number,
    members: readonly Member[] = this.cluster.members,
  ): RunningProcess {
    const addresses = members.map((member) => `127.0.0.1:${member.port('in')}`).join();
    const args = ['--import', 'tsx', program('connector-client'), addresses, stream, `${messages}`];
    return start(process.execPath, args, { timeoutMs });
  }

  /** Asks a member for the end of another one's membership. */
  async shrink(at: Member, leaving: Member): Promise<void> {
    const args = ['--external', `127.0.0.1:${at.externalPort}`, '--workers', leaving.name];
    // It is refused while a checkpoint is being recorded.
    await eventually(async () => {
      const { stdout } = await run(shrinker, args);
      return stdout.includes('Shrinking by 1 workers!');
    }, 'the shrink to begin');
  }

  /** Every message of these streams is in the output, once, and has found the state of all before it. */
  expectExact(streams: Readonly<Record<string, number>>): void {
    const counts = new Map<string, number>();
    const wrong: string[] = [];
    const lines = this.sink.lines;
    // The messages of a key may be in the files of several workers, if it has moved.
    for (const [key, number] of lines.map(parsed).sort((one, other) => one[1] - other[1])) {
      const count = (counts.get(key) ?? 0) + 1;
      if (number !== count) wrong.push(`${key} ${number} stands in the place of ${count}`);
      counts.set(key, count);
    }
    for (const line of lines) {
      const [, number, count] = parsed(line);
      if (number !== count) wrong.push(`${line}: a state with ${count - 1} messages`);
    }
    expect(wrong).to.deep.equal([]);
    const expected = Object.values(streams).reduce((sum, messages) => sum + messages, 0);
    expect(lines).to.have.lengthOf(expected);
  }
}

function parsed(line: string): [string, number, number] {
  const [key = '', number, count] = line.split(' ');
  return [key, Number(number), Number(count)];
}

/** The sink, which can be killed and started again. */
export class SinkProgram {
  private running!: RunningProcess;

  constructor(
    private readonly directory: string,
    private readonly port: number,
  ) {}

  async launch(): Promise<void> {
    const args = ['--import', 'tsx', program('connector-sink'), this.directory, `${this.port}`];
    this.running = start(process.execPath, args, { timeoutMs });
    await this.running.waitForOutput(/listening on/);
  }

  async kill(): Promise<void> {
    this.running.kill('SIGKILL');
    await this.running.finished();
  }

  get process(): RunningProcess {
    return this.running;
  }

  /** What is committed, by all workers. */
  get lines(): string[] {
    if (!existsSync(this.directory)) return [];
    const outputs = readdirSync(this.directory).filter((file) => file.endsWith('.out'));
    return outputs.flatMap((file) => {
      const text = readFileSync(join(this.directory, file), 'latin1');
      return text.split('\n').slice(0, -1);
    });
  }
}
