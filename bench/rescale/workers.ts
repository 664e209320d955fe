import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { GcSummary } from './gc-log.js';
import type { LatencySummary } from './latency-log.js';

const worker = 'packages/worker/bin/wallaroo-worker.js';
const shrinker = 'packages/cluster-shrinker/bin/cluster_shrinker.js';
const patienceMs = 180_000;

/** What a worker reports. */
export type Report = LatencySummary & { readonly gc: GcSummary };

/** Workers of `apps/rescale.ts`, with their files and what else was started for them. */
export class Workers {
  private readonly folder = mkdtempSync(join(tmpdir(), 'wallaroo-bench-'));
  private readonly children: ChildProcess[] = [];
  private readonly byName = new Map<string, ChildProcess>();

  /** @param args of every worker */
  constructor(private readonly args: readonly string[]) {}

  launch(name: string, args: readonly string[]): ChildProcess {
    const file = openSync(this.logOf(name), 'w');
    const child = spawn(
      process.execPath,
      [
        ...[worker, '--application-module', 'bench/apps/rescale.ts', '--resilience-dir', this.folder],
        ...['--external', '127.0.0.1:0', '--report', this.reportOf(name), ...this.args, ...args],
      ],
      { stdio: ['ignore', file, 'inherit'] },
    );
    closeSync(file);
    this.children.push(child);
    this.byName.set(name, child);
    return child;
  }

  /** The worker with the load, when it has made all keys. */
  async launchFirst(): Promise<ChildProcess> {
    const first = this.launch('initializer', ['--cluster-initializer', '--load', '--control', '127.0.0.1:0']);
    const filled = `${this.reportOf('initializer')}.state`;
    await until(() => existsSync(filled) || undefined, 'all keys are made');
    return first;
  }

  shrink(external: string, name: string): void {
    const args = [shrinker, '--external', external, '--workers', name];
    this.children.push(spawn(process.execPath, args, { stdio: 'ignore' }));
  }

  log(name: string): string {
    return readFileSync(this.logOf(name), 'utf8');
  }

  lineOf(name: string, pattern: RegExp): Promise<RegExpExecArray> {
    return until(() => pattern.exec(this.log(name)) ?? undefined, `${pattern}`);
  }

  /** How often the log says so. */
  count(name: string, text: string): number {
    return this.log(name).split(text).length - 1;
  }

  reports(names: readonly string[]): Promise<Report[]> {
    return Promise.all(
      names.map(async (name) => {
        const { exitCode, signalCode, pid } = this.byName.get(name)!;
        const file = this.reportOf(name);
        if (exitCode === null && signalCode === null) {
          rmSync(file, { force: true });
          process.kill(pid!, 'SIGUSR2');
        }
        await until(() => existsSync(file) || undefined, `${name} has reported`);
        return JSON.parse(readFileSync(file, 'utf8')) as Report;
      }),
    );
  }

  async end(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    await Promise.all(
      this.children.map(
        (child) =>
          child.exitCode ?? child.signalCode ?? new Promise((resolve) => child.once('exit', resolve)),
      ),
    );
    rmSync(this.folder, { recursive: true, force: true });
  }

  private logOf(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  private reportOf(name: string): string {
    return join(this.folder, `${name}.json`);
  }
}

export async function until<T>(look: () => T | undefined, what: string): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > giveUpAt) throw new Error(`waited ${patienceMs} ms until ${what}`);
    await setTimeout(10);
  }
}
