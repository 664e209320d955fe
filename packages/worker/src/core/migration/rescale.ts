import type { LineLog } from '../ports.js';
import type { ClusterState } from '../membership/cluster-state.js';
import type { ControlRecord } from '../membership/records.js';
import { nextMoves, slotsToMove } from '../slots/moves.js';

/** Keys that one route moves: its slots wait for about as long as it takes to write and read them. */
const keysPerRoute = 1000;
/** Nobody knows yet how many keys a slot has, and code that has not run before takes several times as long. */
const slotsAtFirst = 1;
const slotsMax = 64;
const progressNs = 1e9;

/** How far a change of the cluster is. */
export interface Progress {
  readonly slotsMoved: number;
  readonly slotsTotal: number;
  readonly keys: number;
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * The leader's reconcile loop: compares who owns the slots with who should, and says which record brings the
 * cluster a step nearer. A crash in the middle needs no case of its own: the loop goes on from what is.
 */
export class Rescale {
  /** Members that leave, and have nothing under way any more. */
  readonly drained = new Set<string>();
  private slots = slotsAtFirst;
  private begun: { readonly at: number; readonly total: number } | undefined;
  private keys = 0;
  private bytes = 0;
  private toldAt = 0;
  private last: Progress | undefined;

  /** @param slotsAtOnce slots that every route moves, instead of as many as hold some thousand keys */
  constructor(
    private readonly log: LineLog,
    private readonly slotsAtOnce: number | undefined,
  ) {}

  /** Slots that are on their way or have to move. */
  static remaining(state: ClusterState): number {
    return slotsToMove(state.owners, stays(state));
  }

  /** Whether somebody comes, goes, or has slots that are not its share. */
  static underWay(state: ClusterState): boolean {
    const { route, leaving, newcomers } = state;
    const somebody = leaving.length > 0 || newcomers.length > 0;
    return route !== undefined || somebody || Rescale.remaining(state) > 0;
  }

  get active(): boolean {
    return this.begun !== undefined;
  }

  get progress(): Progress | undefined {
    return this.last;
  }

  /** What is to be decided next; undefined while there is nothing, or while it has to wait. */
  next(state: ClusterState, now: number): ControlRecord | undefined {
    const remaining = Rescale.remaining(state);
    if (this.begun === undefined && remaining > 0) this.begin(remaining, now);
    this.tell(remaining, now);
    // The end of a route is reported by the worker that takes the slots.
    if (state.route !== undefined) return undefined;
    const moves = nextMoves(state.owners, stays(state), this.slotsAtOnce ?? this.slots);
    if (moves !== undefined) {
      const { slots, from, to } = moves;
      const name = (index: number) => state.members[index]!.name;
      return { type: 'route', version: state.routeVersion + 1, slots, from: name(from), to: name(to) };
    }
    const names = state.leaving.filter((name) => this.drained.has(name));
    if (names.length > 0) return { type: 'left', names };
    if (this.begun !== undefined && state.newcomers.length === 0 && state.leaving.length === 0)
      this.finish(now);
    return undefined;
  }

  moved(state: ClusterState, keys: number, bytes: number): void {
    this.keys += keys;
    this.bytes += bytes;
    const each = Math.max(keys / Math.max(state.route?.slots.length ?? 1, 1), 1);
    this.slots = Math.min(slotsMax, Math.max(1, Math.floor(keysPerRoute / each)), this.slots * 2);
  }

  private begin(total: number, now: number): void {
    this.begun = { at: now, total };
    this.toldAt = now;
    this.keys = 0;
    this.bytes = 0;
    this.log.line(`AUTOSCALE: ${total} slots are to move.`);
  }

  private tell(remaining: number, now: number): void {
    if (this.begun === undefined) return;
    const { at, total } = this.begun;
    const seconds = (now - at) / 1e9;
    this.last = {
      slotsMoved: Math.max(0, total - remaining),
      slotsTotal: total,
      keys: this.keys,
      bytes: this.bytes,
      seconds,
    };
    if (now - this.toldAt < progressNs) return;
    this.toldAt = now;
    this.log.line(`AUTOSCALE: ${progressText(this.last)}`);
  }

  private finish(now: number): void {
    this.tell(0, now);
    this.log.line(`AUTOSCALE: ${progressText(this.last!)}`);
    tellComplete(this.log);
    this.begun = undefined;
  }
}

export function tellComplete(log: LineLog): void {
  log.line('AUTOSCALE: Autoscale is complete.');
  log.line('AUTOSCALE: Waiting for new autoscale event.');
}

/** Which members are to own slots. */
function stays({ members, leaving, newcomers }: ClusterState): boolean[] {
  const may = members.map(({ name }) => !leaving.includes(name) && !newcomers.includes(name));
  // Nobody is left to take slots: they stay where they are.
  return may.some((stay) => stay) ? may : may.map(() => true);
}

function progressText({ slotsMoved, slotsTotal, keys, bytes, seconds }: Progress): string {
  const megabytes = (bytes / 1e6).toFixed(1);
  return `${slotsMoved} of ${slotsTotal} slots moved, ${keys} keys, ${megabytes} MB, ${seconds.toFixed(1)} s`;
}
