import type { Parts } from './parts.js';

/** At least so long the worker that has told others that all is over waits until they know. */
const toldPatienceMs = 10_000;

/** The end of a worker that has nothing left to process: its sinks flush, its files go, and the others know. */
export class Ending {
  /** Until when this worker, which has nothing else to do, sees that the others know that all is over. */
  private until: number | undefined;

  constructor(
    private readonly parts: Pick<Parts, 'settings' | 'ports' | 'standing' | 'links' | 'data' | 'keeper'>,
  ) {}

  /** Nothing goes back any more: all output is let out. */
  flushSinks(): void {
    this.parts.data.durability?.release();
    this.parts.ports.ends.flushSinks();
  }

  sinksFlushed(): void {
    if (this.parts.standing.phase === 'finishing') this.parts.keeper.remove(() => this.finished());
  }

  tick(now: number): void {
    if (this.until === undefined) return;
    const { links, standing } = this.parts;
    const untold = links.others.some(({ control }) => control.boundary.unacknowledgedBytes > 0);
    if (!untold || now >= this.until) standing.end(undefined);
  }

  /** Who has told others that all is over waits until they know, for a while. */
  private finished(): void {
    const { settings, ports, standing } = this.parts;
    const told = standing.leadsShutdown || standing.place < 0;
    if (!told) return standing.end(undefined);
    // Long enough for a connection that broke to be missed and made anew, and for a process that stands still a while.
    const patience = Math.max(toldPatienceMs, 3 * settings.timing.silenceMs);
    this.until = ports.clock.now() + patience * 1e6;
    this.tick(ports.clock.now());
  }
}
