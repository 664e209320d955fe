import type { CoreStatus } from '../world/core.js';
import { eachFrame, stateKind } from '../world/frames.js';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Socket } from '../world/socket.js';
import type { Report } from './finding.js';

/**
 * What a worker holds has a bound that depends on windows, not on how long it runs; besides, it holds the state of
 * slots on their way, which no window bounds.
 */
export class BoundsChecker implements Partial<Watch> {
  /** The most that was seen. */
  mostBytes = 0;
  /** State in frames, by route. */
  private readonly shipped = new Map<number, number>();
  private stateBytes = 0;

  constructor(
    private readonly boundBytes: number,
    private readonly report: Report,
  ) {}

  /** A tap of the network. */
  readonly see = (_from: Socket, bytes: Buffer): void => {
    eachFrame(bytes, ({ kind, route, bytes: length }) => {
      if (kind !== stateKind) return;
      const sum = (this.shipped.get(route) ?? 0) + length;
      this.shipped.set(route, sum);
      this.stateBytes = Math.max(this.stateBytes, sum);
    });
  };

  called({ name }: Process, { heldBytes, unacknowledgedBytes }: CoreStatus): void {
    const bytes = heldBytes + unacknowledgedBytes;
    if (bytes <= this.mostBytes) return;
    this.mostBytes = bytes;
    // The state of a route may still wait for its acknowledgement when that of the next one is on its way.
    const bound = this.boundBytes + 2 * this.stateBytes;
    if (bytes <= bound) return;
    this.report({
      checker: 'bounds',
      text: `${name} holds ${heldBytes} bytes from links and ${unacknowledgedBytes} for them; the bound is ${bound}`,
    });
  }
}
