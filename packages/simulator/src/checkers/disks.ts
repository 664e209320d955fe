import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Wish } from '../world/wishes.js';
import type { Report } from './finding.js';

const said = /^ERROR Recovery: The files of this worker cannot be (written|removed): /;

/** Operators hear of every disk that fails. */
export class DiskChecker implements Partial<Watch> {
  private readonly told = new Map<Process, number>();

  constructor(private readonly report: Report) {}

  wished(process: Process, wish: Wish): void {
    if (wish.kind === 'line' && said.test(wish.text))
      this.told.set(process, (this.told.get(process) ?? 0) + 1);
  }

  called(process: Process): void {
    const told = this.told.get(process) ?? 0;
    if (told === process.diskFailures) return;
    this.report({
      checker: 'disks',
      text: `the disk of ${process.name} failed ${process.diskFailures} times, it has said so ${told} times`,
    });
  }
}
