import type { CoreStatus } from '../world/core.js';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Report } from './finding.js';

/**
 * What a worker holds has a bound that depends on windows, not on how long it runs.
 * @see boundBytes
 */
export class BoundsChecker implements Partial<Watch> {
  /** The most that was seen. */
  mostBytes = 0;

  constructor(
    private readonly boundBytes: number,
    private readonly report: Report,
  ) {}

  called({ name }: Process, { heldBytes, unacknowledgedBytes }: CoreStatus): void {
    const bytes = heldBytes + unacknowledgedBytes;
    if (bytes <= this.mostBytes) return;
    this.mostBytes = bytes;
    if (bytes <= this.boundBytes) return;
    this.report({
      checker: 'bounds',
      text: `${name} holds ${heldBytes} bytes from links and ${unacknowledgedBytes} for them; the bound is ${this.boundBytes}`,
    });
  }
}
