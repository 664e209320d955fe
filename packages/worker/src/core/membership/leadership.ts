import { invariant } from '../invariant.js';
import { ClusterLog } from './cluster-log.js';
import { asEpoch, rolledBack } from './cluster-state.js';
import type { ControlMessage } from './messages.js';
import { records, type ControlRecord, type EpochRecord, type MemberRecord } from './records.js';

/** What the leader asks of the member that it is. */
export interface LeaderHost {
  readonly name: string;
  readonly log: ClusterLog;
  /** Puts a record on this worker's own disk; `then` is called when it is there. */
  store(index: number, entry: Buffer, then: () => void): void;
  /** Sends to a member, this worker included. */
  send(member: string, message: ControlMessage): void;
  /** A new epoch goes back to the last checkpoint. */
  readonly resilience: boolean;
  readonly commitsWithoutAll: boolean;
}

/** Members as they live now. */
export type Lives = readonly MemberRecord[];

/**
 * The leader's part in the control log. It belongs to the first member of the view, by rule, and whoever plays it
 * rebuilds all it needs from what the members say:
 *
 * 1. `idle`.
 * 2. `gathering`: has asked all members to promise an epoch, and waits for their logs.
 * 3. `appending`: a record goes to every disk; on its own first, so that what others have, it has.
 * 4. `preparing`: the record of an epoch is committed; waits until all members are ready.
 * 5. `leading`: the epoch runs; a record may be proposed.
 *
 * A member that starts again in the middle makes the leader begin anew with a higher epoch.
 */
type Stage =
  | { readonly stage: 'idle' }
  | {
      readonly stage: 'gathering';
      readonly epoch: number;
      readonly lives: Lives;
      readonly promises: Map<string, ClusterLog>;
    }
  | {
      readonly stage: 'appending';
      readonly epoch: number;
      readonly index: number;
      readonly lives: Lives;
      readonly stored: Set<string>;
    }
  | {
      readonly stage: 'preparing';
      readonly epoch: number;
      readonly lives: Lives;
      readonly ready: Set<string>;
    }
  | { readonly stage: 'leading'; readonly epoch: number; readonly lives: Lives };

export class Leadership {
  private now: Stage = { stage: 'idle' };
  /** The highest epoch that anybody is known to have promised. */
  private highest = 0;

  constructor(
    private readonly host: LeaderHost,
    /** All members are ready: the epoch begins. */
    private readonly onReady: (epoch: number) => void,
  ) {}

  get stage(): Stage['stage'] {
    return this.now.stage;
  }

  /** Whether this worker leads the epoch, and all its members were ready for it once. */
  runs(epoch: number): boolean {
    const { now } = this;
    const leads = now.stage === 'leading' || (now.stage === 'appending' && now.index > 0);
    return leads && now.epoch === epoch;
  }

  /** The members that the leader counts on; none while it does not lead. */
  get lives(): Lives {
    return this.now.stage === 'idle' ? [] : this.now.lives;
  }

  /** This worker has seen that somebody knows of such an epoch. */
  heardOf(epoch: number): void {
    this.highest = Math.max(this.highest, epoch);
  }

  /** Forms a cluster: its first record. */
  found(first: EpochRecord): void {
    this.heardOf(first.number);
    this.append(first, 0, first.number, first.members);
  }

  /** Puts a record into the log of the epoch that runs. Only while `leading`. */
  propose(record: ControlRecord): void {
    invariant(this.now.stage === 'leading', 'records are proposed one at a time, by the leader');
    const { epoch, lives } = this.now;
    const joining = record.type === 'join' ? record.members : [];
    const members = [...lives, ...joining];
    const index = this.host.log.length;
    this.append(record, index, epoch, members, new Set(joining.map(({ name }) => name)));
  }

  /** To be called with the lives of all members while all can be reached: gathers if they are news. */
  review(lives: Lives): void {
    if (this.now.stage !== 'idle' && sameLives(this.now.lives, lives)) return;
    const epoch = this.highest + 1;
    this.highest = epoch;
    this.now = { stage: 'gathering', epoch, lives, promises: new Map() };
    for (const { name } of lives) this.host.send(name, { type: 'gather', epoch });
  }

  /** Another worker leads, or nobody does for now. */
  resign(): void {
    this.now = { stage: 'idle' };
  }

  /** The leader before has left in order: this worker goes on where it stood. */
  inherit(epoch: number, lives: Lives): void {
    this.now = { stage: 'leading', epoch, lives };
    // It may have ended before all had heard that its last record is in effect.
    const index = this.host.log.committed - 1;
    for (const { name } of lives)
      if (name !== this.host.name) this.host.send(name, { type: 'commit', epoch, index });
  }

  promised(member: string, epoch: number, entries: readonly Buffer[]): void {
    if (this.now.stage !== 'gathering' || this.now.epoch !== epoch) return;
    const { lives, promises } = this.now;
    if (!lives.some(({ name }) => name === member)) return;
    promises.set(member, new ClusterLog(entries));
    if (promises.size < lives.length) return;
    let best = this.host.log;
    for (const log of promises.values()) if (log.isAheadOf(best)) best = log;
    const members = best.state.members.flatMap(({ name }) => lives.find((life) => life.name === name) ?? []);
    const state = this.host.resilience ? rolledBack(best.state) : best.state;
    this.append(asEpoch(state, epoch, members), 0, epoch, members);
  }

  /** A member has promised an epoch to another leader, or to a former life of this one: it takes a higher one. */
  fenced(epoch: number): void {
    this.heardOf(epoch);
    const { now } = this;
    if (now.stage === 'idle') return;
    if (now.epoch < epoch || (now.stage === 'gathering' && now.epoch === epoch)) this.resign();
  }

  stored(member: string, epoch: number, index: number): void {
    if (this.now.stage !== 'appending' || this.now.epoch !== epoch || this.now.index !== index) return;
    const { lives, stored } = this.now;
    if (!lives.some(({ name }) => name === member)) return;
    stored.add(member);
    if (stored.size < lives.length && !this.host.commitsWithoutAll) return;
    this.now =
      index === 0
        ? { stage: 'preparing', epoch, lives, ready: new Set() }
        : { stage: 'leading', epoch, lives };
    for (const { name } of lives) this.host.send(name, { type: 'commit', epoch, index });
  }

  ready(member: string, epoch: number): void {
    if (this.now.stage !== 'preparing' || this.now.epoch !== epoch) return;
    const { lives, ready } = this.now;
    if (!lives.some(({ name }) => name === member)) return;
    ready.add(member);
    if (ready.size < lives.length) return;
    this.now = { stage: 'leading', epoch, lives };
    this.onReady(epoch);
    for (const { name } of lives) this.host.send(name, { type: 'resume', epoch });
  }

  /** Members that are members no more: nothing is sent to them again. */
  release(names: readonly string[]): void {
    if (this.now.stage !== 'leading') return;
    this.now = { ...this.now, lives: this.now.lives.filter(({ name }) => !names.includes(name)) };
  }

  private append(
    record: ControlRecord,
    index: number,
    epoch: number,
    lives: Lives,
    /** Those that have no log yet: they get all of it. */
    joining: ReadonlySet<string> = new Set(),
  ): void {
    const stage = { stage: 'appending', epoch, index, lives, stored: new Set<string>() } as const;
    this.now = stage;
    const entry = records.encode(record);
    this.host.store(index, entry, () => {
      if (this.now !== stage) return;
      const whole = this.host.log.bytes;
      for (const { name } of lives) {
        if (name === this.host.name) continue;
        if (joining.has(name)) this.host.send(name, { type: 'install', epoch, index, records: whole });
        else this.host.send(name, { type: 'append', epoch, index, record: entry });
      }
      this.stored(this.host.name, epoch, index);
    });
  }
}

function sameLives(one: Lives, other: Lives): boolean {
  return (
    one.length === other.length &&
    one.every(({ name, incarnation, life }, i) => {
      const same = other[i]!;
      return name === same.name && incarnation === same.incarnation && life === same.life;
    })
  );
}
