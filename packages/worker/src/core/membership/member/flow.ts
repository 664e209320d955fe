import type { DataPlane } from '../../engine/data-plane.js';
import type { PlantedBug } from '../../planted.js';
import type { Links } from './links.js';
import type { Standing } from './standing.js';
import type { MemberPorts } from './surroundings.js';

/** Whether messages flow through this worker. Sources are told of it at the end of each turn, if it has changed. */
export class Flow {
  /** As `mayOpen` was at the end of the last turn: sources ask at every message. */
  private open = false;
  private wasFlowing = false;
  private wasRunning = false;
  private readonly ignoresWindows: boolean;
  private readonly runsEarly: boolean;

  constructor(
    private readonly ports: Pick<MemberPorts, 'ends' | 'turnOpened'>,
    private readonly standing: Standing,
    private readonly data: DataPlane,
    private readonly links: Links,
    planted: ReadonlySet<PlantedBug>,
  ) {
    this.ignoresWindows = planted.has('window is ignored');
    this.runsEarly = planted.has('processed before resume');
  }

  /** Sources may push: all members are there, and nothing is full. Read between two messages. */
  get flowing(): boolean {
    return this.open && !this.data.journalFull && (!this.data.backpressure.muted || this.ignoresWindows);
  }

  /** Messages flow, or would if there were any and nothing was full. */
  get processing(): boolean {
    return this.standing.phase === 'processing' && !this.links.broken;
  }

  /** What comes on links is processed. */
  get running(): boolean {
    const { phase } = this.standing;
    const early = this.runsEarly && (phase === 'preparing' || phase === 'ready');
    return this.processing || phase === 'draining' || early;
  }

  /** Sources may push, unless something is full. */
  private get mayOpen(): boolean {
    const { phase, sources } = this.standing;
    const open = phase === 'processing' || phase === 'draining';
    return open && sources !== 'ended' && !this.links.broken;
  }

  tell(): void {
    if (this.standing.phase === 'ended') return;
    this.open = this.mayOpen;
    const { flowing, running } = this;
    if (flowing && !this.wasFlowing && this.data.durability !== undefined) this.ports.turnOpened();
    // What waited on links while this worker stood still.
    if (running && !this.wasRunning) this.ports.turnOpened();
    this.wasRunning = running;
    if (flowing === this.wasFlowing) return;
    this.wasFlowing = flowing;
    this.ports.ends.flow(flowing);
  }
}
