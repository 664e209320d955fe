import { logCuts, recordKind } from '@wallaroo/worker/core';
import type { CoreStatus } from '../world/core.js';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Wish } from '../world/wishes.js';
import type { Report } from './finding.js';

interface Known {
  readonly life: number;
  readonly epoch: number;
  readonly incarnation: number;
  readonly routeVersion: number;
  readonly checkpoint: number;
}

/** Length, checksum and kind stand before the content of a record. */
const recordHeadBytes = 9;

/**
 * Epochs, route versions, incarnations and checkpoints never go back, across restarts too; a new life in a cluster
 * has a greater incarnation. The number of a checkpoint is never used twice, whether that one came to count or not.
 */
export class MonotonyChecker implements Partial<Watch> {
  private readonly known = new Map<string, Known>();
  /** The newest checkpoint that each worker has been cut for. */
  private readonly cuts = new Map<string, number>();
  /** By checkpoint, the epoch in which the first worker was cut for it. */
  private readonly epochOfCut = new Map<number, number>();

  constructor(private readonly report: Report) {}

  wished({ name, core }: Process, wish: Wish): void {
    if (wish.kind !== 'append' || wish.log !== 'events' || wish.bytes[8] !== recordKind.cut) return;
    const { checkpoint } = logCuts.decode(wish.bytes, recordHeadBytes, wish.bytes.length);
    const before = this.cuts.get(name) ?? 0;
    this.cuts.set(name, Math.max(before, checkpoint));
    if (checkpoint <= before)
      this.fail(`${name} was cut for checkpoint ${checkpoint} after it had been for ${before}`);
    const { epoch } = core.status;
    const first = this.epochOfCut.get(checkpoint);
    if (first === undefined) this.epochOfCut.set(checkpoint, epoch);
    else if (first !== epoch) {
      this.fail(`${name} was cut for checkpoint ${checkpoint} in epoch ${epoch}, others were in ${first}`);
    }
  }

  called(process: Process, { phase, epoch, incarnation, routeVersion, checkpoint }: CoreStatus): void {
    const before = this.known.get(process.name);
    // Before it is in an epoch a worker may still have to learn who it is, unless it has files.
    if (phase === 'returning' && before !== undefined) this.checkLife(process, incarnation, before);
    if (epoch === 0) return;
    this.known.set(process.name, { life: process.life, epoch, incarnation, routeVersion, checkpoint });
    if (before === undefined) return;
    if (epoch < before.epoch)
      this.fail(`the epoch of ${process.name} went back from ${before.epoch} to ${epoch}`);
    if (routeVersion < before.routeVersion) {
      this.fail(`the route of ${process.name} went back from ${before.routeVersion} to ${routeVersion}`);
    }
    if (checkpoint < before.checkpoint) {
      this.fail(
        `the newest checkpoint of ${process.name} went back from ${before.checkpoint} to ${checkpoint}`,
      );
    }
    this.checkLife(process, incarnation, before);
  }

  /** A worker of this name begins anew, without its files. */
  forget(name: string): void {
    this.known.delete(name);
    this.cuts.delete(name);
  }

  private checkLife({ name, life }: Process, incarnation: number, before: Known): void {
    const least = before.incarnation + (before.life === life ? 0 : 1);
    if (incarnation >= least) return;
    this.fail(`the incarnation of ${name} is ${incarnation} where it must be at least ${least}`);
  }

  private fail(text: string): void {
    this.report({ checker: 'monotony', text });
  }
}
