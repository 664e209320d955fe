import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import type { ClusterStatus } from '@wallaroo/protocol';
import { eventually } from './changes.js';
import { Cluster, type Member } from './cluster.js';
import { run } from './process.js';
import { SequenceConnectors } from './sequence-connectors.js';
import { SequenceSender, SequenceSink, type SequenceOptions } from './sequences.js';

export interface SequenceClusterOptions {
  readonly workers?: number;
  /** Nanoseconds. */
  readonly checkpoints?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly sender?: SequenceOptions;
  /** Clients and a sink that speak the connector protocol, too. */
  readonly connectors?: boolean;
}

const tools = (name: string) => fileURLToPath(new URL(`../../packages/${name}`, import.meta.url));
const shrinker = tools('cluster-shrinker/bin/cluster_shrinker.js');
const running = new Set<SequenceCluster>();

/** For `afterEach`, after `endClusters`. */
export async function endSequences(): Promise<void> {
  await Promise.all([...running].map((one) => one.destroy()));
}

/**
 * A cluster with resilience under load, which knows what must come of it whatever is done to it.
 *
 *     const load = await SequenceCluster.start({ workers: 3 });
 *     await load.members[1].kill();
 *     load.members[1].launch();
 *     await load.finish();
 *
 * Workers that form it are sent messages, too; those that join only make some.
 */
export class SequenceCluster {
  readonly joiners: Member[] = [];
  private readonly senders: readonly SequenceSender[];

  static async start(options: SequenceClusterOptions = {}): Promise<SequenceCluster> {
    const { workers = 3, checkpoints = 200_000_000, args = [], env = {} } = options;
    const sink = await SequenceSink.listen();
    const names = Array.from({ length: workers }, (_, i) => (i === 0 ? 'initializer' : `w${i + 1}`));
    const connectors = options.connectors ? await SequenceConnectors.listen(names) : undefined;
    const ends = connectors && {
      inputs: (name: string) => `in@127.0.0.1:0,${connectors.input(name)}`,
      out: () => `${sink.options.out()},${connectors.sinkAddress}`,
    };
    const resilience = ['--run-with-resilience', '--time-between-checkpoints', `${checkpoints}`];
    const cluster = await Cluster.start({
      ...sink.options,
      ...ends,
      workers,
      args: [...resilience, '--peer-timeout', '600', ...(connectors ? ['--connectors'] : []), ...args],
      env,
    });
    connectors?.start(cluster.members);
    return new SequenceCluster(cluster, sink, connectors, options.sender);
  }

  private constructor(
    readonly cluster: Cluster,
    readonly sink: SequenceSink,
    readonly connectors: SequenceConnectors | undefined,
    sender: SequenceOptions | undefined,
  ) {
    running.add(this);
    this.senders = cluster.members.map((member) => SequenceSender.start(member, sink, sender));
  }

  /** All that belong to the cluster, or are about to. */
  get members(): readonly Member[] {
    return [...this.cluster.members, ...this.joiners];
  }

  /** Starts workers that join together, and waits for nothing. */
  join(...names: readonly string[]): Member[] {
    const count = names.length > 1 ? ['--worker-count', `${names.length}`] : [];
    const joiners = names.map((name) =>
      this.cluster.member(name, { role: ['--name', name, '--join', this.cluster.control, ...count] }),
    );
    this.joiners.push(...joiners);
    for (const joiner of joiners) joiner.launch();
    return joiners;
  }

  /** Asks for workers to leave, as soon as the cluster is not busy with something else, and does not wait for them. */
  async shrink(...leavers: readonly Member[]): Promise<void> {
    // It may have been started again a moment ago.
    await this.cluster.initializer.waitFor(/external: listening on /);
    await eventually(() => this.askToShrink(leavers), 'the shrink to begin');
  }

  /** @returns whether the workers are about to leave */
  async askToShrink(leavers: readonly Member[]): Promise<boolean> {
    const names = leavers.map(({ name }) => name).join(',');
    const at = `127.0.0.1:${this.cluster.initializer.externalPort}`;
    const { stdout } = await run(shrinker, ['--external', at, '--workers', names]);
    return stdout.includes('Shrinking by');
  }

  /** It has left the cluster. */
  gone(leaver: Member): void {
    this.joiners.splice(this.joiners.indexOf(leaver), 1);
  }

  /** Until a member says that all are there, messages flow, and nothing is about to change. */
  async settled(timeoutMs?: number): Promise<ClusterStatus> {
    const names = this.members.map(({ name }) => name).sort();
    let last: unknown;
    try {
      return await eventually(
        async () => {
          for (const member of this.members) {
            const status = await member.status().catch((error: Error) => void (last = error.message));
            if (status === undefined) return undefined;
            last = { at: member.name, ...status };
            const whole = status.worker_names.toSorted().join() === names.join();
            const busy = status.slots_to_move ?? status.leaving ?? status.unreachable;
            if (!whole || busy !== undefined || !status.processing_messages) return undefined;
          }
          return this.cluster.initializer.status();
        },
        'the cluster to settle',
        timeoutMs,
      );
    } catch (cause) {
      const logs = this.members.map(({ name, process }) => `--- ${name}\n${process.stdout}${process.stderr}`);
      throw new Error(`${JSON.stringify(last)}\n${logs.join('')}`, { cause });
    }
  }

  /** Messages of every worker come out. */
  async flows(): Promise<void> {
    for (const { name } of this.members) await this.sink.more(name, 2);
    await this.connectors?.flows();
  }

  /** All that was sent has come out, nothing was lost or repeated on the way, and the cluster ends in order. */
  async finish(): Promise<void> {
    await this.settled();
    await this.flows();
    await Promise.all([this.connectors?.finish(), ...this.senders.map((sender) => sender.finish())]);
    await this.cluster.stop();
    for (const joiner of this.joiners) expect((await joiner.finished()).code).to.equal(0);
    this.sink.expectWhole();
    expect(this.connectors?.violations.slice(0, 10) ?? []).to.deep.equal([]);
  }

  async destroy(): Promise<void> {
    running.delete(this);
    for (const sender of this.senders) sender.abandon();
    await this.connectors?.destroy();
    await this.sink.close();
  }
}
