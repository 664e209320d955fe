import type { LogPart } from '../checkpoint/log-records.js';
import { CheckpointPace } from '../checkpoint/pace.js';
import { Rescale, tellComplete, type Progress } from '../migration/rescale.js';
import type { LineLog } from '../ports.js';
import type { StreamPosition } from '../streams/stream-position.js';
import { Admission, type Candidate } from './admission.js';
import type { ClusterLog } from './cluster-log.js';
import { routed, type ClusterState } from './cluster-state.js';
import { Leadership, type LeaderHost, type Lives } from './leadership.js';
import type { ControlMessage } from './messages.js';
import type { MemberRecord } from './records.js';

export interface ClusterLeaderHost extends LeaderHost {
  readonly log: ClusterLog;
  readonly lines: LineLog;
  now(): number;
  /** The newest checkpoint that this worker has been cut for. */
  newestCheckpoint(): number;
  /** Reaches out to a worker that is no member yet. */
  invite(candidate: Candidate): void;
  /** In which incarnation such a worker can be spoken to; undefined while it cannot. */
  incarnationOf(candidate: Candidate): number | undefined;
  /** Lets go of a worker that is not let in, after it has heard so. */
  forget(name: string): void;
  /** Asks all members how many clients are connected to their sources. Those that do not answer are left out. */
  clients(done: (counts: ReadonlyMap<string, number>) => void): void;
}

export interface ShrinkWish {
  readonly query: boolean;
  readonly names: readonly string[];
  readonly count: number;
  /** Workers with clients may go, too: when these have sent what they still have. */
  readonly drain: boolean;
}

export interface ShrinkReply {
  readonly text: string;
  readonly names: readonly string[];
}

const shrinkBusy = 'Autoscale event currently underway, cannot shrink at this time';

/** What the first member does for all: it decides who comes and goes, and which slots move when. */
export class ClusterLeader {
  readonly leadership: Leadership;
  private readonly admission: Admission;
  private readonly rescale: Rescale;
  private readonly pace: CheckpointPace | undefined;
  private checkpointWasLast = false;
  /** Newcomers that are ready to open their sources. */
  private readonly arrived = new Set<string>();
  /** Questions of operators that wait for the record of a checkpoint. */
  private readonly askedMeanwhile: (() => void)[] = [];

  constructor(
    private readonly host: ClusterLeaderHost,
    joinPatienceNs: number,
    slotsAtOnce: number | undefined,
    checkpointNs: number | undefined,
    onReady: () => void,
  ) {
    this.leadership = new Leadership(host, onReady);
    this.admission = new Admission(host.lines, joinPatienceNs);
    this.rescale = new Rescale(host.lines, slotsAtOnce);
    if (checkpointNs !== undefined)
      this.pace = new CheckpointPace(checkpointNs, host.lines, () => host.newestCheckpoint());
  }

  get progress(): Progress | undefined {
    return this.rescale.progress;
  }

  /** A worker that waits to be let in, and may speak to the leader meanwhile. */
  expects(name: string): boolean {
    return this.admission.expects(name);
  }

  /** To be called often, while this worker leads. `lives`: all members as they live now, if all are there. */
  tick(lives: Lives | undefined): void {
    const now = this.host.now();
    if (!this.reviewed(lives, now)) return;
    const overdue = this.admission.overdue(now);
    for (const name of overdue?.names ?? []) this.turnAway(name, overdue!.text);
    for (const name of this.admission.lapse(now, (one) => this.present(one))) this.host.forget(name);
    if (this.checkpointOpen()) return;
    // Checkpoints and changes take turns, or the one that takes longer would keep the other from ever happening.
    if (!this.checkpointWasLast && this.beginCheckpoint(now)) return;
    const record = this.rescale.next(this.state, now);
    this.checkpointWasLast = false;
    if (record !== undefined) return this.leadership.propose(record);
    const members = this.busy
      ? undefined
      : this.admission.complete((candidate) => this.host.incarnationOf(candidate));
    if (members !== undefined) this.letIn(members);
    else this.beginCheckpoint(now);
  }

  /** As `tick`, while the cluster is being shut down: members may still come back, and nothing else changes. */
  tickLast(lives: Lives | undefined, wantsCheckpoint: boolean): void {
    const now = this.host.now();
    if (!this.reviewed(lives, now)) return;
    if (this.checkpointOpen() || !wantsCheckpoint) return;
    this.pace?.hasten();
    this.beginCheckpoint(now);
  }

  /**
   * Looks after the epoch: begins another one for members that live anew, and lets those open that have come.
   * @returns whether one runs now, and something else may be decided
   */
  private reviewed(lives: Lives | undefined, now: number): boolean {
    // Also while somebody is away, who may be the one that a checkpoint waits for.
    this.pace?.watch(now);
    if (lives === undefined) return false;
    this.leadership.review(lives);
    if (this.leadership.stage !== 'leading') return false;
    const names = this.state.newcomers.filter((name) => this.arrived.has(name));
    if (names.length === 0) return true;
    this.leadership.propose({ type: 'opened', names });
    return false;
  }

  /** While a checkpoint is open nothing else is decided. */
  private checkpointOpen(): boolean {
    const { pace } = this;
    if (pace === undefined) return false;
    const complete = pace.complete();
    if (complete !== undefined) this.leadership.propose({ type: 'checkpoint', ...complete });
    return pace.active;
  }

  private beginCheckpoint(now: number): boolean {
    const { pace, state } = this;
    if (!pace?.due(now) || state.route !== undefined || state.newcomers.length > 0) return false;
    this.checkpointWasLast = true;
    const members = state.members.map(({ name }) => name);
    const checkpoint = pace.begin(state.epoch, members, now);
    const counted = state.checkpoint?.id ?? 0;
    for (const name of members)
      this.host.send(name, { type: 'cut', epoch: state.epoch, checkpoint, counted });
    return true;
  }

  saved(name: string, checkpoint: number, part: LogPart, streams: readonly StreamPosition[]): void {
    this.pace?.stored(checkpoint, { name, ...part }, streams);
  }

  notSaved(name: string, checkpoint: number, why: string): void {
    this.pace?.failed(name, checkpoint, why, this.host.now());
  }

  checkpointRecorded(checkpoint: number): void {
    this.pace?.recorded(checkpoint, this.host.now());
    this.decideAsked();
  }

  /** An epoch has begun: all its members are ready for slots. */
  epochBegan(): void {
    this.pace?.reset();
    this.decideAsked();
    this.arrived.clear();
    this.rescale.drained.clear();
  }

  /** The leader before has left in order: this worker goes on where it stood. */
  inherit(epoch: number, lives: Lives): void {
    this.leadership.inherit(epoch, lives);
    this.pace?.reset();
    if (!Rescale.underWay(this.state)) tellComplete(this.host.lines);
  }

  /** Somebody else leads now. */
  resign(): void {
    this.leadership.resign();
    this.pace?.reset();
    this.decideAsked();
    for (const name of this.admission.close()) this.host.forget(name);
  }

  joinRequested(candidate: Candidate): string {
    const members = this.host.log.effective.members.map(({ name }) => name);
    // A member on paper only: it began to join, and has been started again since.
    if (!members.includes(candidate.name) && this.state.members.some(({ name }) => name === candidate.name))
      return '';
    // It waits at the door, and will ask again.
    if (this.leadership.stage !== 'leading') return '';
    const situation = { members, busy: this.busy, present: (one: Candidate) => this.present(one) };
    const refusal = this.admission.request(candidate, this.host.now(), situation);
    if (refusal === '') this.host.invite(candidate);
    return refusal;
  }

  /** A worker that was to be let in has lost its connection. */
  gone(name: string): void {
    if (!this.admission.expects(name)) return;
    this.admission.withdraw(name);
    this.host.forget(name);
  }

  /** A newcomer may open its sources as soon as all know of it: it is waited for from then on. */
  joined(name: string, epoch: number): void {
    // Otherwise a new epoch is on its way, with it or without it.
    if (this.leadership.runs(epoch)) this.arrived.add(name);
  }

  opened(names: readonly string[]): void {
    if (this.leadership.stage === 'idle') return;
    for (const name of names) this.host.lines.line(`***New worker ${name} added to cluster!***`);
  }

  moved(version: number, keys: number, bytes: number): void {
    if (this.leadership.stage !== 'leading' || this.state.route?.version !== version) return;
    this.rescale.moved(this.state, keys, bytes);
    // The next route, if there is one, takes the same record: half the waiting for disks.
    const now = this.host.now();
    // When a checkpoint is due, the next route waits for it.
    const next = this.pace?.due(now) ? undefined : this.rescale.next(routed(this.state), now);
    this.leadership.propose(next?.type === 'route' ? next : { type: 'routeDone', version });
  }

  drainedToLeave(name: string): void {
    this.rescale.drained.add(name);
  }

  shrink(wish: ShrinkWish, done: (reply: ShrinkReply) => void): void {
    this.host.clients((counts) => {
      const decide = () => done(this.decideShrink(wish, counts));
      // A checkpoint is being recorded: that is over in a moment, and no reason to refuse.
      if (this.leadership.stage === 'appending' && this.pace?.active) this.askedMeanwhile.push(decide);
      else decide();
    });
  }

  private decideAsked(): void {
    for (const decide of this.askedMeanwhile.splice(0)) decide();
  }

  private decideShrink(wish: ShrinkWish, clients: ReadonlyMap<string, number>): ShrinkReply {
    const { members } = this.state;
    const free = members.map(({ name }) => name).filter((name) => wish.drain || clients.get(name) === 0);
    // One has to stay: by rule the first.
    const eligible = free.length === members.length ? free.slice(1) : free;
    if (wish.query) return { text: '', names: eligible };
    const reply = (text: string) => ({ text, names: [] });
    if (this.leadership.stage !== 'leading' || this.busy || this.admission.waiting) return reply(shrinkBusy);
    const names = [...new Set(wish.names)];
    if (names.length > 0) {
      const unknown = names.filter((name) => !members.some((member) => member.name === name));
      const occupied = names.filter((name) => !free.includes(name) && !unknown.includes(name));
      if (unknown.length > 0 || names.length >= members.length) return reply('Invalid shrink targets!');
      if (occupied.length > 0) {
        const which = occupied.map((name) => `${name} (${clients.get(name) ?? '?'})`).join(', ');
        return reply(
          `Invalid shrink targets! Clients are connected to sources of: ${which}. Use --drain to wait for them.`,
        );
      }
    }
    const leaving = names.length > 0 ? names : eligible.slice(0, wish.count);
    if (leaving.length === 0) return reply('Cannot shrink 0 workers!');
    const lines = this.host.lines;
    lines.line('~~~Initiating shrink~~~');
    lines.line('-- Remaining workers: ');
    for (const { name } of members) if (!leaving.includes(name)) lines.line(`-- -- ${name}`);
    lines.line('-- Leaving workers: ');
    for (const name of leaving) lines.line(`-- -- ${name}`);
    this.leadership.propose({ type: 'leave', names: leaving, drain: wish.drain });
    return reply(`Shrinking by ${leaving.length} workers!`);
  }

  private letIn(members: readonly MemberRecord[]): void {
    this.admission.close();
    this.leadership.propose({ type: 'join', members });
  }

  private turnAway(name: string, text: string): void {
    const message: ControlMessage = { type: 'joinRefused', text };
    this.host.send(name, message);
    this.host.forget(name);
  }

  private present(candidate: Candidate): boolean {
    return this.host.incarnationOf(candidate) !== undefined;
  }

  /** What is decided: while this worker leads and proposes nothing, all of it is on disk everywhere. */
  private get state(): ClusterState {
    return this.host.log.state;
  }

  private get busy(): boolean {
    const { state } = this;
    return (
      this.leadership.stage !== 'leading' ||
      state.route !== undefined ||
      state.leaving.length > 0 ||
      state.newcomers.length > 0 ||
      this.rescale.active ||
      Rescale.remaining(state) > 0
    );
  }
}
