import { setMaxListeners } from 'node:events';
import type { Member } from '../core/membership/member.js';
import type { Ends } from '../core/ports.js';
import type { StreamPosition } from '../core/streams/stream-position.js';
import { sourceOf, sourcesQuestion } from './external/sources-question.js';
import type { LocalEnds } from './local-ends.js';
import { StopPatience } from './stop-patience.js';
import type { WorkerLife } from './worker-life.js';
import type { WorkerSettings } from './worker-settings.js';

/**
 * What the member may ask of its sources and sinks. What takes time is awaited here, and the member told what has come
 * of it, unless the worker is stopping meanwhile.
 */
export class MemberEnds implements Ends {
  /** Sources need not be waited for any longer. */
  private readonly sourceDeadline = new AbortController();
  private patience: StopPatience | undefined;
  /** How often the member has wanted to go back. */
  private restores = 0;

  constructor(
    private readonly settings: Pick<WorkerSettings, 'name' | 'drainMs' | 'stopPauseMs' | 'log'>,
    private readonly ends: LocalEnds,
    private readonly life: WorkerLife,
    /** The member; undefined as long as the worker has none, and asks for nothing but its stop. */
    private readonly memberNow: () => Member | undefined,
    /** Sources and sinks are open. */
    private readonly opened: () => void,
  ) {}

  get transactional(): boolean {
    return this.ends.transactional;
  }

  open(): void {
    void this.openAll();
  }

  flow(on: boolean): void {
    const { ends, life, member } = this;
    if (!on) return ends.mute();
    life.ready.resolve();
    // Later, not here: we may be inside a sink's call, which messages processed now would enter again.
    setImmediate(() => {
      if (member.flowing && !life.stopped) ends.unmute(() => member.flowing);
    });
  }

  endSources(): void {
    void this.stopSources();
  }

  drainSources(): void {
    void this.drainAndStopSources();
  }

  flushSinks(): void {
    void this.stopSinks();
  }

  positions(checkpoint: number): ReadonlyMap<string, Buffer> {
    return this.ends.positions(checkpoint);
  }

  streams(): readonly StreamPosition[] {
    return this.ends.streams();
  }

  prepare(checkpoint: number, counted: number): void {
    void this.prepareAll(checkpoint, counted);
  }

  commit(checkpoint: number): void {
    this.ends.commit(checkpoint);
  }

  restore(checkpoint: number, positions: ReadonlyMap<string, Buffer>): void {
    void this.restoreAll(checkpoint, positions);
  }

  workersLeft(names: readonly string[]): void {
    this.ends.workersLeft(names);
  }

  /** The end of the worker, whatever has led to it: what was computed is sent; nothing more is processed. */
  async stop(): Promise<void> {
    const { ends, life } = this;
    this.sourceDeadline.abort();
    const patience = this.patience ?? this.beginPatience();
    await patience.bound(ends.stopSources(this.sourceDeadline.signal));
    life.guarded(() => this.memberNow()?.engine.endTurn());
    await patience.bound(ends.stopSinks(patience.signal).then((failure) => life.failed(failure)));
    patience.end();
  }

  private get member(): Member {
    return this.memberNow()!;
  }

  private async openAll(): Promise<void> {
    const { ends, life } = this;
    const { log } = this.settings;
    try {
      ends.openSinks();
      ends.openSources();
      log.line('|~~ INIT PHASE I: Application is created! ~~|');
      await ends.startSources();
      if (life.over || life.memberOver) return;
      log.line('|~~ INIT PHASE II: Application is initialized! ~~|');
      await ends.startSinks();
      if (life.over || life.memberOver) return;
      log.line('|~~ INIT PHASE III: Application is ready to work! ~~|');
      this.opened();
      life.guarded(() => this.member.endsOpened());
    } catch (error) {
      life.ready.reject(error as Error);
      life.wantStop(error as Error);
    }
  }

  private async prepareAll(checkpoint: number, counted: number): Promise<void> {
    const { life } = this;
    try {
      await this.ends.prepare(checkpoint, counted);
      life.guarded(() => this.member.sinksPrepared(checkpoint));
    } catch (error) {
      life.guarded(() => this.member.prepareFailed(checkpoint, (error as Error).message));
    }
  }

  private async restoreAll(checkpoint: number, positions: ReadonlyMap<string, Buffer>): Promise<void> {
    const { life } = this;
    const restore = ++this.restores;
    try {
      await this.ends.restore(checkpoint, positions);
      // Another one may have been asked for meanwhile.
      if (restore === this.restores) life.guarded(() => this.member.endsRestored());
    } catch (error) {
      if (restore === this.restores) life.wantStop(error as Error);
    }
  }

  private async drainAndStopSources(): Promise<void> {
    const { drainMs, log } = this.settings;
    await this.ends.drainSources(drainMs);
    const { clients } = this.ends;
    if (clients > 0) {
      const left = `${clients} clients have not ended within ${drainMs / 1000} s; they are cut off.`;
      log.write('warning', 'Sources', left);
    }
    await this.stopSources();
  }

  private async stopSources(): Promise<void> {
    const { life } = this;
    if (this.leaving) await this.handOverSources();
    const patience = this.beginPatience();
    patience.signal.addEventListener('abort', () => this.sourceDeadline.abort(), { once: true });
    let failure: Error | undefined;
    await patience.bound(
      this.ends.stopSources(this.sourceDeadline.signal).then((first) => (failure = first)),
    );
    if (failure !== undefined) return life.wantStop(failure);
    life.guarded(() => this.member.sourcesEnded());
  }

  /** This worker is to leave a cluster that goes on. */
  private get leaving(): boolean {
    const { phase, leaving } = this.member.status;
    return phase !== 'draining' && leaving.includes(this.settings.name);
  }

  /** Clients that can go on at another worker are sent to one that stays. */
  private async handOverSources(): Promise<void> {
    const { member } = this;
    const answers = await new Promise<ReadonlyMap<string, string>>((resolve) =>
      this.life.guarded(() => member.ask(sourcesQuestion, resolve)),
    );
    const { members, leaving } = member.status;
    const staying = members.filter((name) => !leaving.includes(name));
    const hostOf = (name: string) => member.hostOf(name);
    await this.ends.handOverSources((source) => sourceOf(source, staying, answers, hostOf));
  }

  private async stopSinks(): Promise<void> {
    const { ends, life } = this;
    ends.releaseSinks();
    const patience = this.patience ?? this.beginPatience();
    let failure: Error | undefined;
    await patience.bound(ends.stopSinks(patience.signal).then((first) => (failure = first)));
    if (failure !== undefined || ends.unsentBytes() > 0) return life.endOfMember(failure);
    life.guarded(() => this.member.sinksFlushed());
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
    const links = this.memberNow()?.status;
    return this.ends.unsentBytes() + (links ? links.heldBytes + links.unacknowledgedBytes : 0);
  }
}
