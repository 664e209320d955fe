import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ExternalClient, type ClusterStatus, type ExternalMessage } from '@wallaroo/protocol';
import { eventually } from './changes.js';
import { Client, frame } from './client.js';
import { run, start, stopAll, type Finished, type RunningProcess } from './process.js';
import { CollectingSink } from './sink.js';
import { appPath, initialized, LaunchedWorker, workerBin } from './worker-process.js';

/**
 * Clusters of real workers.
 *
 *     afterEach(endClusters);
 *     const cluster = await Cluster.start({ workers: 3 });
 *     const [initializer, w2] = cluster.members;
 *     await cluster.numbers.send(w2, ['a', 'b']);
 *     await cluster.sink.waitForLines(2);
 *     cluster.numbers.expectExact(cluster.sink.lines);
 *     await w2.kill();
 *     w2.launch();
 *     await cluster.stop();
 *
 * Workers are named initializer, w2, w3 ... They share one resilience directory, which goes with the cluster.
 */
export interface ClusterOptions {
  readonly workers?: number;
  /** A name stands for `test-e2e/apps/NAME.ts`. */
  readonly app?: string;
  /** Of all sources, without addresses. */
  readonly sources?: readonly string[];
  /** For every worker. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where the sources of a worker listen, as `--in` has it; default: each on a free port. */
  readonly inputs?: (name: string) => string;
  /** Where the sinks of a worker connect; default: all to `cluster.sink`. */
  readonly out?: (name: string) => string;
  /** Where the initializer listens: default on a port that is chosen in advance, so that any worker may be first. */
  readonly control?: string;
  /** Of the messages that `numbers` makes. */
  readonly padding?: string;
}

/** What one member gets besides. */
export interface MemberOptions {
  readonly app?: string;
  readonly args?: readonly string[];
  readonly directory?: string;
  /** Where it looks for the initializer. */
  readonly control?: string;
  readonly workers?: number;
  /** Instead of all options that say what it is in the cluster. */
  readonly role?: readonly string[];
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const clusters = new Set<Cluster>();

/** For `afterEach`, or `after` where tests share a cluster: kills what still runs and removes its files. */
export async function endClusters(): Promise<void> {
  await stopAll();
  await Promise.all([...clusters].map((cluster) => cluster.destroy()));
}

export class Cluster {
  private readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'wallaroo-cluster-')));
  private folders = 0;
  /** The resilience directory. */
  readonly directory = this.newDirectory();
  private readonly scratch = this.newDirectory();
  /** In the order of their names: those of the cluster, not those that were started for a test of their own. */
  readonly members: readonly Member[];
  readonly numbers: Numbers;

  /** All workers at once, and ready. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.prepare(options);
    for (const member of cluster.members) member.launch();
    await cluster.ready();
    return cluster;
  }

  /** Nothing runs yet. */
  static async prepare(options: ClusterOptions = {}): Promise<Cluster> {
    const control = options.control ?? `127.0.0.1:${await reservedPort()}`;
    return new Cluster(await LineSink.listen(), control, options);
  }

  private constructor(
    readonly sink: LineSink,
    readonly control: string,
    private readonly options: ClusterOptions,
  ) {
    clusters.add(this);
    const { workers = 2, padding } = options;
    this.numbers = new Numbers(padding);
    this.members = Array.from({ length: workers }, (_, i) =>
      this.member(i === 0 ? 'initializer' : `w${i + 1}`),
    );
  }

  get initializer(): Member {
    return this.members[0]!;
  }

  /** A worker that is not started yet: one of the cluster by its name, or another one. */
  member(name: string, options: MemberOptions = {}): Member {
    const { app = 'cluster-counts', sources = ['in'], args = [], env = {}, out, inputs } = this.options;
    const {
      workers = this.options.workers ?? 2,
      control = this.control,
      directory = this.directory,
    } = options;
    const role = options.role ?? [
      ...(name === 'initializer'
        ? ['--cluster-initializer', '--worker-count', `${workers}`]
        : ['--name', name]),
      ...['--control', control],
    ];
    const ownPorts = sources.map((source) => `${source}@127.0.0.1:0`).join(',');
    return new Member(
      name,
      [
        ...['--application-module', appPath(options.app ?? app)],
        ...role,
        ...['--resilience-dir', directory, '--external', '127.0.0.1:0'],
        ...['--in', inputs?.(name) ?? ownPorts, '--out', out?.(name) ?? this.sink.address],
        ...args,
        ...(options.args ?? []),
      ],
      // What a worker that is killed leaves anywhere goes with the cluster.
      { TMPDIR: this.scratch, ...env },
    );
  }

  async ready(members: readonly Member[] = this.members): Promise<void> {
    await Promise.all(members.map((member) => member.ready()));
  }

  newDirectory(): string {
    const directory = join(this.folder, `${++this.folders}`);
    mkdirSync(directory);
    return directory;
  }

  /** What is in the resilience directory. */
  get files(): string[] {
    return readdirSync(this.directory).sort();
  }

  /** A clean shutdown by the tool; all end with 0 and without files. */
  async stop(at = this.initializer): Promise<void> {
    await this.stopAt(at);
    await this.ended();
  }

  /** Asks one worker for a clean shutdown by the tool. */
  async stopAt(at: Member): Promise<void> {
    const { code, stderr } = await run(`${root}packages/cluster-shutdown/bin/cluster_shutdown.js`, [
      `127.0.0.1:${at.externalPort}`,
    ]);
    expect([code, stderr]).to.deep.equal([0, '']);
  }

  /** Waits until all workers have ended in order. */
  async ended(): Promise<void> {
    const all = await Promise.all(this.members.map((member) => member.process.finished()));
    for (const { code, signal, stdout, stderr } of all) {
      expect([code, signal, stderr], stdout).to.deep.equal([0, null, '']);
      expect(stdout).to.match(/,Connections: Finished shutdown procedure\.\n/);
    }
    expect(this.files).to.deep.equal([]);
  }

  /** Until a member thinks so of the cluster. */
  statusAt(member: Member, holds: (status: ClusterStatus) => boolean, what: string): Promise<ClusterStatus> {
    return eventually(async () => {
      const status = await member.status();
      return holds(status) && status;
    }, `${what} at ${member.name}`);
  }

  async destroy(): Promise<void> {
    clusters.delete(this);
    await this.sink.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

type Bodies = { [Message in ExternalMessage as Message['type']]: Message['body'] };

/** One worker: a command that can be started again. */
export class Member {
  private running: RunningProcess | undefined;

  constructor(
    readonly name: string,
    readonly command: readonly string[],
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  /** The first time, or again after its end. */
  launch(): this {
    this.running = start(workerBin, this.command, { env: this.env });
    return this;
  }

  get process(): RunningProcess {
    if (this.running === undefined) throw new Error(`${this.name} has not been started`);
    return this.running;
  }

  async ready(): Promise<void> {
    await this.process.waitForOutput(initialized);
  }

  waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    return this.process.waitForOutput(pattern);
  }

  /** kill -9, whatever it is doing. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.finished();
  }

  /** Its end with an error that the operator can mend. @returns what it said on standard error */
  async refusal(): Promise<string> {
    const { code, stderr, stdout } = await this.process.finished();
    expect(code, stdout).to.equal(1);
    return stderr;
  }

  finished(): Promise<Finished> {
    return this.process.finished();
  }

  /** The lines of the log, without their times. */
  get texts(): string[] {
    return this.process.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/^\d+\.\d{6},/, ''));
  }

  textsWith(part: string): string[] {
    return this.texts.filter((text) => text.includes(part));
  }

  port(source: string): number {
    return this.portIn(`${source} source is listening on `);
  }

  get controlPort(): number {
    return this.portIn(`${this.name} control: listening on `);
  }

  get dataPort(): number {
    return this.portIn(`${this.name} data: listening on `);
  }

  get externalPort(): number {
    return this.portIn(`${this.name} external: listening on `);
  }

  /** Most memory that the process ever had, in bytes. */
  get peakMemory(): number {
    return new LaunchedWorker(this.process).peakMemory;
  }

  async ask(question: ExternalMessage): Promise<ExternalMessage> {
    const client = await ExternalClient.connect({ host: '127.0.0.1', port: this.externalPort });
    try {
      client.send(question);
      return await client.receive();
    } finally {
      await client.close();
    }
  }

  /** The answer to a question, which must be of this type. */
  async answer<Type extends keyof Bodies>(
    question: ExternalMessage['type'],
    type: Type,
  ): Promise<Bodies[Type]> {
    const reply = await this.ask({ type: question } as ExternalMessage);
    expect(reply.type, `the answer of ${this.name}`).to.equal(type);
    return reply.body as Bodies[Type];
  }

  status(): Promise<ClusterStatus> {
    return this.answer('clusterStatusQuery', 'clusterStatusQueryResponse');
  }

  /** The keys that this worker holds, by step group. */
  keysByGroup(): Promise<Bodies['stateEntityQueryResponse']> {
    return this.answer('stateEntityQuery', 'stateEntityQueryResponse');
  }

  /** The keys that this worker holds, of all its state together. */
  async keys(): Promise<string[]> {
    return Object.values(await this.keysByGroup()).flat();
  }

  private portIn(announcement: string): number {
    const text = this.texts.find((line) => line.includes(announcement));
    const [, port] = /:(\d+)(?: \(WebSocket\))?$/.exec(text ?? '') ?? [];
    if (port === undefined) throw new Error(`no line with '${announcement}' in\n${this.process.stdout}`);
    return Number(port);
  }
}

/** Where all sinks of a cluster connect: whole lines, in the order in which they came, and by connection. */
export class LineSink {
  readonly lines: string[] = [];
  readonly byConnection: string[][] = [];
  private readonly rests: string[] = [];
  private sink!: CollectingSink;

  static async listen(): Promise<LineSink> {
    const lines = new LineSink();
    lines.sink = await CollectingSink.listen(0, (chunk, connection) => lines.take(chunk, connection));
    return lines;
  }

  get address(): string {
    return this.sink.address;
  }

  pause(): void {
    this.sink.pause();
  }

  resume(): void {
    this.sink.resume();
  }

  waitForLines(count: number, timeoutMs?: number): Promise<void> {
    return this.sink.until(() => this.lines.length >= count, `${count} lines`, timeoutMs);
  }

  /** All that connected have ended, and so all that they sent is here. */
  waitForEnd(): Promise<void> {
    return this.sink.waitForEnd();
  }

  close(): Promise<void> {
    return this.sink.close();
  }

  private take(chunk: Buffer, connection: number): void {
    const parts = ((this.rests[connection] ?? '') + chunk.toString('latin1')).split('\n');
    this.rests[connection] = parts.pop()!;
    const whole = (this.byConnection[connection] ??= []);
    for (const part of parts) {
      whole.push(part);
      this.lines.push(part);
    }
  }
}

/** A line of the application `cluster-counts`. */
export interface Counted {
  /** Its number. */
  readonly process: number;
  readonly key: string;
  readonly number: number;
  /** How many messages of this key its state has seen. */
  readonly count: number;
}

export function counted(line: string): Counted {
  const [process, key, number, count] = line.split(' ');
  return { process: Number(process), key: key!, number: Number(number), count: Number(count) };
}

/** Numbered messages per key for `cluster-counts`, and what must come of them. */
export class Numbers {
  readonly sent = new Map<string, number>();
  total = 0;
  /** By key, how many messages had been sent whenever its state was lost. */
  private readonly lost = new Map<string, number[]>();

  /** @param padding goes all the way with it */
  constructor(private readonly padding = '') {}

  frame(key: string): Buffer {
    const number = (this.sent.get(key) ?? 0) + 1;
    this.sent.set(key, number);
    this.total++;
    return frame(`${key} ${number} ${this.padding}`);
  }

  frames(keys: readonly string[]): Buffer {
    return Buffer.concat(keys.map((key) => this.frame(key)));
  }

  /** A message for each of the keys, on a connection of its own. */
  async send(member: Member, keys: readonly string[]): Promise<void> {
    const client = await Client.connect(member.port('in'));
    await client.write(this.frames(keys));
    await client.end();
  }

  /** The state of these keys begins anew. */
  forget(keys: readonly string[]): void {
    for (const key of keys) this.lost.set(key, [this.sent.get(key) ?? 0, ...(this.lost.get(key) ?? [])]);
  }

  /** Nothing lost, repeated or out of order, and each state has seen what it should. */
  expectExact(lines: readonly string[]): void {
    this.expectOrdered(lines);
    const last = new Map(lines.map(counted).map(({ key, number }) => [key, number]));
    const missing = [...this.sent].filter(([key, number]) => last.get(key) !== number);
    expect(missing.slice(0, 10), `${missing.length} keys lack messages`).to.deep.equal([]);
  }

  /** Of each key the first messages, none left out, in order. */
  expectOrdered(lines: readonly string[]): void {
    const wrong: string[] = [];
    const last = new Map<string, number>();
    for (const line of lines) {
      const { key, number, count } = counted(line);
      const expected = (last.get(key) ?? 0) + 1;
      last.set(key, expected);
      const lost = this.lost.get(key)?.find((before) => before < number) ?? 0;
      if (number === expected && count === number - lost) continue;
      wrong.push(`${line.slice(0, 100)} (expected ${expected}, ${lost} lost)`);
    }
    expect(wrong.slice(0, 10), `of ${lines.length} lines, ${wrong.length} are wrong`).to.deep.equal([]);
  }
}

export function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

/**
 * A port on which nobody listens, for processes that must know it in advance. The system gives none of these to
 * those who ask for any port, or dial.
 */
export async function reservedPort(): Promise<number> {
  return eventually(async () => {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (free) await new Promise((resolve) => server.close(resolve));
    return free && port;
  }, 'a free port');
}

/** Whether somebody is connected to a port of this machine, as the system sees it. */
export function hasConnection(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const established = ' 01 ';
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return rows.some((row) => row.slice(0, 20).includes(local) && row.slice(30, 40).includes(established));
}
