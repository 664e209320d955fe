import type { Address } from '@wallaroo/protocol';
import type { Application } from '../api/application.js';
import { isNamed } from '../api/errors.js';
import type { RunningSink } from '../api/sink.js';
import type { RunningSource, SourceContext, SourceInput } from '../api/source.js';
import { Engine } from '../core/engine/engine.js';
import type { Severity } from '../core/ports.js';
import { planApplication } from '../core/topology/planner.js';
import type { Plan } from '../core/topology/plan.js';
import { Backpressure } from './backpressure.js';
import { UnsentOutputError } from './errors.js';
import { sourceIds, statelessGroups, stateGroups, type ClusterView } from './external/cluster-view.js';
import { ExternalChannel } from './external/external-channel.js';
import { onOneLine, type WorkerLog } from './log.js';
import { MetricsReporter } from './metrics-reporter.js';
import { MuteLog } from './mute-log.js';
import { PeerPort } from './peer-port.js';
import { StopPatience } from './stop-patience.js';
import { addressesOfSinks, checkInputs } from './wiring.js';

/** All that a worker needs to know, checked and complete. */
export interface WorkerSettings {
  readonly name: string;
  /** Where the worker's files belong. */
  readonly resilienceDirectory: string;
  readonly control: Address;
  readonly data: Address;
  readonly external: Address | undefined;
  readonly metrics: Address | undefined;
  /** Where sources take their input, by name; the name '' stands for the only source. */
  readonly inputs: ReadonlyMap<string, SourceInput>;
  readonly outputs: readonly Address[];
  /** Sources are muted while a sink holds more than this. */
  readonly sinkWindowBytes: number;
  /** A stopping worker gives up on sinks that take nothing for this long. */
  readonly stopPauseMs: number;
  readonly log: WorkerLog;
}

/** Where a worker listens. */
export interface WorkerAddresses {
  readonly external: Address | undefined;
  readonly control: Address | undefined;
  readonly data: Address | undefined;
  /** By source name; a source that does not listen has none. */
  readonly sources: Readonly<Record<string, Address>>;
}

interface OpenSource {
  readonly name: string;
  readonly source: RunningSource;
}

interface OpenSink {
  readonly name: string;
  readonly sink: RunningSink;
}

/**
 * One worker from start to end, in this order: channels listen, the application is created, sources and sinks
 * open, messages flow; then, when it stops: sources end, what was read is processed, sinks are flushed,
 * channels close.
 */
export class Worker {
  private readonly log: WorkerLog;
  private readonly plan: Plan;
  private readonly sinkAddresses: ReadonlyMap<string, Address>;
  private readonly engine: Engine;
  private readonly backpressure: Backpressure;
  private readonly muteLog: MuteLog;
  private readonly sources: OpenSource[] = [];
  private readonly sinks: OpenSink[] = [];
  private readonly sinkByName = new Map<string, RunningSink>();
  private readonly control: PeerPort;
  private readonly data: PeerPort;
  private readonly external: ExternalChannel | undefined;
  private readonly metrics: MetricsReporter | undefined;
  private readonly bound: Partial<Record<'external' | 'control' | 'data', Address | undefined>> = {};
  private phase: 'starting' | 'processing' | 'stopping' | 'stopped' = 'starting';
  private failure: Error | undefined;
  private stopping: Promise<void> | undefined;

  /** @throws ApplicationError, ConfigurationError */
  constructor(
    application: Application,
    private readonly settings: WorkerSettings,
    /** Called once when the worker must stop by itself: an operator asked for it, or something failed. */
    private readonly onStopWanted: (failure: Error | undefined) => void,
  ) {
    const { log, name } = settings;
    this.log = log;
    this.muteLog = new MuteLog(log);
    this.plan = planApplication(application);
    checkInputs(this.plan, settings.inputs);
    this.sinkAddresses = addressesOfSinks(this.plan, settings.outputs);
    this.backpressure = new Backpressure(settings.sinkWindowBytes, (muted, sink) =>
      this.muteChanged(muted, sink),
    );
    this.engine = new Engine(this.plan, {
      worker: name,
      clock: { now: () => performance.now() * 1e6 },
      log: { write: (severity, category, text) => log.write(severity, category, onOneLine(text)) },
      output: (sink) => ({ write: (bytes, ends) => this.output(sink, bytes, ends) }),
      turnOpened: () => setImmediate(this.endTurn),
    });
    this.control = new PeerPort(name, 'control', log);
    this.data = new PeerPort(name, 'data', log);
    if (settings.external) {
      const onCleanShutdown = () => this.wantStop(undefined);
      this.external = new ExternalChannel({ view: this.view(), log, onCleanShutdown });
    }
    if (settings.metrics) this.metrics = new MetricsReporter(this.engine, name, settings.metrics);
  }

  /**
   * Resolves when messages flow, or when the worker was stopped before they did.
   * @throws ListenError and whatever sources and sinks cannot start without
   */
  async start(): Promise<void> {
    if (this.stopping) return;
    const { log, settings } = this;
    log.line('****CLUSTERING MODE is active****');
    log.line('****AUTOSCALE MODE is active****');
    log.line(`||| Resilience directory: ${settings.resilienceDirectory}|||`);
    this.bound.external = await this.external?.listen(settings.external!);
    if (this.stopping) return;
    log.line('Running as Initializer...');
    this.bound.control = await this.control.listen(settings.control);
    if (this.stopping) return;
    this.bound.data = await this.data.listen(settings.data);
    if (this.stopping) return;
    log.line('All worker control channels identified');
    log.line('All worker data channels identified');
    log.line('Initializing application');
    log.line('Distributing local topologies to workers');
    log.line('Finished distributing');
    this.openSinks();
    if (this.stopping) return;
    this.openSources();
    if (this.stopping) return;
    log.line('|~~ INIT PHASE I: Application is created! ~~|');
    await Promise.all(this.sources.map(({ source }) => source.start()));
    if (this.stopping) return;
    log.line('|~~ INIT PHASE II: Application is initialized! ~~|');
    await Promise.all(this.sinks.map(({ sink }) => sink.start()));
    if (this.stopping) return;
    log.line('|~~ INIT PHASE III: Application is ready to work! ~~|');
    log.line(`${settings.name} reported topology ready!`);
    log.line('All 1 workers reporting Topology ready!');
    this.metrics?.start();
    this.phase = 'processing';
    log.line('Application has successfully initialized.');
    log.line('|~~ INIT PHASE IV: Cluster is ready to work! ~~|');
    if (!this.backpressure.muted) this.unmute();
  }

  /**
   * Stops in order and resolves when nothing is left.
   * @throws UnsentOutputError when output could not be handed on; the failure that made the worker stop
   */
  stop(): Promise<void> {
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  /** Where the worker listens, with the real ports; complete once `start` has resolved. */
  get addresses(): WorkerAddresses {
    const { external, control, data } = this.bound;
    const sources = this.sources.flatMap(({ name, source }) =>
      source.address ? [[name, source.address]] : [],
    );
    return { external, control, data, sources: Object.fromEntries(sources) as Record<string, Address> };
  }

  private async shutDown(): Promise<void> {
    this.phase = 'stopping';
    const patience = new StopPatience(this.settings.stopPauseMs, () => this.unsentBytes());
    // After a failure nothing more may be processed: the sources let go of what they hold.
    const sourceDeadline = this.failure ? AbortSignal.abort() : patience.signal;
    await patience.bound(
      this.allStopped(
        this.sources.map(
          ({ source }) =>
            () =>
              source.stop(sourceDeadline),
        ),
      ),
    );
    this.endTurn();
    await patience.bound(
      this.allStopped(
        this.sinks.map(
          ({ sink }) =>
            () =>
              sink.stop(patience.signal),
        ),
      ),
    );
    patience.end();
    this.metrics?.stop();
    this.external?.close();
    this.control.close();
    this.data.close();
    this.log.line('Connections: Finished shutdown procedure.');
    this.phase = 'stopped';
    if (this.failure) throw this.failure;
    for (const { name, sink } of this.sinks) {
      if (sink.unsentBytes > 0) {
        throw new UnsentOutputError(
          name,
          sink.unsentBytes,
          `it took nothing for ${this.settings.stopPauseMs} ms`,
        );
      }
    }
  }

  /** One that fails to stop keeps nobody else from stopping. */
  private async allStopped(stops: readonly (() => Promise<void>)[]): Promise<void> {
    const results = await Promise.allSettled(stops.map(async (stop) => stop()));
    for (const result of results) if (result.status === 'rejected') this.failure ??= result.reason as Error;
  }

  private openSinks(): void {
    for (const { work } of this.plan.stages) {
      if (work.kind !== 'sink') continue;
      const { name, config } = work;
      const sink: RunningSink = config.open({
        name,
        address: this.sinkAddresses.get(name),
        drained: () => this.backpressure.update(name, sink.unsentBytes),
        log: (severity, text) => this.categorised(severity, `${config.kind}Sink`, text),
        fail: (error) => this.wantStop(error),
      });
      this.sinks.push({ name, sink });
      this.sinkByName.set(name, sink);
    }
  }

  private openSources(): void {
    for (const { work } of this.plan.stages) {
      if (work.kind === 'source') {
        this.sources.push({
          name: work.name,
          source: work.config.open(this.sourceContext(work.name, work.config.kind)),
        });
      }
    }
  }

  private sourceContext(name: string, kind: string): SourceContext<unknown> {
    const { backpressure, settings } = this;
    const inlet = this.engine.inlets.get(name)!;
    const failed = () => this.failure !== undefined;
    return {
      name,
      input: settings.inputs.get(name) ?? settings.inputs.get(''),
      get muted() {
        return backpressure.muted || failed();
      },
      // A source calls these from its own events, where nobody would catch what they throw.
      push: (message) => {
        if (this.failure || this.phase === 'stopped') return;
        try {
          inlet.push(message);
        } catch (error) {
          this.wantStop(error as Error);
        }
      },
      receive: (bytes, start, end) => {
        if (this.failure || this.phase === 'stopped') return;
        try {
          inlet.receive(bytes, start, end);
        } catch (error) {
          if (isNamed(error, 'DecodeError')) throw error;
          this.wantStop(error as Error);
        }
      },
      log: (severity, text) => this.categorised(severity, `${kind}Source`, text),
      fail: (error) => this.wantStop(error),
    };
  }

  private output(name: string, bytes: Buffer, ends: readonly number[]): boolean {
    const sink = this.sinkByName.get(name)!;
    const done = sink.write(bytes, ends);
    this.backpressure.update(name, sink.unsentBytes);
    return done;
  }

  private readonly endTurn = () => this.guarded(() => this.engine.endTurn());

  /** For calls into sources and sinks from where nobody would catch what they throw. */
  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.wantStop(error as Error);
    }
  }

  private muteChanged(muted: boolean, sink: string): void {
    if (muted) {
      this.muteLog.muted(sink);
      for (const { source } of this.sources) this.guarded(() => source.mute());
    } else {
      this.muteLog.unmuted(sink);
      // Later, not here: we are inside a sink's call, which messages processed now would enter again.
      setImmediate(() => this.unmute());
    }
  }

  private unmute(): void {
    if (this.phase === 'starting' || this.phase === 'stopped' || this.failure) return;
    for (const { source } of this.sources) {
      if (this.backpressure.muted) return;
      this.guarded(() => source.unmute());
    }
  }

  private wantStop(failure: Error | undefined): void {
    if (this.failure || this.phase === 'stopped') return;
    this.failure = failure;
    this.onStopWanted(failure);
  }

  private unsentBytes(): number {
    return this.sinks.reduce((sum, { sink }) => sum + sink.unsentBytes, 0);
  }

  private categorised(severity: Severity, category: string, text: string): void {
    if (severity === 'info') this.log.line(text);
    else this.log.write(severity, category, text);
  }

  private view(): ClusterView {
    const { name } = this.settings;
    const { engine, sources } = this;
    const phase = () => this.phase;
    return {
      worker: name,
      workers: [name],
      get initialized() {
        return phase() !== 'starting';
      },
      get processing() {
        return phase() === 'processing';
      },
      stateGroups: stateGroups(engine, name),
      statelessGroups: statelessGroups(engine, name),
      get sourceIds() {
        return sourceIds(
          name,
          sources.map((open) => ({ name: open.name, parallelism: open.source.parallelism })),
        );
      },
    };
  }
}
