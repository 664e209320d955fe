import { Rescale, type Progress } from '../migration/rescale.js';
import type { ClusterState } from './cluster-state.js';
import type { Phase } from './phase.js';

/** How a member is, and how it sees its cluster, at one moment. */
export interface MemberStatus {
  readonly phase: Phase;
  readonly epoch: number;
  readonly incarnation: number;
  readonly routeVersion: number;
  readonly members: readonly string[];
  /** Of the members, in their order. */
  readonly incarnations: readonly number[];
  /** By slot; empty before there is a view. */
  readonly owners: readonly string[];
  readonly heldBytes: number;
  readonly unacknowledgedBytes: number;
  /** What sources have read, and what is not processed of it. */
  readonly journalBytes: number;
  readonly unreachable: readonly string[];
  readonly leaving: readonly string[];
  readonly slotsToMove: number;
  /** From whom slots are on their way. */
  readonly giver: string | undefined;
  /** The newest checkpoint that counts; 0: none. */
  readonly checkpoint: number;
  /** Of the last change that this worker has led. */
  readonly progress: Progress | undefined;
}

type Facts = Omit<
  MemberStatus,
  | 'epoch'
  | 'checkpoint'
  | 'members'
  | 'incarnations'
  | 'owners'
  | 'unreachable'
  | 'leaving'
  | 'slotsToMove'
  | 'giver'
>;

/** A status that reckons what takes long only when it is asked for: simulators look after every call. */
export class StatusNow implements MemberStatus {
  readonly phase: Phase;
  readonly incarnation: number;
  readonly routeVersion: number;
  readonly heldBytes: number;
  readonly unacknowledgedBytes: number;
  readonly journalBytes: number;
  readonly progress: Progress | undefined;

  constructor(
    facts: Facts,
    /** What is in effect for this life of the worker. */
    private readonly view: ClusterState,
    /** What it knows from its disk, too. */
    private readonly known: ClusterState,
    private readonly away: (name: string) => boolean,
  ) {
    this.phase = facts.phase;
    this.incarnation = facts.incarnation;
    this.routeVersion = facts.routeVersion;
    this.heldBytes = facts.heldBytes;
    this.unacknowledgedBytes = facts.unacknowledgedBytes;
    this.journalBytes = facts.journalBytes;
    this.progress = facts.progress;
  }

  get epoch(): number {
    return this.view.epoch;
  }

  get checkpoint(): number {
    return this.view.checkpoint?.id ?? 0;
  }

  get members(): readonly string[] {
    return this.cluster.members.map(({ name }) => name);
  }

  get incarnations(): readonly number[] {
    return this.cluster.members.map(({ incarnation }) => incarnation);
  }

  get owners(): readonly string[] {
    const { owners, members } = this.cluster;
    return owners.map((owner) => members[owner]!.name);
  }

  get unreachable(): readonly string[] {
    return this.members.filter((name) => this.away(name));
  }

  get leaving(): readonly string[] {
    return this.view.leaving;
  }

  get slotsToMove(): number {
    return this.view.epoch > 0 ? Rescale.remaining(this.view) : 0;
  }

  get giver(): string | undefined {
    return this.view.route?.from;
  }

  private get cluster(): ClusterState {
    return inEffectOrKnown(this.view, this.known);
  }
}

/** A worker that has no view yet goes by what it has on its disk. */
export function inEffectOrKnown(view: ClusterState, known: ClusterState): ClusterState {
  return view.epoch > 0 ? view : known;
}
