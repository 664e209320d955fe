import type { Clock } from '../ports.js';

/**
 * A turn: all messages that are processed between two flushes of the outboxes. It opens with the first
 * message after a flush. The runtime closes it once per turn of the event loop.
 */
export class Turn {
  open = false;
  /** Clock reading at the first message; zero when nobody wants timings. */
  startedAt = 0;

  constructor(
    private readonly clock: Clock,
    /** Called when a turn opens: somebody has to close it later. */
    private readonly opened: () => void,
  ) {}

  /** Timings are taken. Switched on while somebody listens to them. */
  timed = false;

  begin(): void {
    this.open = true;
    if (this.timed) this.startedAt = this.clock.now();
    this.opened();
  }
}
