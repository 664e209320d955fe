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
  /** Something of this worker's own is full: it tells its peers. */
  private own = false;
  private readonly fullPeers = new Set<string>();
  private readonly full = { sink: new Set<string>(), link: new Set<string>() };

  constructor(
    private readonly windowBytes: Readonly<Record<Reservoir, number>>,
    /** Called when `muted` has changed. */
    private readonly changed: (what: string) => void,
    /** Called when `sinksFull` has become false. */
    private readonly sinksCaughtUp: () => void,
    /** Called when `ownFull` has changed. */
    private readonly ownChanged: () => void,
  ) {}

  get ownFull(): boolean {
    return this.own;
  }

  get sinksFull(): boolean {
    return this.full.sink.size > 0;
  }

  /** To be called when what a sink or a link holds has changed. */
  update(kind: Reservoir, name: string, heldBytes: number): void {
    const full = this.full[kind];
    const { sinksFull } = this;
    if (heldBytes > this.windowBytes[kind]) full.add(name);
    else if (heldBytes <= this.windowBytes[kind] / 2) full.delete(name);
    if (sinksFull && !this.sinksFull) this.sinksCaughtUp();
    const own = this.full.sink.size > 0 || this.full.link.size > 0;
    if (own !== this.own) {
      this.own = own;
      this.ownChanged();
    }
    this.settle(`${kind} ${name}`);
  }

  /**
   * What another worker is sent by this one may go on to a third: so a full worker mutes the sources of all. It is
   * not passed on, or two workers would keep each other muted.
   */
  peerIsFull(name: string, full: boolean): void {
    if (full) this.fullPeers.add(name);
    else this.fullPeers.delete(name);
    this.settle(`worker ${name}`);
  }

  private settle(what: string): void {
    const muted = this.own || this.fullPeers.size > 0;
    if (muted === this.muted) return;
    this.muted = muted;
    this.changed(what);
  }
}
