import { Dice } from '../../packages/simulator/src/random/dice.js';
import { ExternalClient } from '@wallaroo/protocol';
import { eventually } from '../support/changes.js';
import type { Member } from '../support/cluster.js';
import { Proxy } from '../support/proxy.js';
import { SequenceCluster } from '../support/sequence-cluster.js';
import { faults, type Fault, type Grounds } from './faults.js';
import type { SoakReport } from './report.js';

export interface SoakOptions {
  readonly seed: number;
  readonly workers: number;
  readonly tell: (line: string) => void;
}

const settleMs = 120_000;

/** Faults one after the other, at times two at once; after each step the cluster must be whole again, and go on. */
export class Soak {
  private readonly dice: Dice;
  private readonly since = performance.now();
  private readonly counts = new Map<string, number>(faults.map(({ kind }) => [kind, 0]));
  private readonly settled: number[] = [];
  private readonly violations: string[] = [];
  /** Members that this soak has ended itself, and not started again. */
  private readonly down = new Set<Member>();
  private readonly joining = new Set<Member>();
  private readonly leaving = new Set<Member>();
  private kills = 0;
  private steps = 0;
  private joiners = 0;
  private readonly grounds: Grounds;

  static async start(options: SoakOptions): Promise<Soak> {
    const proxy = await Proxy.listen();
    const load = await SequenceCluster.start({
      workers: options.workers,
      checkpoints: 100_000_000,
      args: ['--log-rotation'],
      connectors: true,
      env: proxy.environment,
    });
    return new Soak(load, proxy, options);
  }

  private constructor(
    private readonly load: SequenceCluster,
    private readonly proxy: Proxy,
    private readonly options: SoakOptions,
  ) {
    this.dice = Dice.of(options.seed);
    this.grounds = this.makeGrounds();
  }

  /** Until the time is up, the steps are done, or something is wrong. */
  async run({ minutes, steps }: { readonly minutes: number; readonly steps: number }): Promise<SoakReport> {
    try {
      while (this.steps < steps && this.seconds < minutes * 60 && this.violations.length === 0) {
        await this.step();
      }
      if (this.violations.length === 0) await this.load.finish();
    } catch (error) {
      this.violations.push((error as Error).message);
    }
    await this.proxy.close();
    const found = [...this.violations, ...this.load.sink.violations];
    if (found.length > 0) this.tellLogs();
    return {
      seed: this.options.seed,
      seconds: this.seconds,
      steps: this.steps,
      faults: this.counts,
      kills: this.kills,
      messages: this.load.sink.messages + this.load.connectors!.messages,
      settled: this.settled.toSorted((one, other) => one - other),
      violations: found,
    };
  }

  private get seconds(): number {
    return (performance.now() - this.since) / 1000;
  }

  private async step(): Promise<void> {
    this.steps++;
    const begun = this.seconds;
    const told = [await this.act()];
    if (this.dice.chance(0.3)) told.push(await this.act());
    await this.settle();
    const took = this.seconds - begun;
    this.settled.push(took);
    await this.load.flows();
    this.violations.push(...this.load.sink.violations.slice(0, 10));
    const { sink, members } = this.load;
    this.options.tell(
      `${begun.toFixed(0).padStart(5)} s  ${told.join(', then ')}: whole after ${took.toFixed(1)} s; ` +
        `${members.length} workers, ${sink.messages} messages, ${this.violations.length} violations`,
    );
  }

  private async act(): Promise<string> {
    const fault: Fault = this.dice.pick(faults.filter(({ possible }) => possible?.(this.grounds) ?? true));
    this.counts.set(fault.kind, this.counts.get(fault.kind)! + 1);
    try {
      const met = await fault.act(this.grounds);
      return `${fault.kind} (${met.map(({ name }) => name).join(' ')})`;
    } catch (error) {
      throw new Error(`${fault.kind}: ${(error as Error).message}`, { cause: error });
    }
  }

  private async settle(): Promise<void> {
    const end = performance.now() + settleMs;
    await eventually(
      async () => {
        this.supervise();
        const status = await this.load.settled(1000).catch(() => undefined);
        if (this.leaving.size === 0) return status;
        // The wish may have died with whoever heard it: the cluster is as it was, and is asked again.
        if (status !== undefined) await this.load.askToShrink([...this.leaving]);
        return undefined;
      },
      'the cluster to settle',
      end - performance.now(),
    );
    this.joining.clear();
  }

  /** Those that have left are gone; any other end of a process is wrong, unless it came from here. */
  private supervise(): void {
    for (const member of [...this.load.members]) {
      const { outcome } = member.process;
      if (outcome === undefined || this.down.has(member)) continue;
      const expelled = /is no member of the cluster any more|has gone on without this worker/;
      if (this.leaving.has(member) && (outcome.code === 0 || expelled.test(outcome.stderr))) {
        this.leaving.delete(member);
        this.load.gone(member);
      } else if (this.joining.has(member) && /Join Error|no member of the cluster/.test(outcome.stderr)) {
        // It was killed on its way in, or came when the cluster was busy.
        this.load.gone(member);
      } else {
        const how = outcome.code ?? outcome.signal;
        throw new Error(`${member.name} has ended by itself with ${how}: ${outcome.stderr}`);
      }
    }
  }

  private tellLogs(): void {
    for (const { name, texts } of this.load.members) {
      this.options.tell(`--- ${name}`);
      for (const text of texts.slice(-40)) this.options.tell(text);
    }
  }

  private makeGrounds(): Grounds {
    const { load, proxy, dice, joining, leaving } = this;
    return {
      load,
      proxy,
      dice,
      get settledJoiners() {
        return load.joiners.filter((joiner) => !joining.has(joiner) && !leaving.has(joiner));
      },
      kill: async (...members) => {
        for (const member of members) {
          this.down.add(member);
          this.kills++;
        }
        await Promise.all(members.map((member) => member.kill()));
      },
      launch: (...members) => {
        for (const member of members) {
          if (!this.down.delete(member)) continue;
          member.launch();
        }
      },
      grow: (count) => {
        const joiners = load.join(...Array.from({ length: count }, () => `j${++this.joiners}`));
        for (const joiner of joiners) joining.add(joiner);
        return joiners;
      },
      shrink: async (leaver) => {
        leaving.add(leaver);
        await load.shrink(leaver);
      },
      rotate: async (worker) => {
        const port = await eventually(() => portOf(dice.pick(load.cluster.members)), 'somebody to ask');
        const client = await ExternalClient.connect({ host: '127.0.0.1', port });
        client.send({ type: 'rotateLog', body: worker.name });
        await client.close();
      },
      pause: (msMax) => new Promise((resolve) => setTimeout(resolve, dice.below(msMax))),
    };
  }
}

/** Of the external channel, once it listens. */
function portOf(member: Member): number | undefined {
  try {
    return member.process.outcome === undefined ? member.externalPort : undefined;
  } catch {
    return undefined;
  }
}
