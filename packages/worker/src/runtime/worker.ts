import { randomInt } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Address } from '@wallaroo/protocol';
import type { Application } from '../api/application.js';
import { isNamed } from '../api/errors.js';
import type { RunningSink, SinkContext } from '../api/sink.js';
import type { SourceConfig, SourceContext, SourceInput } from '../api/source.js';
import type { Timing } from '../core/link/timing.js';
import { ClusterFileError } from '../core/membership/cluster-file.js';
import { DamagedFileError } from '../core/membership/errors.js';
import { Member, type ResilienceSettings } from '../core/membership/member.js';
import type { Role } from '../core/membership/role.js';
import type { Ends, LogFiles, LogKind, Severity } from '../core/ports.js';
import { checkLogs, logHeadBytesMax, readTopology } from '../core/recovery/saved-files.js';
import { fingerprintOf } from '../core/topology/fingerprint.js';
import type { Plan } from '../core/topology/plan.js';
import { planApplication } from '../core/topology/planner.js';
import { SocketNetwork } from './cluster/socket-network.js';
import { DamagedLogError, ForeignFilesError, UnsentOutputError } from './errors.js';
import { clusterView, localAnswer } from './external/cluster-view.js';
import { sourceOf, sourcesQuestion } from './external/sources-question.js';
import { ExternalChannel } from './external/external-channel.js';
import { LocalEnds } from './local-ends.js';
import { onOneLine, type WorkerLog } from './log.js';
import { MetricsReporter } from './metrics-reporter.js';
import { MuteLog } from './mute-log.js';
import { InvariantError } from '../core/invariant.js';
import { LogFilesOnDisk } from './recovery/log-files.js';
import { NoFiles } from './recovery/no-files.js';
import { RecoveryFiles, type SavedWorker } from './recovery/recovery-files.js';
import { StopPatience } from './stop-patience.js';
import { addressesOfSinks, checkInputs } from './wiring.js';

/** All that a worker needs to know, checked and complete. */
export interface WorkerSettings {
  readonly name: string;
  readonly role: Role;
  /** Where the worker's files belong; undefined for a worker alone, which has nothing to come back to. */
  readonly files: string | undefined;
  /** Checkpoints are taken; then there are files. */
  readonly resilience: ResilienceSettings | undefined;
  /** For the log. */
  readonly resilienceDirectory: string;
  /** Where to listen; undefined: where the worker listened in its former life, or on a free port of loopback. */
  readonly control: Address | undefined;
  readonly data: Address | undefined;
  readonly external: Address | undefined;
  readonly metrics: Address | undefined;
  /** Where sources take their input, by name; the name '' stands for the only source. */
  readonly inputs: ReadonlyMap<string, SourceInput>;
  readonly outputs: readonly Address[];
  /** Sources are muted while a sink, or a link to another worker, holds more than this. */
  readonly windowBytes: { readonly sink: number; readonly link: number };
  readonly timing: Timing;
  /** Slots that move at once, for measurements. */
  readonly slotsPerRoute?: number | undefined;
  /** How long a worker that leaves waits for the clients of its sources, if it is asked to. */
  readonly drainMs: number;
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

/** Without resilience nobody asks for them. */
const noLogFiles: LogFiles = {
  append: () => undefined,
  sync: () => undefined,
  read: () => undefined,
  cutOff: () => undefined,
  removeBefore: () => undefined,
};

const loopback: Address = { host: '127.0.0.1', port: 0 };

/**
 * One worker as a process has it: the core's `Member` between real sockets, files, sources and sinks.
 *
 * It starts in this order: files, channels, then the member, which opens sources and sinks when its cluster has
 * formed. It ends when the member says so, or at once when something fails; then what is open is closed.
 */
export class Worker {
  private readonly log: WorkerLog;
  private readonly plan: Plan;
  private readonly sinkAddresses: ReadonlyMap<string, Address>;
  private readonly muteLog: MuteLog;
  private readonly ends: LocalEnds;
  private readonly network: SocketNetwork;
  private readonly files: RecoveryFiles | NoFiles;
  private readonly logFiles: LogFilesOnDisk | undefined;
  private readonly external: ExternalChannel | undefined;
  private metrics: MetricsReporter | undefined;
  private member: Member | undefined;
  private ticking: NodeJS.Timeout | undefined;
  private readonly bound: Partial<Record<'external' | 'control' | 'data', Address | undefined>> = {};
  private stopped = false;
  private failure: Error | undefined;
  private stopping: Promise<void> | undefined;
  private memberEnded = false;
  private readonly ended = deferred();
  private readonly ready = deferred();
  private readonly sourceDeadline = new AbortController();
  private patience: StopPatience | undefined;

  /** @throws ApplicationError, ConfigurationError */
  constructor(
    application: Application,
    private readonly settings: WorkerSettings,
    /** Called once when the worker must stop by itself: an operator asked for it, or something failed. */
    private readonly onStopWanted: (failure: Error | undefined) => void,
  ) {
    const { log, name, files, role } = settings;
    this.log = log;
    this.muteLog = new MuteLog(log);
    this.plan = planApplication(application);
    checkInputs(this.plan, settings.inputs);
    this.sinkAddresses = addressesOfSinks(this.plan, settings.outputs);
    this.ends = new LocalEnds(
      this.plan,
      (sink, kind, running) => this.sinkContext(sink, kind, running),
      (source, config) => this.sourceContext(source, config),
      this.guarded,
    );
    this.network = new SocketNetwork(name, log, this.guarded);
    const { resilience } = settings;
    if (resilience !== undefined) {
      if (files === undefined) throw new InvariantError('resilience needs files');
      this.logFiles = new LogFilesOnDisk(files, application.name, name, resilience.rotation);
    }
    this.files =
      files === undefined
        ? new NoFiles()
        : new RecoveryFiles(files, application.name, name, role.kind === 'initializer', log, this.logFiles);
    if (settings.external) {
      const view = clusterView(name, this.plan, this.ends, () => this.member);
      const onCleanShutdown = () => this.wantStop(undefined);
      this.external = new ExternalChannel({ view, log, onCleanShutdown });
    }
  }

  /**
   * Resolves when messages flow, or when the worker was stopped before they did.
   * @throws ListenError and whatever sources and sinks cannot start without
   */
  async start(): Promise<void> {
    if (this.stopping) return;
    const { log, settings } = this;
    if (settings.resilience !== undefined) log.line('****RESILIENCE MODE is active****');
    log.line('****CLUSTERING MODE is active****');
    log.line('****AUTOSCALE MODE is active****');
    log.line(`||| Resilience directory: ${settings.resilienceDirectory}|||`);
    if (settings.resilience !== undefined) log.line(`||| Log-rotation: ${settings.resilience.rotation}|||`);
    const saved = this.files instanceof RecoveryFiles ? this.files.open() : undefined;
    // Before anybody can come: clients would send to a worker that ends at once.
    if (saved !== undefined) this.checkFiles(saved.topology);
    this.bound.external = await this.external?.listen(settings.external!);
    if (this.stopping) return;
    if (settings.role.kind === 'initializer') log.line('Running as Initializer...');
    this.bound.control = await this.network.listen('control', settings.control ?? saved?.control ?? loopback);
    if (this.stopping) return;
    this.bound.data = await this.network.listen('data', settings.data ?? saved?.data ?? loopback);
    if (this.stopping) return;
    this.member = this.makeMember(this.bound.control, this.bound.data, saved);
    if (settings.metrics)
      this.metrics = new MetricsReporter(this.member.engine, settings.name, settings.metrics);
    const { member } = this;
    this.network.listenTo(member);
    this.files.listenTo({
      stored: (operation) => this.guarded(() => member.stored(operation)),
      storeFailed: (operation, why) => this.guarded(() => member.storeFailed(operation, why)),
    });
    this.logFiles?.listenTo({
      stored: (operation) => this.guarded(() => member.stored(operation)),
      storeFailed: (operation, why) => this.guarded(() => member.storeFailed(operation, why)),
      logRead: (operation, bytes) => this.guarded(() => member.logRead(operation, bytes)),
    });
    this.ticking = setInterval(() => this.guarded(() => member.tick()), settings.timing.tickMs);
    this.guarded(() => member.start());
    await Promise.race([this.ready.promise, this.ended.promise]);
  }

  /**
   * Stops in order and resolves when nothing is left. Without a failure that is the end of the whole cluster: what
   * all workers have read is processed first.
   * @throws UnsentOutputError when output could not be handed on; the failure that made the worker stop
   */
  stop(): Promise<void> {
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  /** Where the worker listens, with the real ports; complete once `start` has resolved. */
  get addresses(): WorkerAddresses {
    const { external, control, data } = this.bound;
    return { external, control, data, sources: this.ends.addresses };
  }

  private async shutDown(): Promise<void> {
    const { member } = this;
    if (member !== undefined && this.failure === undefined && !this.memberEnded) {
      this.guarded(() => member.shutDown());
      await this.ended.promise;
    }
    this.ready.resolve();
    this.sourceDeadline.abort();
    const patience = this.patience ?? this.beginPatience();
    // What was computed before a failure is sent; nothing more is processed.
    await patience.bound(this.ends.stopSources(this.sourceDeadline.signal));
    this.guarded(() => this.member?.engine.endTurn());
    await patience.bound(
      this.ends.stopSinks(patience.signal).then((failure) => {
        this.failure ??= failure;
      }),
    );
    patience.end();
    clearInterval(this.ticking);
    this.stopped = true;
    this.metrics?.stop();
    this.external?.close();
    this.network.stop();
    await this.logFiles?.release();
    this.files.release();
    this.log.line('Connections: Finished shutdown procedure.');
    this.throwFailure();
  }

  private throwFailure(): void {
    const incomplete = this.failure !== undefined && isNamed(this.failure, 'IncompleteShutdownError');
    if (this.failure !== undefined && !incomplete) throw this.failure;
    for (const { name, sink } of this.ends.sinks) {
      if (sink.unsentBytes === 0) continue;
      throw new UnsentOutputError(
        name,
        sink.unsentBytes,
        `it took nothing for ${this.settings.stopPauseMs} ms`,
      );
    }
    if (this.failure !== undefined) throw this.failure;
  }

  private makeMember(control: Address, data: Address, saved: SavedWorker | undefined): Member {
    const { log, settings } = this;
    return this.fromTopology(
      () =>
        new Member(
          {
            plan: this.plan,
            name: settings.name,
            role: settings.role,
            control,
            data,
            saved: saved?.topology,
            timing: settings.timing,
            windowBytes: settings.windowBytes,
            stopPauseMs: settings.stopPauseMs,
            resilience: settings.resilience,
            slotsPerRoute: settings.slotsPerRoute,
          },
          {
            clock: { now: () => performance.now() * 1e6 },
            random: { u32: () => randomInt(2 ** 32) },
            log: {
              line: (text) => log.line(onOneLine(text)),
              write: (severity, category, text) => log.write(severity, category, onOneLine(text)),
            },
            network: this.network,
            storage: this.files,
            logFiles: this.logFiles ?? noLogFiles,
            ends: this.memberEnds(),
            output: (sink) => ({ write: (bytes, ends) => this.output(sink, bytes, ends) }),
            turnOpened: () => this.scheduleEndOfTurn(),
            muteChanged: (muted, what) => (muted ? this.muteLog.muted(what) : this.muteLog.unmuted(what)),
            answer: (question) => localAnswer(question, settings.name, this.member!, this.ends),
            ended: (failure) => this.onMemberEnded(this.placed(failure)),
          },
        ),
    );
  }

  /** @throws ForeignFilesError, DamagedLogError */
  private checkFiles(topology: Buffer): void {
    const { plan, settings, logFiles } = this;
    const fingerprint = fingerprintOf(plan, { resilience: settings.resilience !== undefined }).text;
    const user = { name: settings.name, application: plan.application.name, fingerprint };
    const content = this.fromTopology(() => readTopology(topology, user));
    if (logFiles === undefined) return;
    const startOf = (kind: LogKind, file: number) => logFiles.startOf(kind, file, logHeadBytesMax);
    checkLogs(content, logFiles.all, startOf, (kind, file, { offset, message }) => {
      throw this.placed(new DamagedFileError(kind, file, offset, message))!;
    });
  }

  private fromTopology<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ClusterFileError) && !isNamed(error, 'InvalidMessageError')) throw error;
      const file = `${this.settings.files}/${this.plan.application.name}-${this.settings.name}.local-topology`;
      throw new ForeignFilesError(file, (error as Error).message, { cause: error });
    }
  }

  private memberEnds(): Ends {
    const { ends } = this;
    return {
      get transactional() {
        return ends.transactional;
      },
      open: () => void this.openEnds(),
      flow: (on) => {
        if (!on) return this.ends.mute();
        this.ready.resolve();
        // Later, not here: we may be inside a sink's call, which messages processed now would enter again.
        setImmediate(() => {
          if (this.member?.flowing && !this.stopped) this.ends.unmute(() => this.member!.flowing);
        });
      },
      endSources: () => void this.endSources(),
      drainSources: () => void this.drainSources(),
      flushSinks: () => void this.flushSinks(),
      positions: (checkpoint) => this.ends.positions(checkpoint),
      streams: () => this.ends.streams(),
      prepare: (checkpoint, counted) => void this.prepare(checkpoint, counted),
      commit: (checkpoint) => this.ends.commit(checkpoint),
      restore: (checkpoint, positions) => void this.restore(checkpoint, positions),
      workersLeft: (names) => this.ends.workersLeft(names),
    };
  }

  private async openEnds(): Promise<void> {
    const { log, ends } = this;
    try {
      ends.openSinks();
      ends.openSources();
      log.line('|~~ INIT PHASE I: Application is created! ~~|');
      await ends.startSources();
      if (this.stopping) return;
      log.line('|~~ INIT PHASE II: Application is initialized! ~~|');
      await ends.startSinks();
      if (this.stopping) return;
      log.line('|~~ INIT PHASE III: Application is ready to work! ~~|');
      this.metrics?.start();
      this.guarded(() => this.member!.endsOpened());
    } catch (error) {
      this.ready.reject(error as Error);
      this.wantStop(error as Error);
    }
  }

  private async prepare(checkpoint: number, counted: number): Promise<void> {
    try {
      await this.ends.prepare(checkpoint, counted);
      this.guarded(() => this.member!.sinksPrepared(checkpoint));
    } catch (error) {
      this.guarded(() => this.member!.prepareFailed(checkpoint, (error as Error).message));
    }
  }

  private async restore(checkpoint: number, positions: ReadonlyMap<string, Buffer>): Promise<void> {
    const restore = ++this.restores;
    try {
      await this.ends.restore(checkpoint, positions);
      // Another one may have been asked for meanwhile.
      if (restore === this.restores) this.guarded(() => this.member!.endsRestored());
    } catch (error) {
      if (restore === this.restores) this.wantStop(error as Error);
    }
  }

  private async drainSources(): Promise<void> {
    await this.ends.drainSources(this.settings.drainMs);
    const { clients } = this.ends;
    if (clients > 0) {
      const left = `${clients} clients have not ended within ${this.settings.drainMs / 1000} s; they are cut off.`;
      this.log.write('warning', 'Sources', left);
    }
    await this.endSources();
  }

  private async endSources(): Promise<void> {
    if (this.leaving) await this.handOverSources();
    const patience = this.beginPatience();
    patience.signal.addEventListener('abort', () => this.sourceDeadline.abort(), { once: true });
    let failure: Error | undefined;
    await patience.bound(
      this.ends.stopSources(this.sourceDeadline.signal).then((first) => (failure = first)),
    );
    if (failure !== undefined) return this.wantStop(failure);
    this.guarded(() => this.member!.sourcesEnded());
  }

  /** This worker is to leave a cluster that goes on. */
  private get leaving(): boolean {
    const { phase, leaving } = this.member!.status;
    return phase !== 'draining' && leaving.includes(this.settings.name);
  }

  /** Clients that can go on at another worker are sent to one that stays. */
  private async handOverSources(): Promise<void> {
    const answers = await new Promise<ReadonlyMap<string, string>>((resolve) =>
      this.guarded(() => this.member!.ask(sourcesQuestion, resolve)),
    );
    const { members, leaving } = this.member!.status;
    const staying = members.filter((name) => !leaving.includes(name));
    const hostOf = (name: string) => this.member!.hostOf(name);
    await this.ends.handOverSources((source) => sourceOf(source, staying, answers, hostOf));
  }

  /** One patience for the whole stop: what has used it up at the sources has none left at the sinks. */
  private beginPatience(): StopPatience {
    // Every sink listens to it.
    this.patience = new StopPatience(this.settings.stopPauseMs, () => this.unsettledBytes());
    setMaxListeners(0, this.patience.signal);
    return this.patience;
  }

  /** What is on its way out of this worker: while it changes, somebody takes something. */
  private unsettledBytes(): number {
    const links = this.member?.status;
    return this.ends.unsentBytes() + (links ? links.heldBytes + links.unacknowledgedBytes : 0);
  }

  private async flushSinks(): Promise<void> {
    this.ends.releaseSinks();
    const patience = this.patience ?? this.beginPatience();
    let failure: Error | undefined;
    await patience.bound(this.ends.stopSinks(patience.signal).then((first) => (failure = first)));
    if (failure !== undefined || this.ends.unsentBytes() > 0) return this.onMemberEnded(failure);
    this.guarded(() => this.member!.sinksFlushed());
  }

  /** The core knows the numbers of its files, not their names. */
  private placed(failure: Error | undefined): Error | undefined {
    if (!(failure instanceof DamagedFileError) || this.logFiles === undefined) return failure;
    return new DamagedLogError(this.logFiles.path(failure.kind, failure.file), failure);
  }

  private onMemberEnded(failure: Error | undefined): void {
    if (this.memberEnded) return;
    this.memberEnded = true;
    if (failure !== undefined) this.ready.reject(failure);
    this.failure ??= failure;
    this.ended.resolve();
    this.onStopWanted(failure);
  }

  private restores = 0;
  private scheduled = false;

  private scheduleEndOfTurn(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.endTurn);
  }

  private readonly endTurn = () => {
    this.scheduled = false;
    if (!this.stopped) this.guarded(() => this.member!.endTurn());
  };

  private output(name: string, bytes: Buffer, ends: readonly number[]): boolean {
    const sink = this.ends.sink(name);
    const done = sink.write(bytes, ends);
    this.member!.sinkHolds(name, sink.unsentBytes);
    return done;
  }

  private sinkContext(name: string, kind: string, sink: () => RunningSink): SinkContext {
    return {
      name,
      application: this.plan.application.name,
      worker: this.settings.name,
      resilience: this.settings.resilience !== undefined,
      address: this.sinkAddresses.get(name),
      drained: () => this.guarded(() => this.member!.sinkHolds(name, sink().unsentBytes)),
      log: (severity, text) => this.categorised(severity, `${kind}Sink`, text),
      fail: (error) => this.wantStop(error),
    };
  }

  private sourceContext(
    name: string,
    { kind, journaled: wantsJournal }: SourceConfig<unknown>,
  ): SourceContext<unknown> {
    const { settings } = this;
    const member = this.member!;
    const inlet = member.engine.inlets.get(name)!;
    const journaled = settings.resilience !== undefined && wantsJournal === true;
    const over = () => this.failure !== undefined || this.stopped;
    return {
      name,
      input: settings.inputs.get(name) ?? settings.inputs.get(''),
      resilience: settings.resilience !== undefined,
      get muted() {
        return !member.flowing || over();
      },
      // A source calls these from its own events, where nobody would catch what they throw.
      push: (message) => {
        if (over()) return;
        try {
          inlet.push(message);
        } catch (error) {
          this.wantStop(error as Error);
        }
      },
      receive: (bytes, start, end) => {
        if (over()) return;
        try {
          if (journaled) member.journal(name, bytes, start, end);
          else inlet.receive(bytes, start, end);
        } catch (error) {
          if (isNamed(error, 'DecodeError')) throw error;
          this.wantStop(error as Error);
        }
      },
      claim: (stream, answer) => this.guarded(() => member.claimStream({ source: name, stream }, answer)),
      release: (stream, position) =>
        this.guarded(() => member.releaseStream({ source: name, stream, position })),
      pack: (value) => member.engine.pack(value),
      unpack: (bytes) => member.engine.unpack(Buffer.from(bytes)),
      log: (severity, text) => this.categorised(severity, `${kind}Source`, text),
      fail: (error) => this.wantStop(error),
    };
  }

  /** For calls from where nobody would catch what they throw. */
  private readonly guarded = (work: () => void) => {
    try {
      work();
    } catch (error) {
      this.wantStop(error as Error);
    }
  };

  private wantStop(failure: Error | undefined): void {
    if (this.failure || this.stopped) return;
    this.failure = failure;
    if (failure !== undefined) this.ended.resolve();
    this.onStopWanted(failure);
  }

  private categorised(severity: Severity, category: string, text: string): void {
    if (severity === 'info') this.log.line(text);
    else this.log.write(severity, category, text);
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function deferred(): Deferred {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
