import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Real processes for tests.
 *
 *     afterEach(stopAll);
 *     const finished = await run('packages/tools/bin/sender.js', ['--help']);
 *     const receiver = start('packages/tools/bin/data_receiver.js', ['--listen', '127.0.0.1:0']);
 *     const [, port] = await receiver.waitForOutput(/Listening on 127\.0\.0\.1:(\d+)/);
 *
 * A command that ends in `.js` is run by the Node that runs the tests. Relative paths start at the working directory.
 */

export interface Finished {
  /** Null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as it came, for output that is no text. */
  readonly stdoutBytes: Buffer;
}

export interface ProcessOptions {
  readonly cwd?: string;
  /** Added to the environment of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  /** What hangs for so long fails, with its output in the error. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 30_000;
const alive = new Set<ChildProcess>();

// A failed or interrupted test run leaves nobody behind.
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** Kills what still runs, and waits until it is gone. For `afterEach`. */
export async function stopAll(): Promise<void> {
  await Promise.all(
    [...alive].map(
      (child) =>
        new Promise<void>((resolve) => {
          child.once('close', () => resolve());
          child.kill('SIGKILL');
        }),
    ),
  );
}

/** Runs a command to its end. */
export function run(
  command: string,
  args: readonly string[] = [],
  options: ProcessOptions = {},
): Promise<Finished> {
  return start(command, args, options).finished();
}

/** Starts a command that is to be watched, stopped, or both. */
export function start(
  command: string,
  args: readonly string[] = [],
  options: ProcessOptions = {},
): RunningProcess {
  return new RunningProcess(command, args, options);
}

export class RunningProcess {
  private readonly child: ChildProcess;
  private readonly out: Buffer[] = [];
  private readonly err: Buffer[] = [];
  private readonly timeoutMs: number;
  private readonly watchers = new Set<() => void>();
  private ended: Finished | Error | undefined;

  constructor(
    private readonly command: string,
    args: readonly string[],
    { cwd, env, timeoutMs = defaultTimeoutMs }: ProcessOptions,
  ) {
    this.timeoutMs = timeoutMs;
    const [file, all] = command.endsWith('.js') ? [process.execPath, [command, ...args]] : [command, args];
    this.child = spawn(file, all, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    alive.add(this.child);
    this.child.stdout!.on('data', (chunk: Buffer) => this.keep(this.out, chunk));
    this.child.stderr!.on('data', (chunk: Buffer) => this.keep(this.err, chunk));
    this.child.once('error', (error) => this.end(error));
    this.child.once('close', (code, signal) =>
      this.end({
        code,
        signal,
        stdout: this.stdout,
        stderr: this.stderr,
        stdoutBytes: Buffer.concat(this.out),
      }),
    );
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** How it has ended; undefined while it runs. */
  get outcome(): Finished | undefined {
    return this.ended instanceof Error ? undefined : this.ended;
  }

  get stdout(): string {
    return Buffer.concat(this.out).toString();
  }

  get stderr(): string {
    return Buffer.concat(this.err).toString();
  }

  /** Waits until standard output, or what stands there already, matches. */
  waitForOutput(pattern: RegExp): Promise<RegExpExecArray> {
    return this.waitFor(`output that matches ${pattern}`, () => pattern.exec(this.stdout) ?? undefined);
  }

  /** As {@link waitForOutput}, on standard error. */
  waitForError(pattern: RegExp): Promise<RegExpExecArray> {
    return this.waitFor(`errors that match ${pattern}`, () => pattern.exec(this.stderr) ?? undefined);
  }

  /** Waits for the end of the process and of its outputs. */
  finished(): Promise<Finished> {
    return this.waitFor('its end', () => {
      if (this.ended instanceof Error) throw this.ended;
      return this.ended;
    });
  }

  /** Sends a signal. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.child.kill(signal);
  }

  /** Reads no more of standard output, as a slow consumer would, until {@link resumeOutput}. */
  pauseOutput(): void {
    this.child.stdout!.pause();
  }

  resumeOutput(): void {
    this.child.stdout!.resume();
  }

  /** Closes standard output at this end, as a reader that has seen enough would. */
  closeOutput(): void {
    this.child.stdout!.destroy();
  }

  private async waitFor<Value>(what: string, look: () => Value | undefined): Promise<Value> {
    let timer: NodeJS.Timeout | undefined;
    let watcher: () => void = () => undefined;
    try {
      return await new Promise<Value>((resolve, reject) => {
        const fail = (why: string) =>
          reject(
            new Error(
              `${this.command}: waited for ${what}, but ${why}\n--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}`,
            ),
          );
        watcher = () => {
          try {
            const value = look();
            if (value !== undefined) resolve(value);
            else if (this.ended instanceof Error) fail(this.ended.message);
            else if (this.ended) fail(`it ended with ${this.ended.code ?? this.ended.signal}`);
          } catch (error) {
            reject(error as Error);
          }
        };
        timer = setTimeout(() => {
          this.child.kill('SIGKILL');
          fail(`nothing came within ${this.timeoutMs} ms`);
        }, this.timeoutMs);
        this.watchers.add(watcher);
        watcher();
      });
    } finally {
      clearTimeout(timer);
      this.watchers.delete(watcher);
    }
  }

  private keep(chunks: Buffer[], chunk: Buffer): void {
    chunks.push(chunk);
    this.changed();
  }

  private end(how: Finished | Error): void {
    alive.delete(this.child);
    this.ended ??= how;
    this.changed();
  }

  private changed(): void {
    for (const watcher of [...this.watchers]) watcher();
  }
}
