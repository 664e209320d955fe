import type { CoreStatus } from '../world/core.js';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import { ms } from '../world/schedule.js';
import type { World } from '../world/world.js';

/** Pause before a worker that was not let in is started again. */
const againMs = 1000;
const notLetIn = ['JoinRefusedError', 'StartTimeoutError'];

/**
 * Does what operators do when a worker ends: one that has left is left alone, one that was not let in is started
 * anew. Knows which ends need no other explanation.
 */
export class Operator implements Partial<Watch> {
  private readonly leaving = new Set<string>();
  private readonly owners = new Set<string>();

  constructor(
    private readonly world: World,
    /** Hosts from this one on are for workers that join. */
    private readonly firstSpare: number,
    /** The cluster has been asked to stop. */
    private readonly stopping: () => boolean,
    /** Told of workers that start as if they had never been. */
    private readonly cleared: (name: string) => void,
  ) {}

  called({ name }: Process, status: CoreStatus): void {
    if (status.leaving.includes(name)) this.leaving.add(name);
    if (!this.owners.has(name) && status.owners.includes(name)) this.owners.add(name);
  }

  /** Who was killed on the way out, with its files gone already, is not started again. */
  ended({ name, host: index, killed, core }: Process): void {
    const host = this.world.hosts[index]!;
    if (!killed || !this.leaving.has(name) || host.disk.file !== undefined) return;
    const { phase, members } = core.status;
    const asMember = this.stopping() && members.includes(name);
    host.left = (phase === 'finishing' || phase === 'ended') && !asMember;
  }

  /** Whether a process that has ended by itself did so in order; if so, goes on from there. */
  explains({ fate, name, host: index }: Process): boolean {
    if (fate.kind !== 'exited') return false;
    const { failure } = fate;
    const host = this.world.hosts[index]!;
    const dropped =
      failure?.name === 'RefusedError' && failure.message.includes('is no member of the cluster');
    if (this.leaving.has(name) && (failure === undefined || dropped)) {
      // One that died when all was handed over comes back to nothing, and its operator clears up.
      if (dropped) host.removeFiles();
      host.left = true;
      return true;
    }
    const turnedAway = dropped || (failure !== undefined && notLetIn.includes(failure.name));
    // Who has owned slots was let in, and is never dropped.
    if (index < this.firstSpare || !turnedAway || this.owners.has(name)) return false;
    this.world.schedule.after(ms(againMs), () => {
      if (host.alive) return;
      host.removeFiles();
      this.cleared(name);
      host.boot();
    });
    return true;
  }
}
