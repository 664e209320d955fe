/** What can be full. */
export type Reservoir = 'sink' | 'link';

/**
 * Memory is bounded by muting sources. Each sink and each link says how much it holds; while any of them is
 * above its window, every source is muted, and until all have come down to half of it.
 *
 * Only a full sink holds up what comes from other workers as well: links never wait for links, so no circle
 * of workers waits for itself.
 */
export class Backpressure {
  /** Sources are to push nothing. They ask at every message. */
  muted = false;
  private readonly full = { sink: new Set<string>(), link: new Set<string>() };

  constructor(
    private readonly windowBytes: Readonly<Record<Reservoir, number>>,
    /** Called when `muted` has changed. */
    private readonly changed: (what: string) => void,
    /** Called when `sinksFull` has become false. */
    private readonly sinksCaughtUp: () => void,
  ) {}

  get sinksFull(): boolean {
    return this.full.sink.size > 0;
  }

  /** To be called when what a sink or a link holds has changed. */
  update(kind: Reservoir, name: string, heldBytes: number): void {
    const full = this.full[kind];
    const { muted, sinksFull } = this;
    if (heldBytes > this.windowBytes[kind]) full.add(name);
    else if (heldBytes <= this.windowBytes[kind] / 2) full.delete(name);
    if (sinksFull && !this.sinksFull) this.sinksCaughtUp();
    this.muted = this.full.sink.size > 0 || this.full.link.size > 0;
    if (muted !== this.muted) this.changed(`${kind} ${name}`);
  }
}
