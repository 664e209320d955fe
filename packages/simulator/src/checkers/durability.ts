import { ClusterLog, readClusterFile } from '@wallaroo/worker/core';
import type { CoreStatus } from '../world/core.js';
import type { Host, Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Report } from './finding.js';

/** A record of the control log takes effect when it is on disk at every member: told by epochs and routes. */
export class DurabilityChecker implements Partial<Watch> {
  private epoch = 0;
  private routeVersion = 0;

  constructor(
    private readonly hosts: readonly Host[],
    private readonly fileOf: (host: Host) => Buffer | undefined,
    private readonly report: Report,
  ) {}

  called({ name }: Process, status: CoreStatus): void {
    const { epoch, routeVersion } = status;
    if (epoch < this.epoch || (epoch === this.epoch && routeVersion <= this.routeVersion)) return;
    this.epoch = epoch;
    this.routeVersion = routeVersion;
    for (const member of status.members) {
      const host = this.hosts.find(({ name: one }) => one === member);
      const file = host === undefined ? undefined : this.fileOf(host);
      const kept = file === undefined ? undefined : new ClusterLog(readClusterFile(file).records).state;
      if (kept !== undefined && kept.epoch > epoch) continue;
      if (kept !== undefined && kept.epoch === epoch && kept.routeVersion >= routeVersion) continue;
      this.report({
        checker: 'durability',
        text:
          `epoch ${epoch} with route ${routeVersion} is in effect at ${name}; on the disk of ${member} is ` +
          (kept === undefined ? 'nothing' : `epoch ${kept.epoch} with route ${kept.routeVersion}`),
      });
    }
  }
}
