import type { Address } from '@wallaroo/protocol';
import type { LineLog } from '../ports.js';
import type { MemberRecord } from './records.js';

/** A worker that asks to be let in. */
export interface Candidate {
  readonly name: string;
  readonly life: number;
  readonly incarnation: number;
  readonly control: Address;
  readonly data: Address;
  /** How many join together, by its word. */
  readonly count: number;
}

/** What the leader knows of the cluster when somebody asks. */
export interface Situation {
  readonly members: readonly string[];
  /** Slots are moving, or members come or go. */
  readonly busy: boolean;
  /** Whether a worker that waits can still be spoken to. */
  present(candidate: Candidate): boolean;
}

export const joinTexts = {
  count: (pending: number, yours: number) =>
    `All joining workers must supply the same worker count. Current pending count is ${pending}. You supplied ${yours}.`,
  none: 'Joining worker must supply a worker count greater than 0.',
  busy: 'Autoscale event currently underway, cannot join at this time',
  taken: 'Proposed worker name is already reserved by the cluster.',
  notYet: 'Contacted worker has not yet joined the cluster, cannot autoscale.',
} as const;

/** A joiner that waits asks again about every second. */
const askingNs = 4e9;

/**
 * Joiners of one round, at the leader. The first that asks says how many there are to be; when all are there
 * they become members together. Those that wait for others that never come are told so after a while.
 */
export class Admission {
  private round: { readonly count: number; readonly since: number } | undefined;
  private readonly candidates = new Map<
    string,
    { readonly candidate: Candidate; readonly askedAt: number }
  >();

  constructor(
    private readonly log: LineLog,
    private readonly patienceNs: number,
  ) {}

  get waiting(): boolean {
    return this.candidates.size > 0;
  }

  expects(name: string): boolean {
    return this.candidates.has(name);
  }

  /** @returns why not; empty when it may wait for the others. A candidate may ask again. */
  request(candidate: Candidate, now: number, { members, busy, present }: Situation): string {
    const { name, count } = candidate;
    if (members.includes(name)) return joinTexts.taken;
    if (count < 1) return joinTexts.none;
    const known = this.candidates.get(name)?.candidate;
    if (known !== undefined && known.life !== candidate.life) {
      if (present(known)) return joinTexts.taken;
      this.withdraw(name);
      return this.request(candidate, now, { members, busy, present });
    }
    if (busy) return joinTexts.busy;
    this.round ??= { count, since: now };
    if (count !== this.round.count) return joinTexts.count(this.round.count, count);
    if (known === undefined && this.candidates.size === this.round.count) return joinTexts.busy;
    if (known === undefined) {
      this.log.line(
        `AUTOSCALE: Waiting for ${this.round.count - this.candidates.size} joining workers. Current cluster size: ${members.length}`,
      );
      this.log.line(`***Worker ${name} attempting to join the cluster. Sent necessary information.***`);
    }
    this.candidates.set(name, { candidate, askedAt: now });
    return '';
  }

  /**
   * All of the round, once they are there.
   * @param incarnationOf in which incarnation a candidate can be spoken to; undefined while it cannot
   */
  complete(incarnationOf: (candidate: Candidate) => number | undefined): readonly MemberRecord[] | undefined {
    if (this.round === undefined || this.candidates.size < this.round.count) return undefined;
    const members: MemberRecord[] = [];
    for (const { candidate } of this.candidates.values()) {
      const incarnation = incarnationOf(candidate);
      if (incarnation === undefined) return undefined;
      const { name, life, control, data } = candidate;
      members.push({ name, incarnation, life, control, data });
    }
    return members;
  }

  /** Those that have stopped asking and cannot be spoken to: they have died at the door. @returns their names */
  lapse(now: number, present: (candidate: Candidate) => boolean): readonly string[] {
    const gone = [...this.candidates.values()].filter(
      ({ candidate, askedAt }) => now - askedAt > askingNs && !present(candidate),
    );
    for (const { candidate } of gone) this.withdraw(candidate.name);
    return gone.map(({ candidate }) => candidate.name);
  }

  /** One that waited has gone. */
  withdraw(name: string): void {
    if (!this.candidates.delete(name)) return;
    this.log.line(`AUTOSCALE: ${name} has gone before it was let in.`);
    if (this.candidates.size === 0) this.round = undefined;
  }

  /** The round is over, one way or the other. @returns who was in it */
  close(): readonly string[] {
    const names = [...this.candidates.keys()];
    this.candidates.clear();
    this.round = undefined;
    return names;
  }

  /** Those that have waited too long for the others, with what to tell them. */
  overdue(now: number): { readonly names: readonly string[]; readonly text: string } | undefined {
    const { round } = this;
    if (round === undefined || now - round.since <= this.patienceNs) return undefined;
    const text = `Only ${this.candidates.size} of ${round.count} joining workers came within ${this.patienceNs / 1e9} s.`;
    this.log.line(`AUTOSCALE: ${text} They are turned away.`);
    return { names: this.close(), text };
  }
}
