import { randomInt } from 'node:crypto';
import type { Address } from '@wallaroo/protocol';
import type { Application } from '../api/application.js';
import { isNamed } from '../api/errors.js';
import { JoinRefusedError } from '../core/membership/errors.js';
import { Member } from '../core/membership/member.js';
import type { Plan } from '../core/topology/plan.js';
import { planApplication } from '../core/topology/planner.js';
import { SocketNetwork } from './cluster/socket-network.js';
import { EndContexts } from './end-contexts.js';
import { UnsentOutputError } from './errors.js';
import { clusterView, localAnswer } from './external/cluster-view.js';
import { ExternalChannel } from './external/external-channel.js';
import { hubOf, hubQuestion } from './external/hub-question.js';
import { LocalEnds } from './local-ends.js';
import { onOneLine, type WorkerLog } from './log.js';
import { MemberEnds } from './member-ends.js';
import { MetricsReporter } from './metrics-reporter.js';
import { MuteLog } from './mute-log.js';
import type { SavedWorker } from './recovery/recovery-files.js';
import { addressesOfSinks, checkInputs } from './wiring.js';
import { WorkerFiles } from './worker-files.js';
import { WorkerLife } from './worker-life.js';
import type { WorkerAddresses, WorkerSettings } from './worker-settings.js';

/** Pause before others are asked once more for what they have not said. */
const askAgainMs = 1000;
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
  private readonly life: WorkerLife;
  private readonly files: WorkerFiles;
  private readonly network: SocketNetwork;
  private readonly external: ExternalChannel | undefined;
  private readonly ends: LocalEnds;
  private readonly memberEnds: MemberEnds;
  private readonly muteLog: MuteLog;
  private metrics: MetricsReporter | undefined;
  /** Where metrics go. */
  private hub: Address | undefined;
  private member: Member | undefined;
  private ticking: NodeJS.Timeout | undefined;
  private readonly bound: Partial<Record<'external' | 'control' | 'data', Address | undefined>> = {};
  private stopping: Promise<void> | undefined;
  private scheduled = false;

  /** @throws ApplicationError, ConfigurationError */
  constructor(
    application: Application,
    private readonly settings: WorkerSettings,
    /** Called once when the worker must stop by itself: an operator asked for it, or something failed. */
    onStopWanted: (failure: Error | undefined) => void,
  ) {
    const { log, name } = settings;
    this.log = log;
    this.muteLog = new MuteLog(log);
    this.plan = planApplication(application);
    checkInputs(this.plan, settings.inputs);
    const sinkAddresses = addressesOfSinks(this.plan, settings.outputs);
    const life = new WorkerLife(onStopWanted);
    this.life = life;
    const contexts = new EndContexts(settings, application.name, sinkAddresses, life, () => this.member!);
    this.ends = new LocalEnds(
      this.plan,
      (sink, kind, running) => contexts.sink(sink, kind, running),
      (source, config) => contexts.source(source, config),
      life.guarded,
    );
    this.memberEnds = new MemberEnds(
      settings,
      this.ends,
      life,
      () => this.member,
      () => this.metrics?.start(),
    );
    this.network = new SocketNetwork(name, log, life.guarded);
    this.files = new WorkerFiles(settings, this.plan, life);
    if (settings.external) {
      const view = clusterView(name, this.plan, this.ends, () => this.member);
      const onCleanShutdown = () => life.wantStop(undefined);
      this.external = new ExternalChannel({ view, log, onCleanShutdown });
    }
  }

  /**
   * Resolves when messages flow, or when the worker was stopped before they did.
   * @throws ListenError and whatever sources and sinks cannot start without
   */
  async start(): Promise<void> {
    if (this.stopping) return;
    const { log, settings, life } = this;
    if (settings.resilience !== undefined) log.line('****RESILIENCE MODE is active****');
    log.line('****CLUSTERING MODE is active****');
    log.line('****AUTOSCALE MODE is active****');
    log.line(`||| Resilience directory: ${settings.resilienceDirectory}|||`);
    if (settings.resilience !== undefined) log.line(`||| Log-rotation: ${settings.resilience.rotation}|||`);
    const saved = this.files.open();
    this.bound.external = await this.external?.listen(settings.external!);
    if (this.stopping) return;
    if (settings.role.kind === 'initializer') log.line('Running as Initializer...');
    this.bound.control = await this.network.listen('control', settings.control ?? saved?.control ?? loopback);
    if (this.stopping) return;
    this.bound.data = await this.network.listen('data', settings.data ?? saved?.data ?? loopback);
    if (this.stopping) return;
    const { control, data } = this.bound;
    const member = this.makeMember(control, data, saved);
    this.member = member;
    this.reportTo(settings.metrics);
    this.network.listenTo(member);
    this.files.listenTo(member);
    this.ticking = setInterval(() => life.guarded(() => member.tick()), settings.timing.tickMs);
    life.guarded(() => member.start());
    await Promise.race([life.ready.promise, life.ended.promise]);
    if (settings.role.kind === 'joiner' && this.hub === undefined) this.findHub(member);
  }

  /**
   * Stops in order and resolves when nothing is left. Without a failure that is the end of the whole cluster: what
   * all workers have read is processed first.
   * @throws UnsentOutputError when output could not be handed on; the failure that made the worker stop
   */
  stop(): Promise<void> {
    this.life.stopping = true;
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  /** Where the worker listens, with the real ports; complete once `start` has resolved. */
  get addresses(): WorkerAddresses {
    const { external, control, data } = this.bound;
    return { external, control, data, sources: this.ends.addresses };
  }

  private async shutDown(): Promise<void> {
    // What follows may ask for the stop once more: it is under way then.
    await undefined;
    const { member, life } = this;
    if (member !== undefined && life.failure === undefined && !life.memberOver) {
      life.guarded(() => member.shutDown());
      await life.ended.promise;
    }
    life.ready.resolve();
    await this.memberEnds.stop();
    clearInterval(this.ticking);
    life.stopped = true;
    this.metrics?.stop();
    this.external?.close();
    this.network.stop();
    await this.files.release();
    this.log.line('Connections: Finished shutdown procedure.');
    this.throwFailure();
  }

  private throwFailure(): void {
    const { failure } = this.life;
    const incomplete = failure !== undefined && isNamed(failure, 'IncompleteShutdownError');
    if (failure !== undefined && !incomplete) throw failure;
    for (const { name, sink } of this.ends.sinks) {
      if (sink.unsentBytes === 0) continue;
      throw new UnsentOutputError(
        name,
        sink.unsentBytes,
        `it took nothing for ${this.settings.stopPauseMs} ms`,
      );
    }
    if (failure !== undefined) throw failure;
  }

  private makeMember(control: Address, data: Address, saved: SavedWorker | undefined): Member {
    const { log, settings, files } = this;
    return new Member(
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
        storage: files.storage,
        logFiles: files.logFiles,
        ends: this.memberEnds,
        output: (sink) => ({ write: (bytes, ends) => this.output(sink, bytes, ends) }),
        turnOpened: () => this.scheduleEndOfTurn(),
        muteChanged: (muted, what) => (muted ? this.muteLog.muted(what) : this.muteLog.unmuted(what)),
        answer: (question) => localAnswer(question, settings.name, this.member!, this.ends, this.hub),
        ended: (failure) => this.memberEnded(failure),
      },
    );
  }

  private memberEnded(failure: Error | undefined): void {
    if (failure instanceof JoinRefusedError) this.log.line(onOneLine(failure.line));
    this.life.endOfMember(this.files.placed(failure));
  }

  private reportTo(hub: Address | undefined): void {
    this.hub = hub;
    if (hub !== undefined) this.metrics = new MetricsReporter(this.member!.engine, this.settings.name, hub);
  }

  /** One that joins reports where the cluster does, unless it was told where. */
  private findHub(member: Member): void {
    const { life } = this;
    if (life.stopping || life.over) return;
    const answered = (answers: ReadonlyMap<string, string>, missing: readonly string[]) => {
      if (life.stopping || life.over) return;
      this.reportTo(hubOf(member.status.members, answers, (name) => member.hostOf(name)));
      this.metrics?.start();
      if (this.hub === undefined && missing.length > 0)
        setTimeout(() => this.findHub(member), askAgainMs).unref();
    };
    life.guarded(() => member.ask(hubQuestion, answered));
  }

  private scheduleEndOfTurn(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.endTurn);
  }

  private readonly endTurn = () => {
    this.scheduled = false;
    if (!this.life.stopped) this.life.guarded(() => this.member!.endTurn());
  };

  private output(name: string, bytes: Buffer, ends: readonly number[]): boolean {
    const sink = this.ends.sink(name);
    const done = sink.write(bytes, ends);
    this.member!.sinkHolds(name, sink.unsentBytes);
    return done;
  }
}
