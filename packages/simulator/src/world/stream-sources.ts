import { SourceClients, type SourceCut, type StreamPosition } from '@wallaroo/worker/core';
import type { CoreMember } from './core.js';

/** The sources of one process to which clients bring streams: the real ones, but for how clients are connected. */
export class StreamSources {
  private readonly sources = new Map<string, SourceClients>();
  private readonly cuts = new Map<number, ReadonlyMap<string, SourceCut>>();
  /** Nobody is let in, and nothing more is read. */
  closed = false;

  constructor(private readonly core: () => CoreMember) {}

  source(name: string): SourceClients {
    let clients = this.sources.get(name);
    if (clients === undefined) {
      clients = new SourceClients({
        resilience: true,
        claim: (stream, answer) => this.core().claimStream({ source: name, stream }, answer),
        release: (stream, position) => this.core().releaseStream({ source: name, stream, position }),
      });
      this.sources.set(name, clients);
    }
    return clients;
  }

  cut(checkpoint: number): void {
    this.cuts.set(checkpoint, new Map([...this.sources].map(([name, clients]) => [name, clients.cut()])));
  }

  positions(): StreamPosition[] {
    return [...this.sources].flatMap(([source, clients]) =>
      [...clients.positions()].map(([stream, position]) => ({ source, stream, position })),
    );
  }

  commit(checkpoint: number): void {
    const cuts = this.cuts.get(checkpoint);
    for (const cut of [...this.cuts.keys()]) if (cut <= checkpoint) this.cuts.delete(cut);
    for (const [name, cut] of cuts ?? []) this.source(name).committed(cut);
  }

  restore(): void {
    this.cuts.clear();
    for (const clients of this.sources.values()) clients.restore();
  }

  /** `done` is called when all that was taken is safe, and clients have been sent elsewhere. */
  leave(done: () => void): void {
    this.closed = true;
    let waiting = this.sources.size;
    const isSafe = () => {
      if (--waiting > 0) return;
      for (const clients of this.sources.values()) clients.sendAway(undefined);
      done();
    };
    if (waiting === 0) return done();
    for (const clients of this.sources.values()) clients.leave(isSafe);
  }

  stop(): void {
    this.closed = true;
    for (const clients of this.sources.values()) clients.stop();
  }
}
