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

  called(process: Process, { epoch, incarnation, routeVersion }: CoreStatus): void {
    // Before it is in an epoch a worker may still have to learn who it is.
    if (epoch === 0) return;
    const before = this.known.get(process.name);
    this.known.set(process.name, { life: process.life, epoch, incarnation, routeVersion });
    if (before === undefined) return;
    if (epoch < before.epoch)
      this.fail(`the epoch of ${process.name} went back from ${before.epoch} to ${epoch}`);
    if (routeVersion < before.routeVersion) {
      this.fail(`the route of ${process.name} went back from ${before.routeVersion} to ${routeVersion}`);
    }
    const least = before.incarnation + (before.life === process.life ? 0 : 1);
    if (incarnation < least) {
      this.fail(`the incarnation of ${process.name} is ${incarnation} where it must be at least ${least}`);
    }
  }

  /** A worker of this name begins anew, without its files. */
  forget(name: string): void {
    this.known.delete(name);
  }

  private fail(text: string): void {
    this.report({ checker: 'monotony', text });
  }
}
