import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { start, type Finished, type RunningProcess } from './process.js';

/**
 * A worker as a real process, with everything that its log says about itself.
 *
 *     afterEach(stopAll);
 *     const worker = await launchWorker({ app: 'relay', args: ['--in', 'in@127.0.0.1:0', '--out', sink.address] });
 *     const client = await Client.connect(worker.port('in'));
 *
 * The examples have a larger harness of their own in `worker.ts`; here each test brings its own ends.
 */
export interface LaunchOptions {
  /** A name stands for `test-e2e/apps/NAME.ts`; anything else goes to --application-module as it is. */
  readonly app: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** What to wait for; default: the worker processes messages. */
  readonly until?: RegExp;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
export const workerBin = `${root}packages/worker/bin/wallaroo-worker.js`;
export const initialized = /INIT PHASE IV: Cluster is ready to work!/;

export function appPath(name: string): string {
  return /^\w[\w-]*$/.test(name) ? `${root}test-e2e/apps/${name}.ts` : name;
}

export async function launchWorker(options: LaunchOptions): Promise<LaunchedWorker> {
  const { app, args = [], until = initialized, ...processOptions } = options;
  const process = start(
    workerBin,
    ['--application-module', appPath(app), '--cluster-initializer', '--external', '127.0.0.1:0', ...args],
    processOptions,
  );
  await process.waitForOutput(until);
  return new LaunchedWorker(process);
}

export class LaunchedWorker {
  constructor(readonly process: RunningProcess) {}

  /** Where a source listens. */
  port(source: string): number {
    return this.portOf(`${source} source is listening on `);
  }

  get externalPort(): number {
    return this.portOf('initializer external: listening on ');
  }

  get controlPort(): number {
    return this.portOf('initializer control: listening on ');
  }

  get dataPort(): number {
    return this.portOf('initializer data: listening on ');
  }

  /** The complete lines on standard output. */
  get lines(): string[] {
    return this.process.stdout.split('\n').slice(0, -1);
  }

  linesWith(text: string): string[] {
    return this.lines.filter((line) => line.includes(text));
  }

  waitForLine(pattern: RegExp): Promise<RegExpExecArray> {
    return this.process.waitForOutput(pattern);
  }

  /** Most memory that the process ever had, in bytes. */
  get peakMemory(): number {
    return this.memory('VmHWM');
  }

  /** Memory that the process has now, in bytes. */
  get residentMemory(): number {
    return this.memory('VmRSS');
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.process.kill(signal);
    return this.process.finished();
  }

  private memory(row: string): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(new RegExp(`${row}:\\s*(\\d+) kB`).exec(status)![1]) * 1024;
  }

  private portOf(announcement: string): number {
    const [line] = this.linesWith(announcement);
    const [, port] = /:(\d+)(?: \(WebSocket\))?$/.exec(line ?? '') ?? [];
    if (port === undefined) throw new Error(`no line with '${announcement}' in\n${this.process.stdout}`);
    return Number(port);
  }
}
