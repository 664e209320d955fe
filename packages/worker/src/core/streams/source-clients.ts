import { SourceSession, type SessionHost } from './source-session.js';
import { SourceStreams, type StreamCluster } from './source-streams.js';

/** What is kept of a source with a checkpoint. */
export interface SourceCut {
  readonly streams: ReturnType<SourceStreams['cut']>;
  /** Nothing was taken after it: this worker leaves. */
  readonly last: boolean;
}

/** The clients of one source that bring streams, and how far these have come; not how they are connected. */
export class SourceClients {
  private readonly streams: SourceStreams;
  private readonly sessions = new Set<SourceSession>();
  private isLeaving = false;
  private lastCutCounts: () => void = () => undefined;

  constructor(private readonly cluster: StreamCluster) {
    this.streams = new SourceStreams(cluster);
  }

  /** Nothing more is to be taken. */
  get leaving(): boolean {
    return this.isLeaving;
  }

  connected(host: Omit<SessionHost, 'streams' | 'resilience'>): SourceSession {
    const { streams, cluster } = this;
    const session = new SourceSession({ ...host, streams, resilience: cluster.resilience });
    this.sessions.add(session);
    return session;
  }

  /** Its connection is gone. */
  disconnected(session: SourceSession): void {
    this.sessions.delete(session);
    session.closed();
  }

  /** A checkpoint is being cut. */
  cut(): SourceCut {
    return { streams: this.streams.cut(), last: this.isLeaving };
  }

  /** The checkpoint counts that was cut then. */
  committed({ streams, last }: SourceCut): void {
    this.streams.committed(streams);
    for (const session of this.sessions) session.refill();
    if (last) this.stop();
  }

  /** By stream: the last message that was processed. */
  positions(): ReadonlyMap<bigint, bigint> {
    return new Map(this.streams.cut().map(([id, lastSeen]) => [id, lastSeen]));
  }

  /** Everything goes back. What clients have sent since has to come again; who has not begun to send may go on. */
  restore(): void {
    for (const session of [...this.sessions]) if (session.begun) session.restart();
    this.streams.forget();
    this.stop();
  }

  /**
   * This worker leaves: nothing more is taken. `done` is called when a checkpoint counts that has all that clients have
   * sent, or nothing can come of that any more; at once without resilience, or clients.
   */
  leave(done: () => void): void {
    this.isLeaving = true;
    if (this.cluster.resilience && this.sessions.size > 0) this.lastCutCounts = done;
    else done();
  }

  /** Nothing is waited for any more. */
  stop(): void {
    const done = this.lastCutCounts;
    this.lastCutCounts = () => undefined;
    done();
  }

  /** All clients are to go on there; undefined: here. */
  sendAway(successor: string | undefined): void {
    for (const session of [...this.sessions]) session.restart(successor);
  }
}
