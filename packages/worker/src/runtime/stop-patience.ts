/** Aborts its signal when the unsent bytes have not changed for a while. */
export class StopPatience {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  readonly signal: AbortSignal = this.controller.signal;

  constructor(patienceMs: number, unsentBytes: () => number) {
    let last = unsentBytes();
    let waitedMs = 0;
    this.timer = setInterval(() => {
      const now = unsentBytes();
      // Ticks are counted, not time: while we compute no sink can take anything.
      waitedMs = now === last ? waitedMs + tickMs : 0;
      last = now;
      if (waitedMs >= patienceMs) this.controller.abort();
    }, tickMs);
  }

  end(): void {
    clearInterval(this.timer);
  }

  /**
   * Waits for `stopping`, but once the patience is over only a moment longer: a source or a sink that does
   * not heed its deadline must not keep the worker.
   */
  async bound(stopping: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      const soon = () => (timer = setTimeout(resolve, graceMs));
      if (this.signal.aborted) soon();
      else this.signal.addEventListener('abort', soon, { once: true });
    });
    await Promise.race([stopping, over]);
    clearTimeout(timer);
  }
}

const tickMs = 20;
const graceMs = 500;
