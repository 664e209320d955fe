import { fork, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Remote, type Calls } from '../load/remote-calls.js';
import { track } from './children.js';
import { cores, pin, pinnedCommand } from './cores.js';
import { Patience } from './patience.js';
import { stateOf } from './process-usage.js';

/** Starts one of `bench/load`'s processes on the helpers' core. */
export function launchHelper<C extends Calls>(file: string): { child: ChildProcess; remote: Remote<C> } {
  const child = fork(fileURLToPath(new URL(`../load/${file}`, import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
  });
  track(child);
  pin(child.pid!, cores.helpers);
  return { child, remote: new Remote<C>(child) };
}

const readySecondsMax = 30;

export interface Started {
  readonly child: ChildProcess;
  /** From the spawn to the line that says it is ready. */
  readonly readyMs: number;
}

export interface LaunchOptions {
  /** A program that has no such line is waited for until it ends. */
  readonly readyLine?: string;
  /** Default: the core under test. */
  readonly core?: string;
  /** Gets what the program writes, from its first line to its last. */
  readonly onLine?: (line: string) => void;
}

/** Starts `node ARGUMENTS` and waits until it is ready. What it wrote last is shown if it ends first. */
export async function launchUnderTest(
  args: readonly string[],
  { readyLine, core = cores.underTest, onLine }: LaunchOptions = {},
): Promise<Started> {
  const [file, ...rest] = pinnedCommand(core, [process.execPath, ...args]);
  const start = performance.now();
  const child = spawn(file!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  track(child);
  const lastLines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const fail = (what: string): void => {
      patience.end();
      reject(new Error(`${args.join(' ')} ${what}:\n${lastLines.join('\n')}`));
    };
    const ready = (): void => {
      patience.end();
      resolve();
    };
    const patience = new Patience(readySecondsMax, () => {
      fail(`was not ready in ${readySecondsMax} s, it is ${stateOf(child.pid!)}`);
      child.kill('SIGKILL');
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        onLine?.(line);
        if (readyLine !== undefined && line.includes(readyLine)) ready();
        lastLines.push(line);
        if (lastLines.length > 20) lastLines.shift();
      });
    }
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => {
      if (readyLine === undefined && code === 0) ready();
      else fail('ended before it was ready');
    });
  });
  return { child, readyMs: performance.now() - start };
}
