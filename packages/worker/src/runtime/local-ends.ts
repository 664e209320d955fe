import type { Address } from '@wallaroo/protocol';
import type { RunningSink, SinkContext } from '../api/sink.js';
import type { RunningSource, SourceConfig, SourceContext } from '../api/source.js';
import type { StreamPosition } from '../core/streams/stream-position.js';
import type { Plan } from '../core/topology/plan.js';

interface OpenSource {
  readonly name: string;
  readonly source: RunningSource;
}

interface OpenSink {
  readonly name: string;
  readonly sink: RunningSink;
}

/** The sources and sinks of one worker: opened together, stopped together. */
export class LocalEnds {
  readonly sources: OpenSource[] = [];
  readonly sinks: OpenSink[] = [];
  private sourcesStopped: Promise<Error | undefined> | undefined;
  private sinksStopped: Promise<Error | undefined> | undefined;
  /** Where sources stood when checkpoints were cut that do not count yet. */
  private readonly cuts = new Map<number, ReadonlyMap<string, Buffer>>();
  private readonly sinkByName = new Map<string, RunningSink>();

  constructor(
    private readonly plan: Plan,
    private readonly sinkContext: (name: string, kind: string, sink: () => RunningSink) => SinkContext,
    private readonly sourceContext: (name: string, config: SourceConfig<unknown>) => SourceContext<unknown>,
    /** Runs what may throw where nobody would catch it. */
    private readonly guarded: (work: () => void) => void,
  ) {}

  openSinks(): void {
    for (const { work } of this.plan.stages) {
      if (work.kind !== 'sink') continue;
      const { name, config } = work;
      const sink: RunningSink = config.open(this.sinkContext(name, config.kind, () => sink));
      this.sinks.push({ name, sink });
      this.sinkByName.set(name, sink);
    }
  }

  openSources(): void {
    for (const { work } of this.plan.stages) {
      if (work.kind !== 'source') continue;
      const { name, config } = work;
      this.sources.push({ name, source: config.open(this.sourceContext(name, config)) });
    }
  }

  async startSources(): Promise<void> {
    await Promise.all(this.sources.map(({ source }) => source.start()));
  }

  async startSinks(): Promise<void> {
    await Promise.all(this.sinks.map(({ sink }) => sink.start()));
  }

  sink(name: string): RunningSink {
    return this.sinkByName.get(name)!;
  }

  mute(): void {
    for (const { source } of this.sources) this.guarded(() => source.mute());
  }

  unmute(mayFlow: () => boolean): void {
    for (const { source } of this.sources) {
      if (!mayFlow()) return;
      this.guarded(() => source.unmute());
    }
  }

  /**
   * One that fails to stop keeps nobody else from stopping. Each is asked once, whoever asks again waits too.
   * @returns the first failure
   */
  stopSources(deadline: AbortSignal): Promise<Error | undefined> {
    this.sourcesStopped ??= allStopped(
      this.sources.map(
        ({ source }) =>
          () =>
            source.stop(deadline),
      ),
    );
    return this.sourcesStopped;
  }

  /** As {@link stopSources}. */
  stopSinks(deadline: AbortSignal): Promise<Error | undefined> {
    this.sinksStopped ??= allStopped(
      this.sinks.map(
        ({ sink }) =>
          () =>
            sink.stop(deadline),
      ),
    );
    return this.sinksStopped;
  }

  /** Clients of sources that are connected. */
  get clients(): number {
    return this.sources.reduce((sum, { source }) => sum + (source.clients ?? 0), 0);
  }

  /** Waits until all clients of sources have ended, but no longer than `limitMs`. */
  async drainSources(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)));
    const drained = Promise.all(this.sources.map(({ source }) => source.drain?.()));
    await Promise.race([drained.catch(() => undefined), limit]);
    clearTimeout(timer);
  }

  /** Where each source stands that can be asked again, and each sink that wants to know. */
  positions(checkpoint: number): Map<string, Buffer> {
    const positions = new Map<string, Buffer>();
    for (const { name, source } of this.sources) {
      if (source.position !== undefined) positions.set(ofSource(name), Buffer.from(source.position()));
    }
    for (const { name, sink } of this.sinks) {
      const position = sink.transactions?.position?.();
      if (position !== undefined) positions.set(ofSink(name), Buffer.from(position));
    }
    this.cuts.set(checkpoint, positions);
    return positions;
  }

  /** How far the streams have come that clients of sources bring to this worker. */
  streams(): StreamPosition[] {
    return this.sources.flatMap(({ name, source }) =>
      [...(source.positionsOfStreams?.() ?? [])].map(([stream, position]) => ({
        source: name,
        stream,
        position,
      })),
    );
  }

  get transactional(): boolean {
    return this.sinks.some(({ sink }) => sink.transactions !== undefined);
  }

  /** Rejects when a sink has, and all have answered: what another one still prepares must be over before a later one counts. */
  async prepare(checkpoint: number, counted: number): Promise<void> {
    const answers = await Promise.allSettled(
      this.sinks.map(async ({ sink }) => sink.transactions?.prepare(checkpoint, counted)),
    );
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  }

  commit(checkpoint: number): void {
    for (const { sink } of this.sinks) this.guarded(() => sink.transactions?.commit(checkpoint));
    const positions = this.cuts.get(checkpoint);
    for (const cut of this.cuts.keys()) if (cut <= checkpoint) this.cuts.delete(cut);
    for (const { name, source } of this.sources) {
      const position = positions?.get(ofSource(name));
      if (position !== undefined) this.guarded(() => source.committed?.(position));
    }
  }

  async restore(checkpoint: number, positions: ReadonlyMap<string, Buffer>): Promise<void> {
    this.cuts.clear();
    await Promise.all([
      ...this.sinks.map(async ({ name, sink }) =>
        sink.transactions?.restore(checkpoint, positions.get(ofSink(name))),
      ),
      ...this.sources.map(async ({ name, source }) => source.restore?.(positions.get(ofSource(name)))),
    ]);
  }

  /** Nothing goes back any more. */
  releaseSinks(): void {
    for (const { sink } of this.sinks) this.guarded(() => sink.transactions?.release?.());
  }

  workersLeft(names: readonly string[]): void {
    for (const { sink } of this.sinks) this.guarded(() => sink.workersLeft?.(names));
  }

  /** Clients of sources go on at other workers. */
  async handOverSources(successor: (source: string) => Address | undefined): Promise<void> {
    await Promise.all(this.sources.map(async ({ name, source }) => source.handOver?.(successor(name))));
  }

  unsentBytes(): number {
    return this.sinks.reduce((sum, { sink }) => sum + sink.unsentBytes, 0);
  }

  /** By source name; a source that does not listen has none. */
  get addresses(): Record<string, Address> {
    const entries = this.sources.flatMap(({ name, source }) =>
      source.address ? [[name, source.address]] : [],
    );
    return Object.fromEntries(entries) as Record<string, Address>;
  }
}

/** A source and a sink may have the same name. */
const ofSource = (name: string) => `source ${name}`;
const ofSink = (name: string) => `sink ${name}`;

async function allStopped(stops: readonly (() => Promise<void>)[]): Promise<Error | undefined> {
  const results = await Promise.allSettled(stops.map(async (stop) => stop()));
  const failed = results.find((result) => result.status === 'rejected');
  return failed?.reason as Error | undefined;
}
