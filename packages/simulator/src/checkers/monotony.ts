import type { CoreStatus } from '../world/core.js';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Report } from './finding.js';

interface Known {
  readonly life: number;
  readonly epoch: number;
  readonly incarnation: number;
  readonly routeVersion: number;
}

/**
 * Epochs, route versions and incarnations never go back, across restarts too; a new life in a cluster has a greater
 * incarnation.
 */
export class MonotonyChecker implements Partial<Watch> {
  private readonly known = new Map<string, Known>();

  constructor(private readonly report: Report) {}

  called(process: Process, { phase, epoch, incarnation, routeVersion }: CoreStatus): void {
    const before = this.known.get(process.name);
    // Before it is in an epoch a worker may still have to learn who it is, unless it has files.
    if (phase === 'returning' && before !== undefined) this.checkLife(process, incarnation, before);
    if (epoch === 0) return;
    this.known.set(process.name, { life: process.life, epoch, incarnation, routeVersion });
    if (before === undefined) return;
    if (epoch < before.epoch)
      this.fail(`the epoch of ${process.name} went back from ${before.epoch} to ${epoch}`);
    if (routeVersion < before.routeVersion) {
      this.fail(`the route of ${process.name} went back from ${before.routeVersion} to ${routeVersion}`);
    }
    this.checkLife(process, incarnation, before);
  }

  /** A worker of this name begins anew, without its files. */
  forget(name: string): void {
    this.known.delete(name);
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
