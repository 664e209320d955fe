import type { LineLog } from '../ports.js';
import type { StreamPosition } from '../streams/stream-position.js';
import type { LogPart } from './log-records.js';

/** A checkpoint that is not through after this is abandoned; the limit adapts to disks that are slower. */
const limitNsMin = 5e9;
const limitNsMax = 600e9;
/** Numbers of an epoch's checkpoints begin at the epoch times this. */
const perEpoch = 1_000_000;

/** A member's part of a checkpoint, on its disk. */
export type Part = LogPart & { readonly name: string };

export interface CompleteCheckpoint {
  readonly checkpoint: number;
  readonly parts: readonly Part[];
  /** How far the streams had come that members held. */
  readonly streams: readonly StreamPosition[];
}

interface Open {
  readonly checkpoint: number;
  readonly members: readonly string[];
  readonly parts: Map<string, Part>;
  readonly streams: StreamPosition[];
  readonly since: number;
  /** Its record is on its way. */
  proposed: boolean;
}

/**
 * The leader's part in checkpoints: says when one begins, waits for all members, gives up on one that takes too long.
 * Numbers are never used twice, also after a checkpoint was given up or the leader has changed: they begin with the
 * epoch, and within one epoch go on behind the newest that this worker has been cut for.
 */
export class CheckpointPace {
  private open: Open | undefined;
  private dueAt = 0;
  private limitNs = limitNsMin;
  private lastFailure = '';

  constructor(
    private readonly intervalNs: number,
    private readonly log: LineLog,
    /** The newest checkpoint that this worker has been cut for. */
    private readonly newest: () => number,
  ) {}

  get active(): boolean {
    return this.open !== undefined;
  }

  due(now: number): boolean {
    return now >= this.dueAt;
  }

  /** A checkpoint follows as soon as it can. */
  hasten(): void {
    this.dueAt = 0;
  }

  begin(epoch: number, members: readonly string[], now: number): number {
    const checkpoint = Math.max(epoch * perEpoch, this.newest()) + 1;
    this.open = { checkpoint, members, parts: new Map(), streams: [], since: now, proposed: false };
    return checkpoint;
  }

  stored(checkpoint: number, part: Part, streams: readonly StreamPosition[]): void {
    if (this.open?.checkpoint !== checkpoint || this.open.parts.has(part.name)) return;
    this.open.parts.set(part.name, part);
    this.open.streams.push(...streams);
  }

  /** A member cannot do its part. */
  failed(name: string, checkpoint: number, why: string, now: number): void {
    if (this.open?.checkpoint !== checkpoint) return;
    const text = `${name}: ${why}`;
    if (text !== this.lastFailure) {
      this.log.write(
        'error',
        'Checkpoint',
        `Checkpoint ${checkpoint} failed: ${text}. The one before still counts.`,
      );
    }
    this.lastFailure = text;
    this.abandon(now);
  }

  /** All parts, once they are there; once. */
  complete(): CompleteCheckpoint | undefined {
    const { open } = this;
    if (open === undefined || open.proposed || open.parts.size < open.members.length) return undefined;
    open.proposed = true;
    const { checkpoint, members, parts, streams } = open;
    return { checkpoint, parts: members.map((name) => parts.get(name)!), streams };
  }

  /** It counts. */
  recorded(checkpoint: number, now: number): void {
    if (this.open?.checkpoint !== checkpoint) return;
    const took = now - this.open.since;
    this.open = undefined;
    this.dueAt = now + this.intervalNs;
    this.limitNs = Math.min(limitNsMax, Math.max(limitNsMin, 4 * took, this.limitNs / 2));
    if (this.lastFailure !== '')
      this.log.line(`Checkpoint ${checkpoint} is complete: checkpoints work again.`);
    this.lastFailure = '';
  }

  /** Gives up on a checkpoint that takes too long. */
  watch(now: number): void {
    const { open } = this;
    if (open === undefined || now - open.since < this.limitNs) return;
    const missing = open.members.filter((name) => !open.parts.has(name));
    this.log.write(
      'warning',
      'Checkpoint',
      `Checkpoint ${open.checkpoint} is given up after ${this.limitNs / 1e9} s: ${missing.join(', ')} not through. ` +
        'The one before still counts.',
    );
    this.limitNs = Math.min(limitNsMax, this.limitNs * 2);
    this.abandon(now);
  }

  /** Another leader, or another epoch: what was open is void. */
  reset(): void {
    this.open = undefined;
    this.dueAt = 0;
  }

  private abandon(now: number): void {
    this.open = undefined;
    this.dueAt = now + this.intervalNs;
  }
}
