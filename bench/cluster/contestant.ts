import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { ChildProcess } from 'node:child_process';
import { end } from '../harness/children.js';
import { Patience } from '../harness/patience.js';
import { keysOf, type Placement } from '../workloads/cluster-readings.js';
import { launchGroup, type Make } from './programs.js';
import { parseProgress, type Progress } from './progress.js';

/** A line of progress for so many messages: some hundred lines a second, so that the harness takes next to nothing. */
const messagesBetweenLines = 5000;
const linesDrainMs = 30;
const endSecondsMax = 30;

export interface Entry {
  readonly name: string;
  readonly make: Make;
  readonly workers: 1 | 2;
  readonly placement: Placement;
  /** Square roots for each message, in place of what an author's function does: some 8 ns each. */
  readonly work: number;
}

export interface Measured {
  readonly messages: number;
  /** Messages per second of wall time, all processes together. */
  readonly perSecond: number;
  /** CPU time per message, all processes together. */
  readonly nsPerMessage: number;
  /** Share of the messages that another process had made. */
  readonly crossing: number;
  /** Share of its cores that it got. */
  readonly cpuShare: number;
}

/** One or two processes under full load, which run only while they have their turn; see `harness/contender.ts`. */
export class Contestant {
  private activeMs = 0;
  private began: { readonly activeMs: number; readonly progress: readonly Progress[] } | undefined;

  private constructor(
    readonly entry: Entry,
    private readonly children: readonly ChildProcess[],
    private readonly latest: readonly (readonly Progress[])[],
  ) {}

  /** @param scratch a folder of its own is made in it */
  static async begin(entry: Entry, scratch: string, nodeFlags: readonly string[] = []): Promise<Contestant> {
    const { make, workers, placement, work } = entry;
    const folder = join(scratch, entry.name.replaceAll(/\W+/g, '-'));
    mkdirSync(folder, { recursive: true });
    const latest: Progress[][] = Array.from({ length: workers }, () => []);
    const args = latest.map((_, index) => {
      const keys = join(folder, `keys-${index}.json`);
      writeFileSync(keys, JSON.stringify(keysOf(placement, index)));
      return [
        ...['--keys', keys, '--index', String(index)],
        ...['--every', String(messagesBetweenLines), '--work', String(work)],
      ];
    });
    const onLine = (index: number, line: string): void => {
      const progress = parseProgress(line);
      if (progress !== undefined) latest[index]![0] = progress;
    };
    const started = await launchGroup({
      make,
      job: 'cluster-keyed',
      args,
      scratch: folder,
      onLine,
      nodeFlags,
    });
    const contestant = new Contestant(
      entry,
      started.map(({ child }) => child),
      latest,
    );
    contestant.signal('SIGSTOP');
    return contestant;
  }

  /** Process ids, in the order of the workers. */
  get pids(): readonly number[] {
    return this.children.map(({ pid }) => pid!);
  }

  async takeTurn(ms: number): Promise<void> {
    const before = performance.now();
    this.signal('SIGCONT');
    await setTimeout(ms);
    this.signal('SIGSTOP');
    this.activeMs += performance.now() - before;
  }

  async beginInterval(): Promise<void> {
    this.began = await this.mark();
  }

  async endInterval(): Promise<Measured> {
    const [from, to] = [this.began!, await this.mark()];
    const grown = (of: (progress: Progress) => number): number =>
      to.progress.reduce((sum, progress, index) => sum + of(progress) - of(from.progress[index]!), 0);
    const messages = grown(({ processed }) => processed);
    const seconds = (to.activeMs - from.activeMs) / 1000;
    const cpuUs = grown(({ cpuUs }) => cpuUs);
    return {
      messages,
      perSecond: messages / seconds,
      nsPerMessage: (cpuUs * 1000) / messages,
      crossing: grown(({ crossed }) => crossed) / messages,
      cpuShare: cpuUs / 1e6 / seconds / this.children.length,
    };
  }

  /**
   * Stops the processes in order, as an operator would.
   * @throws Error when one of them does not end well, or a message was lost or came twice
   */
  async finish(): Promise<void> {
    const { name, make } = this.entry;
    const exits = this.children.map((child) => this.exitOf(child));
    this.signal('SIGCONT');
    // One worker that is asked to stop stops the cluster, and one half of a pair the other.
    this.children[0]!.kill('SIGTERM');
    const codes = await Promise.all(exits);
    if (codes.some((code) => code !== 0)) throw new Error(`${name} (${make}) ended with ${codes.join(', ')}`);
    const sum = (of: (progress: Progress) => number): number =>
      this.latest.reduce((all, [progress]) => all + of(progress!), 0);
    const [generated, processed] = [sum((all) => all.generated), sum((all) => all.processed)];
    if (generated !== processed || this.latest.some(([progress]) => !progress!.final)) {
      throw new Error(`${name} (${make}): ${generated} messages were made, ${processed} were counted`);
    }
  }

  /** Ends the processes, whatever they do. */
  async kill(): Promise<void> {
    await Promise.all(this.children.map((child) => end(child)));
  }

  private async exitOf(child: ChildProcess): Promise<number | string | null> {
    if (child.exitCode !== null) return child.exitCode;
    return new Promise((resolve) => {
      const patience = new Patience(endSecondsMax, () => {
        resolve(`no end within ${endSecondsMax} s`);
        child.kill('SIGKILL');
      });
      // `close`, not `exit`: the last lines have come then.
      child.once('close', (code, signal) => {
        patience.end();
        resolve(code ?? signal);
      });
    });
  }

  private signal(signal: NodeJS.Signals): void {
    for (const child of this.children) child.kill(signal);
  }

  private async mark(): Promise<NonNullable<typeof this.began>> {
    // The last lines of the stopped processes are on their way here.
    await setTimeout(linesDrainMs);
    for (const [index, [progress]] of this.latest.entries()) {
      if (progress === undefined)
        throw new Error(`${this.entry.name}: process ${index} has counted nothing yet`);
    }
    return { activeMs: this.activeMs, progress: this.latest.map(([progress]) => progress!) };
  }
}
