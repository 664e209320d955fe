import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ExternalClient, type ClusterStatus } from '@wallaroo/protocol';
import { eventually } from './changes.js';
import { Client, frame } from './client.js';
import { LineSink, Member } from './cluster.js';
import { run, type Finished } from './process.js';
import { appPath } from './worker-process.js';

/**
 * Clusters of real workers that grow and shrink, with the application `rescale-counts`.
 *
 *     afterEach(endClusters);
 *     const cluster = await RescaleCluster.start();
 *     const [w2] = await cluster.grow(['w2']);
 *     const load = await Load.start(cluster.initializer, { keys: 100 });
 *     await cluster.shrinkTo('--workers', 'w2');
 *     await load.finish();
 *     load.expectExact(cluster.sink.lines);
 */
const root = fileURLToPath(new URL('../../', import.meta.url));
const tools = {
  shrinker: `${root}packages/cluster-shrinker/bin/cluster_shrinker.js`,
  shutdown: `${root}packages/cluster-shutdown/bin/cluster_shutdown.js`,
};
const clusters = new Set<RescaleCluster>();
/** What goes on by itself until it is told to stop. */
const running = new Set<{ abandon(): void }>();

/** For `afterEach`, or `after` where tests share a cluster: kills what still runs and removes its files. */
export async function endClusters(): Promise<void> {
  for (const one of running) one.abandon();
  running.clear();
  await Promise.all([...clusters].map((cluster) => cluster.destroy()));
}

export interface JoinOptions {
  /** Any member; default the initializer. */
  readonly contact?: RescaleWorker;
  /** How many join together, by their word. */
  readonly count?: number;
  readonly app?: string;
  readonly args?: readonly string[];
  /** Files of its own, instead of the directory that all workers of the cluster share. */
  readonly directory?: string;
}

export class RescaleCluster {
  readonly directory = temporaryDirectory();
  /** All that were ever started. */
  readonly workers: RescaleWorker[] = [];
  private readonly directories = [this.directory];

  /** @param args for every worker of the cluster, those that join later too */
  static async start(args: readonly string[] = []): Promise<RescaleCluster> {
    const cluster = new RescaleCluster(await LineSink.listen(), args);
    const initializer = cluster.launch('initializer', ['--cluster-initializer', '--worker-count', '1']);
    await initializer.ready();
    return cluster;
  }

  private constructor(
    readonly sink: LineSink,
    private readonly args: readonly string[],
  ) {
    clusters.add(this);
  }

  get initializer(): RescaleWorker {
    return this.workers[0]!;
  }

  /** Starts workers that join, and waits for nothing. */
  join(
    name: string,
    { contact = this.initializer, count, app, args = [], directory }: JoinOptions = {},
  ): RescaleWorker {
    return this.joinAt(contact.controlPort, name, { count, app, args, directory });
  }

  joinAt(
    port: number,
    name: string,
    { count, app, args = [], directory }: Omit<JoinOptions, 'contact'>,
  ): RescaleWorker {
    const counted = count === undefined ? [] : ['--worker-count', String(count)];
    const all = ['--name', name, '--join', `127.0.0.1:${port}`, ...counted, ...args];
    return this.launch(name, all, app, directory);
  }

  /** Workers join together, and have got their slots. */
  async grow(names: readonly string[], options: JoinOptions = {}): Promise<RescaleWorker[]> {
    const count = names.length > 1 ? { count: names.length } : {};
    const joiners = names.map((name) => this.join(name, { ...count, ...options }));
    await Promise.all(joiners.map((joiner) => joiner.ready()));
    await this.settled(joiners[0]!, (status) => names.every((name) => status.worker_names.includes(name)));
    return joiners;
  }

  /** No slot has to move, nobody leaves, by the word of `worker`. */
  async settled(
    worker: RescaleWorker,
    also: (status: ClusterStatus) => boolean = () => true,
  ): Promise<ClusterStatus> {
    let last: ClusterStatus | undefined;
    try {
      return await eventually(async () => {
        const status = (last = await worker.status());
        const done = status.slots_to_move === undefined && status.leaving === undefined && also(status);
        return done && status.processing_messages && this.idle && status;
      }, `the end of the change at ${worker.name}`);
    } catch (cause) {
      const logs = this.workers.map(({ name, process: { stdout } }) => `--- ${name}\n${stdout}`).join('');
      throw new Error(`${worker.name} knows ${JSON.stringify(last)}\n${logs}`, { cause });
    }
  }

  /** The leader says when a change is over, unless it has left; queries only show what is left to move. */
  private get idle(): boolean {
    return this.workers.every(({ ended, texts }) => {
      const begun = texts.findLastIndex((line) => line.includes('slots are to move'));
      const done = texts.findLastIndex((line) => line.includes('AUTOSCALE: Autoscale is complete.'));
      return ended || begun <= done;
    });
  }

  /** No slot has to move, as long as leavers still have clients. */
  settledButLeaving(worker: RescaleWorker): Promise<ClusterStatus> {
    return eventually(async () => {
      const status = await worker.status();
      return status.slots_to_move === undefined && status;
    }, `the slots to be moved, by the word of ${worker.name}`);
  }

  async shrink(at: RescaleWorker, ...args: readonly string[]): Promise<Finished> {
    return run(tools.shrinker, ['--external', `127.0.0.1:${at.externalPort}`, ...args]);
  }

  /** Asks for the shrink and waits until the leavers have gone in order. */
  async let(leavers: readonly RescaleWorker[], at: RescaleWorker, ...more: readonly string[]): Promise<void> {
    const names = leavers.map(({ name }) => name).join(',');
    const answer = await this.shrink(at, '--workers', names, ...more);
    expect([answer.stdout, answer.code], answer.stderr).to.deep.equal([
      `Cluster shrink response: Shrinking by ${leavers.length} workers!\n`,
      0,
    ]);
    await Promise.all(leavers.map((leaver) => this.gone(leaver)));
  }

  /** A worker that has left: exit 0, no files. */
  async gone(leaver: RescaleWorker): Promise<void> {
    const { code, signal, stderr, stdout } = await leaver.process.finished();
    leaver.ended = true;
    expect([code, signal, stderr], stdout).to.deep.equal([0, null, '']);
    for (const text of ['Beginning process of leaving cluster.', 'AUTOSCALE: Shutting down.']) {
      expect(stdout).to.include(text);
    }
    expect(stdout).to.include('Recovery files removed.');
    expect(this.filesOf(leaver.name)).to.deep.equal([]);
  }

  filesOf(name: string): string[] {
    return readdirSync(this.directory).filter((file) => file.startsWith(`rescale counts-${name}.`));
  }

  /** A clean shutdown by tool: all of `members` end with 0 and without files. */
  async shutDown(members: readonly RescaleWorker[], at = members[0]!): Promise<void> {
    const { code } = await run(tools.shutdown, [`127.0.0.1:${at.externalPort}`]);
    expect(code).to.equal(0);
    for (const worker of members) {
      const finished = await worker.process.finished();
      expect([finished.code, finished.stderr], finished.stdout).to.deep.equal([0, '']);
    }
    expect(readdirSync(this.directory)).to.deep.equal([]);
  }

  otherDirectory(): string {
    const directory = temporaryDirectory();
    this.directories.push(directory);
    return directory;
  }

  async destroy(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()));
    await this.sink.close();
    for (const directory of this.directories) rmSync(directory, { recursive: true, force: true });
  }

  private launch(
    name: string,
    role: readonly string[],
    app = 'rescale-counts',
    directory = this.directory,
  ): RescaleWorker {
    const outputs =
      app === 'rescale-counts' ? `${this.sink.address},${this.sink.address}` : this.sink.address;
    const inputs = app === 'rescale-counts' ? 'in@127.0.0.1:0,all@127.0.0.1:0' : 'in@127.0.0.1:0';
    const ends = ['--in', inputs, '--out', outputs, '--external', '127.0.0.1:0'];
    const where = ['--resilience-dir', directory];
    const worker = new RescaleWorker(name, [
      ...['--application-module', appPath(app)],
      ...ends,
      ...where,
      ...role,
      ...this.args,
    ]);
    this.workers.push(worker);
    return worker;
  }
}

/** A worker that has been started. */
export class RescaleWorker extends Member {
  ended = false;

  constructor(name: string, args: readonly string[]) {
    super(name, args, {});
    this.launch();
  }

  /** How long ago, in milliseconds, this joiner began to ask. */
  get askedAgoMs(): number {
    const [, at] = /^([\d.]+),New worker preparing to join cluster/m.exec(this.process.stdout) ?? [];
    return Date.now() - Number(at) * 1000;
  }
}

/** Keys of all workers: each held by one worker only. @returns keys by step group, and numbers by worker */
export async function keysOf(
  workers: readonly RescaleWorker[],
): Promise<{ readonly byGroup: Map<string, string[]>; readonly counts: Record<string, number[]> }> {
  const byGroup = new Map<string, string[]>();
  const counts: Record<string, number[]> = {};
  for (const worker of workers) {
    for (const [group, keys] of Object.entries(await worker.keysByGroup())) {
      byGroup.set(group, [...(byGroup.get(group) ?? []), ...keys]);
      (counts[group] ??= []).push(keys.length);
    }
  }
  for (const [group, keys] of byGroup) {
    expect(keys, `keys of step group ${group} are on one worker each`).to.have.lengthOf(new Set(keys).size);
  }
  return { byGroup, counts };
}

/** Numbered messages per key, and what must come of them. */
export class Numbers {
  /** The last number of each key that was sent, by source. */
  readonly sent = { in: new Map<string, number>(), all: new Map<string, number>() };
  total = 0;

  frame(source: 'in' | 'all', key: string): Buffer {
    const number = (this.sent[source].get(key) ?? 0) + 1;
    this.sent[source].set(key, number);
    this.total++;
    return frame(`${key} ${number}`);
  }

  /** One message of each key to a source, on a connection of its own. */
  async send(worker: RescaleWorker, source: 'in' | 'all', keys: readonly string[]): Promise<void> {
    const client = await Client.connect(worker.port(source));
    await client.write(Buffer.concat(keys.map((key) => this.frame(source, key))));
    await client.end();
  }

  /** Nothing lost, repeated or out of order; every stage has counted every message. */
  expectExact(lines: readonly string[]): void {
    const last = this.expectOrdered(lines);
    for (const source of ['in', 'all'] as const) {
      const missing = [...this.sent[source]].filter(([key, count]) => last[source].get(key) !== count);
      expect(missing.slice(0, 10), `${source}: ${missing.length} keys lack messages`).to.deep.equal([]);
    }
  }

  /** As far as it has come. @returns the last number of each key */
  expectOrdered(lines: readonly string[]): Numbers['sent'] {
    const wrong: string[] = [];
    const last = { in: new Map<string, number>(), all: new Map<string, number>() };
    for (const line of lines) {
      const [source, key, ...counts] = line.split(' ') as ['in' | 'all', string, ...string[]];
      const expected = (last[source].get(key) ?? 0) + 1;
      last[source].set(key, expected);
      const stages = source === 'in' ? 4 : 3;
      if (counts.length !== stages || counts.some((count) => Number(count) !== expected)) {
        wrong.push(`${line} (expected ${expected})`);
      }
    }
    expect(wrong.slice(0, 10), `of ${lines.length} lines, ${wrong.length} are wrong`).to.deep.equal([]);
    return last;
  }
}

export interface LoadOptions {
  readonly keys: number;
  /** Messages at a time, for each source. */
  readonly batch?: number;
  readonly pauseMs?: number;
}

/** A sender that streams numbered messages all the time, with new keys every now and then. */
export class Load {
  readonly numbers = new Numbers();
  private stopping = false;
  private readonly done: Promise<void>;

  static async start(worker: RescaleWorker, options: LoadOptions): Promise<Load> {
    const [input, all] = await Promise.all([
      Client.connect(worker.port('in')),
      Client.connect(worker.port('all')),
    ]);
    return new Load({ in: input, all }, options);
  }

  private constructor(
    private readonly clients: { readonly in: Client; readonly all: Client },
    { keys, batch = 20, pauseMs = 4 }: LoadOptions,
  ) {
    running.add(this);
    this.done = this.stream(keys, batch, pauseMs);
    this.done.catch(() => undefined);
  }

  abandon(): void {
    this.stopping = true;
    this.clients.in.destroy();
    this.clients.all.destroy();
  }

  /** Ends the stream when `sink` has got all of it. */
  async finish(sink: LineSink): Promise<void> {
    this.stopping = true;
    await this.done;
    await sink.waitForLines(this.numbers.total);
  }

  private async stream(keys: number, batch: number, pauseMs: number): Promise<void> {
    const names = Array.from({ length: keys }, (_, i) => `${i % 31}.key${i}`);
    let turn = 0;
    for (let round = 0; !this.stopping; round++) {
      // Two keys that nobody has seen yet.
      const fresh = [`${round % 31}.new${round}`, `new${round}.0`];
      for (const source of ['in', 'all'] as const) {
        const old = Array.from({ length: batch }, () => names[turn++ % names.length]!);
        const bytes = Buffer.concat(
          [...fresh, ...old, ...fresh].map((key) => this.numbers.frame(source, key)),
        );
        await this.clients[source].write(bytes);
      }
      if (round % 4 === 0) names[(round * 7) % names.length] = fresh[0]!;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    await Promise.all([this.clients.in.end(), this.clients.all.end()]);
  }
}

/** Asks a worker for the status of the cluster again and again. */
export class Watch {
  readonly seen: ClusterStatus[] = [];
  private stopping = false;
  private readonly done: Promise<void>;

  static async start(worker: RescaleWorker): Promise<Watch> {
    return new Watch(await ExternalClient.connect({ host: '127.0.0.1', port: worker.externalPort }));
  }

  private constructor(private readonly client: ExternalClient) {
    running.add(this);
    this.done = this.look();
    this.done.catch(() => undefined);
  }

  abandon(): void {
    this.stopping = true;
  }

  async stop(): Promise<readonly ClusterStatus[]> {
    this.stopping = true;
    await this.done;
    return this.seen;
  }

  private async look(): Promise<void> {
    while (!this.stopping) {
      this.client.send({ type: 'clusterStatusQuery' });
      const reply = await this.client.receive();
      if (reply.type !== 'clusterStatusQueryResponse') throw new Error(`answered ${reply.type}`);
      this.seen.push(reply.body);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await this.client.close();
  }
}

function temporaryDirectory(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'wallaroo-rescale-')));
}
