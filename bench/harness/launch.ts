import { fork, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Remote, type Calls } from '../load/remote-calls.js';
import { track } from './children.js';
import { cores, pin, pinnedCommand } from './cores.js';

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

const readyMsMax = 30_000;

export interface Started {
  readonly child: ChildProcess;
  /** From the spawn to the line that says it is ready. */
  readonly readyMs: number;
}

/**
 * Starts `node ARGUMENTS` on the core under test and waits for its ready line; a program that has no such line
 * is waited for until it ends. Its stderr is shown if it ends first.
 */
export async function launchUnderTest(args: readonly string[], readyLine?: string): Promise<Started> {
  const [file, ...rest] = pinnedCommand(cores.underTest, [process.execPath, ...args]);
  const start = performance.now();
  const child = spawn(file!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  track(child);
  const lastLines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    const tooLate = setTimeout(() => {
      reject(new Error(`${rest.join(' ')} was not ready in ${readyMsMax} ms:\n${lastLines.join('\n')}`));
      child.kill('SIGKILL');
    }, readyMsMax);
    const ready = (): void => {
      clearTimeout(tooLate);
      resolve();
    };
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        if (readyLine !== undefined && line.includes(readyLine)) ready();
        lastLines.push(line);
        if (lastLines.length > 20) lastLines.shift();
      });
    }
    child.once('close', (code) => {
      if (readyLine === undefined && code === 0) ready();
      clearTimeout(tooLate);
      reject(new Error(`${rest.join(' ')} ended before it was ready:\n${lastLines.join('\n')}`));
    });
  });
  return { child, readyMs: performance.now() - start };
}
