import type { CoreStatus } from '../world/core.js';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Report } from './finding.js';

/** A worker takes part in an epoch only if the epoch lists it, in the incarnation that it has. */
export class ParticipationChecker implements Partial<Watch> {
  /** By life, the epoch that was looked at last. */
  private readonly seen = new Map<number, number>();

  constructor(private readonly report: Report) {}

  called({ life, name }: Process, status: CoreStatus): void {
    const { epoch, incarnation } = status;
    if (epoch === 0 || this.seen.get(life) === epoch) return;
    this.seen.set(life, epoch);
    const listed = status.incarnations[status.members.indexOf(name)];
    if (listed === incarnation) return;
    const as = listed === undefined ? 'does not list it' : `lists it as incarnation ${listed}`;
    this.report({
      checker: 'participation',
      text: `${name} takes part in epoch ${epoch} as incarnation ${incarnation}; the epoch ${as}`,
    });
  }
}
