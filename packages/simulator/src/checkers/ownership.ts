import type { CoreStatus } from '../world/core.js';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Journal } from '../workload/journal.js';
import type { Report } from './finding.js';

interface Owners {
  now: string;
  /** Who has lost the key, and by which route it was gone at the latest. */
  readonly lost: Map<string, number>;
}

/**
 * One owner for each key at each route version: another worker may process a key only by a route, and who has
 * lost it only by a newer route than the one by which it was lost.
 */
export class OwnershipChecker implements Partial<Watch> {
  private seen = 1;
  private readonly keys = new Map<string, Owners>();

  constructor(
    private readonly journal: Journal,
    private readonly goesBack: boolean,
    /** The process of a life. */
    private readonly processOf: (life: number) => Process,
    private readonly report: Report,
  ) {}

  called(process: Process, status: CoreStatus): void {
    this.check(process, status);
  }

  /** The last call into a process that was killed in the middle of its wishes. */
  ended(process: Process): void {
    if (this.seen < this.journal.entries.length && process.core !== undefined)
      this.check(process, process.core.status);
  }

  private check(process: Process, status: CoreStatus): void {
    const { entries } = this.journal;
    for (; this.seen < entries.length; this.seen++) {
      const { stage, key, life } = entries[this.seen]!;
      if (stage === 0) continue;
      // Another one may have been started in the middle of what this one says.
      const by = life === process.life ? process : this.processOf(life);
      const { routeVersion, epoch, giver } = by === process ? status : by.core.status;
      // Where everything goes back, an epoch has nothing to do with those before it.
      const keyOfEpoch = `${this.goesBack ? epoch : 0} ${stage} ${key}`;
      // Whoever gives slots away by a route has had them before it, and goes on until all know of it.
      this.processed(by.name, routeVersion, giver === by.name ? routeVersion - 1 : routeVersion, keyOfEpoch);
    }
  }

  /** @param since the route by which this worker had the key at the latest */
  private processed(name: string, version: number, since: number, key: string): void {
    const owners = this.keys.get(key);
    if (owners === undefined) {
      this.keys.set(key, { now: name, lost: new Map() });
      return;
    }
    const { now, lost } = owners;
    if (now === name) return;
    const lostAt = lost.get(name) ?? 0;
    lost.set(now, since);
    owners.now = name;
    if (version > lostAt) return;
    this.report({
      checker: 'ownership',
      text: `${name} processed key ${key} at route ${version}; it has been ${now}'s since route ${lostAt}`,
    });
  }
}
