import type { Ending } from './ending.js';
import type { Parts } from './parts.js';

const tellAgainNs = 1e9;

/** This worker leaves a cluster that goes on: its sources end, its slots go one by one, and then it does. */
export class Leaving {
  /** The leader has been told that this worker has nothing under way any more. */
  told = false;
  private toldAt = 0;
  private drains = true;

  constructor(
    private readonly parts: Pick<Parts, 'ports' | 'standing' | 'mesh' | 'post' | 'data'>,
    private readonly ending: Ending,
  ) {}

  /** This worker is to leave, and has neither slots nor sources any more. */
  get handedOver(): boolean {
    const { standing } = this.parts;
    const { leaving, owners, route } = standing.view;
    return (
      leaving.includes(standing.name) &&
      standing.sources === 'ended' &&
      route === undefined &&
      !owners.includes(standing.place)
    );
  }

  /** Members are to leave. @param drain clients of their sources may send what they still have */
  asked(drain: boolean): void {
    this.drains = drain;
    this.endSources();
  }

  epochBegan(): void {
    this.told = false;
    this.endSources();
  }

  /** A member that is to go ends its sources; its slots go one by one. */
  endSources(): void {
    const { ports, standing } = this.parts;
    if (!standing.view.leaving.includes(standing.name)) return;
    if (standing.sources !== 'running' || standing.ends !== 'open') return;
    ports.log.line('Beginning process of leaving cluster.');
    standing.sources = 'ending';
    if (this.drains) ports.ends.drainSources();
    else ports.ends.endSources();
  }

  /** Tells the leader when a leaving worker has nothing under way any more. */
  tick(now: number): void {
    const { standing, post, data } = this.parts;
    if (!this.handedOver || standing.phase !== 'processing') return;
    // Told again from time to time: the leader that was told may have left itself.
    if (this.told && now - this.toldAt < tellAgainNs) return;
    const { held, unacknowledged } = data.linkBytes;
    if (held > 0 || unacknowledged > 0 || !(data.durability?.checkpointer.leftNothing ?? true)) return;
    this.told = true;
    this.toldAt = now;
    post.send(standing.leader, { type: 'drainedToLeave' });
  }

  /** It has left. @param led whether it was the leader until now: then it sees that the others know */
  left(led: boolean): void {
    const { ports, standing, mesh } = this.parts;
    standing.phase = 'finishing';
    ports.log.line('AUTOSCALE: Shutting down.');
    // The others have let go of it.
    if (!led) for (const peer of [...mesh.peers.values()]) mesh.forget(peer);
    this.ending.flushSinks();
  }
}
