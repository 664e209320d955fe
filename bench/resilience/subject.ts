import type { ChildProcess } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { end } from '../harness/children.js';
import { cores } from '../harness/cores.js';
import { launchUnderTest } from '../harness/launch.js';
import { Patience } from '../harness/patience.js';

/** What `apps/resilience.ts` says on stdout. */
interface Said {
  /** All keys are made. */
  readonly filled?: number;
  /** The first message has come out in this life. */
  readonly firstOutput?: boolean;
  readonly outputs?: number;
  /** User and system time of all threads. */
  readonly cpuUs?: number;
}

export interface SubjectOptions {
  /** A folder of its own, or shared by the workers of a cluster. */
  readonly folder: string;
  readonly keys: number;
  readonly rate?: number;
  readonly resilient: boolean;
  /** Default: a worker alone, with the load. */
  readonly args?: readonly string[];
  readonly nodeFlags?: readonly string[];
  readonly core?: string;
  readonly report?: string;
  readonly onLine?: (line: string) => void;
}

const worker = fileURLToPath(new URL('../../packages/worker/bin/wallaroo-worker.js', import.meta.url));
const application = fileURLToPath(new URL('../apps/resilience.ts', import.meta.url));
const patienceSeconds = 120;
const linesDrainMs = 30;

/** One worker that runs `apps/resilience.ts`. */
export class Subject {
  child!: ChildProcess;
  private readonly said = new Map<keyof Said, number | boolean>();
  private readonly lines: string[] = [];
  private watchers: (() => void)[] = [];

  /** Resolves when the process is ready; it may be restoring still. */
  static async launch(options: SubjectOptions): Promise<Subject> {
    const subject = new Subject();
    const { folder, keys, rate, resilient, report, nodeFlags = [], onLine } = options;
    const { args = ['--cluster-initializer', '--load'] } = options;
    const { child } = await launchUnderTest(
      [
        ...nodeFlags,
        ...[worker, '--application-module', application, '--resilience-dir', folder],
        ...['--keys', `${keys}`, ...(rate === undefined ? [] : ['--rate', `${rate}`])],
        ...(resilient ? ['--run-with-resilience'] : []),
        ...(report === undefined ? [] : ['--report', report]),
        ...args,
      ],
      {
        readyLine: 'INIT PHASE IV',
        core: options.core ?? cores.underTest,
        onLine: (line) => {
          subject.heard(line);
          onLine?.(line);
        },
      },
    );
    subject.child = child;
    return subject;
  }

  /** Waits until it has said so. */
  async has(what: 'filled' | 'firstOutput'): Promise<void> {
    await this.waitFor(() => this.said.has(what), what);
  }

  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const find = () => this.lines.map((line) => pattern.exec(line)).find((found) => found !== null);
    await this.waitFor(() => find() !== undefined, `${pattern}`);
    return find()!;
  }

  /** As it stood when the last line was written. */
  async progress(): Promise<{ readonly outputs: number; readonly cpuUs: number }> {
    await setTimeout(linesDrainMs);
    const { said } = this;
    return { outputs: Number(said.get('outputs') ?? 0), cpuUs: Number(said.get('cpuUs') ?? 0) };
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Stops it in order, as an operator would. */
  async stop(): Promise<void> {
    this.signal('SIGCONT');
    await end(this.child, 'SIGTERM');
  }

  async kill(): Promise<void> {
    await end(this.child);
  }

  private heard(line: string): void {
    if (line.startsWith('{"')) {
      for (const [name, value] of Object.entries(JSON.parse(line) as Said))
        this.said.set(name as keyof Said, value as number | boolean);
    } else {
      this.lines.push(line);
    }
    for (const watcher of this.watchers) watcher();
  }

  private waitFor(holds: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        patience.end();
        this.watchers = this.watchers.filter((one) => one !== look);
        this.child.off('exit', ended);
      };
      const look = () => {
        if (!holds()) return;
        done();
        resolve();
      };
      const fail = (why: string) => {
        done();
        reject(new Error(`${why} before '${what}':\n${this.lines.slice(-20).join('\n')}`));
      };
      const ended = () => fail('a worker ended');
      const patience = new Patience(patienceSeconds, () => fail(`${patienceSeconds} s went by`));
      this.watchers.push(look);
      this.child.once('exit', ended);
      look();
    });
  }
}
