/**
 * Memory is bounded by muting sources. Each sink says how much it holds; while any of them is above the
 * window, every source is muted, and until all have come down to half of it.
 */
export class Backpressure {
  /** Read by sources between two messages. */
  muted = false;
  private readonly full = new Set<string>();

  constructor(
    private readonly windowBytes: number,
    private readonly changed: (muted: boolean, fullest: string) => void,
  ) {}

  /** To be called when what a sink holds has changed. */
  update(sink: string, unsentBytes: number): void {
    if (unsentBytes > this.windowBytes) this.full.add(sink);
    else if (unsentBytes <= this.windowBytes / 2) this.full.delete(sink);
    const muted = this.full.size > 0;
    if (muted === this.muted) return;
    this.muted = muted;
    this.changed(muted, sink);
  }
}
