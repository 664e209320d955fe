import { invariant } from '../invariant.js';
import { after, asEpoch, noCluster, type ClusterState } from './cluster-state.js';
import { records, type ControlRecord, type MemberRecord } from './records.js';

/** Records in effect that are kept one by one; more are drawn together into one. */
const recordsMax = 32;

/**
 * The control log of one member. It begins with the record of an epoch, which says all that a member must
 * know; a newer epoch takes the place of the whole log, and records in effect are drawn together into such a
 * record from time to time, so it never grows long.
 *
 * A record takes effect when it is on disk at every member. While one member is away nothing is decided, and
 * so nothing can be decided twice.
 */
export class ClusterLog {
  /** What all records amount to, also those that are not in effect yet. */
  state: ClusterState = noCluster;
  /** What the records in effect amount to. */
  effective: ClusterState = noCluster;
  private entries: Buffer[] = [];
  private decoded: ControlRecord[] = [];
  /** The place of the first entry in the log of its epoch. */
  private base = 0;
  private inEffect = 0;

  /** @throws InvalidMessageError */
  constructor(entries: readonly Buffer[]) {
    this.replace(entries);
  }

  /**
   * The log of a worker that comes back. It does not take it from its own disk alone that it has left: the record may be
   * nowhere else, and others may wait for this worker to lead. Where it is in effect, it is told so.
   * @throws InvalidMessageError
   */
  static returning(entries: readonly Buffer[], name: string): ClusterLog {
    const newest = entries.length > 1 ? records.decode(entries.at(-1)!) : undefined;
    const hasLeft = newest?.type === 'left' && newest.names.includes(name);
    return new ClusterLog(hasLeft ? entries.slice(0, -1) : entries);
  }

  get bytes(): readonly Buffer[] {
    return this.entries;
  }

  /** Members by the newest record, or by what stands before it, unless that is known to be in effect. */
  get possibleMembers(): readonly MemberRecord[] {
    const { members } = this.state;
    if (this.inEffect === this.length) return members;
    const before = this.decoded.slice(0, -1).reduce(after, noCluster).members;
    return [...members, ...before.filter((one) => !members.some(({ name }) => name === one.name))];
  }

  /** Records in the log of this epoch. */
  get length(): number {
    return this.base + this.entries.length;
  }

  /** How many of them are in effect here. */
  get committed(): number {
    return this.inEffect;
  }

  /** Puts a record at its place; at 0 it is an epoch, which takes the place of all. */
  put(index: number, entry: Buffer): void {
    if (index === 0) return this.replace([entry]);
    invariant(index <= this.length, 'a log has no holes');
    invariant(index >= this.inEffect, 'what is in effect stays');
    if (index < this.length) {
      this.replace([...this.entries.slice(0, index - this.base), entry]);
    } else {
      const record = records.decode(entry);
      this.state = after(this.state, record);
      this.entries.push(entry);
      this.decoded.push(record);
    }
  }

  /** Takes over a whole log. */
  replace(entries: readonly Buffer[]): void {
    const decoded = entries.map((entry) => records.decode(entry));
    const [first] = decoded;
    invariant(first === undefined || first.type === 'epoch', 'a log begins with the record of an epoch');
    const state = decoded.reduce(after, noCluster);
    invariant(state.epoch >= this.state.epoch, 'epochs never go back');
    if (state.epoch > this.state.epoch) this.inEffect = 0;
    this.base = first?.base ?? 0;
    this.entries = [...entries];
    this.decoded = decoded;
    this.state = state;
  }

  /** Puts the records up to the one at `index` into effect. @returns those that were not before, in order */
  commit(index: number): readonly ControlRecord[] {
    invariant(index < this.length, 'only what is on disk takes effect');
    const from = Math.max(this.inEffect, this.base);
    const news = this.decoded.slice(from - this.base, index + 1 - this.base);
    for (const record of news) this.effective = after(this.effective, record);
    this.inEffect = Math.max(this.inEffect, index + 1);
    if (this.inEffect - this.base > recordsMax) this.drawTogether();
    return news;
  }

  /** Whether this log says more than the other: a younger epoch, or more records of the same. */
  isAheadOf(other: ClusterLog): boolean {
    const ours = this.state.epoch;
    const theirs = other.state.epoch;
    return ours > theirs || (ours === theirs && this.length > other.length);
  }

  private drawTogether(): void {
    const { effective, inEffect } = this;
    const whole = asEpoch(effective, effective.epoch, effective.members, inEffect - 1);
    const rest = inEffect - this.base;
    this.entries = [records.encode(whole), ...this.entries.slice(rest)];
    this.decoded = [whole, ...this.decoded.slice(rest)];
    this.base = inEffect - 1;
  }
}
