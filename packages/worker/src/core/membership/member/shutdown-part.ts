import { IncompleteShutdownError } from '../errors.js';
import type { ControlMessage } from '../messages.js';
import { Shutdown } from '../shutdown.js';
import { inEffectOrKnown } from '../status.js';
import type { Ending } from './ending.js';
import type { Parts } from './parts.js';

type Drain = Extract<ControlMessage, { type: 'drain' }>;

const shutdownGraceMs = 1000;
/** So long a worker that has just been started tries to reach the others before it counts without them. */
const connectNs = 1e9;

/** What a worker says that has processed nothing in its life. */
const notBegun = { epoch: 0, sourcesEnded: false, settled: false, sent: 0, processed: 0, unsent: 0, cut: 0 };

/**
 * The part that a worker takes in a clean shutdown of its cluster. One of them leads it, which need not be the leader
 * of the cluster: the one that was asked to stop. Round by round the others are asked how far they are, this worker by
 * itself too; a last checkpoint counts, and all are told to finish.
 */
export class ShutdownPart {
  /** While this worker leads it. */
  private shutdown: Shutdown | undefined;
  /** The clean shutdown that this worker is asked to take part in, and the last round of it. */
  private asked: { readonly leader: string; readonly round: number } | undefined;
  /** Nothing is under way in the whole cluster: it ends when a checkpoint counts that is newer than this one. */
  private lastBefore: number | undefined;
  /** Messages have flowed in this life. */
  private flowed = false;
  /** On the clock. */
  private ledSince = 0;
  /** While this worker leads a shutdown: those that have said that messages have not flowed in their lives. */
  private readonly unused = new Set<string>();

  constructor(
    private readonly parts: Pick<
      Parts,
      'settings' | 'planted' | 'ports' | 'standing' | 'clusterLog' | 'mesh' | 'attendance' | 'post' | 'data'
    >,
    private readonly ending: Ending,
  ) {}

  /** The cluster is being shut down: nothing changes in it any more. */
  get begun(): boolean {
    return this.asked !== undefined;
  }

  /** Nothing is under way in the whole cluster, and this worker waits for the checkpoint that has it all. */
  get wantsCheckpoint(): boolean {
    const { durability } = this.parts.data;
    return (
      this.lastBefore !== undefined &&
      durability !== undefined &&
      durability.checkpointer.counted <= this.lastBefore
    );
  }

  /** Stops the whole cluster: what was read is processed, then all workers end. */
  lead(): void {
    const { planted, ports, standing, clusterLog, post } = this.parts;
    if (this.shutdown !== undefined || standing.phase === 'finishing') return;
    if (clusterLog.state.epoch === 0) return this.giveUpStart();
    const now = ports.clock.now();
    standing.leadsShutdown = true;
    this.ledSince = now;
    this.shutdown = new Shutdown(
      () => this.members,
      (member, message) => post.send(member, message),
      this.patienceNs,
      planted.has('shutdown does not drain'),
      now,
    );
    this.shutdown.tick(now, true);
  }

  sourcesEnded(): void {
    this.shutdown?.tick(this.parts.ports.clock.now(), true);
  }

  tick(now: number): void {
    const { mesh, attendance } = this.parts;
    if (this.shutdown !== undefined) {
      if (this.nobodyHasBegun(now)) return this.giveUpStart();
      this.shutdown.tick(
        now,
        this.others.every((name) => attendance.present(mesh.peer(name), now)),
      );
    }
    this.endIfOrphaned(now);
  }

  /** How far a member is. */
  report(member: string, report: Extract<ControlMessage, { type: 'drained' }>): void {
    if (report.epoch === 0) this.unused.add(member);
    else this.unused.delete(member);
    this.shutdown?.report(member, report);
  }

  epochBegan(): void {
    this.lastBefore = undefined;
  }

  /** Messages flow, or flow again. */
  resumed(): void {
    this.flowed = true;
    if (this.asked !== undefined)
      this.drain(this.asked.leader, { round: this.asked.round, quiet: 0, after: 0 });
  }

  /**
   * The one that leads the shutdown asks how far this worker is.
   * @returns whether a last checkpoint may be begun now
   */
  drain(from: string, { round, quiet, after }: Omit<Drain, 'type'>): boolean {
    const { ports, standing, post, data } = this.parts;
    if (standing.finishing) return false;
    if (this.asked === undefined && from !== standing.name) {
      ports.log.line(`Shutting down: ${from} was asked to stop the cluster.`);
    }
    this.asked = { leader: from, round };
    // Otherwise once messages flow again.
    if (standing.phase !== 'processing' && standing.phase !== 'draining') {
      if (!this.flowed) post.send(from, { type: 'drained', round, ...notBegun });
      return false;
    }
    // Also if sources end already: to leave may take a checkpoint, and none follows.
    if (standing.phase === 'processing' && standing.sources !== 'ended') {
      standing.sources = 'ending';
      ports.ends.endSources();
    }
    standing.phase = 'draining';
    // Of another epoch it says nothing: everything has gone back since.
    const last = quiet > 0 && quiet === standing.view.epoch;
    if (last) this.lastBefore ??= after;
    data.endTurn();
    const sourcesEnded =
      standing.sources === 'ended' &&
      data.migration.heldBytes === 0 &&
      (data.durability?.journal.empty ?? true);
    const { epoch } = standing.view;
    const { settled } = this;
    const cut = data.durability?.checkpointer.newest ?? 0;
    post.send(from, { type: 'drained', round, epoch, sourcesEnded, settled, ...data.totals, cut });
    return last;
  }

  /** All is over, or given up. */
  finish(complete: boolean, keepFiles: boolean): void {
    const { standing, data } = this.parts;
    if (standing.phase === 'finishing') return;
    standing.phase = 'finishing';
    if (!complete) {
      const { held, unacknowledged } = data.linkBytes;
      const unreachable = this.others.filter((name) => this.isMissing(name));
      return standing.end(new IncompleteShutdownError(held + unacknowledged, unreachable));
    }
    if (keepFiles) return this.endAsItWas();
    this.ending.flushSinks();
  }

  private get members(): string[] {
    const { standing, clusterLog } = this.parts;
    return inEffectOrKnown(standing.view, clusterLog.state).members.map(({ name }) => name);
  }

  private get others(): string[] {
    return this.members.filter((name) => name !== this.parts.standing.name);
  }

  private isMissing(name: string): boolean {
    const { ports, standing, mesh, attendance } = this.parts;
    if (standing.view.epoch > 0) return mesh.isAway(name);
    return !attendance.present(mesh.peer(name), ports.clock.now());
  }

  /** All that this worker has is in a checkpoint that counts, and out of its sinks. */
  private get settled(): boolean {
    const { durability, totals } = this.parts.data;
    if (durability === undefined) return true;
    const { counted } = durability.checkpointer;
    return this.lastBefore !== undefined && counted > this.lastBefore && totals.unsent === 0;
  }

  /** Longer than the patience of a worker with its own sinks, which comes first. */
  private get patienceNs(): number {
    return (2 * this.parts.settings.stopPauseMs + shutdownGraceMs) * 1e6;
  }

  /** The leader of the shutdown is gone: it is over, or died. What this worker had is processed, or never will be. */
  private endIfOrphaned(now: number): void {
    const { settings, ports, standing, mesh, data } = this.parts;
    if (standing.phase !== 'draining' || this.shutdown !== undefined || this.asked === undefined) return;
    const leader = mesh.peers.get(this.asked.leader);
    if (leader?.awaySince === undefined || now - leader.awaySince < 2 * this.patienceNs) return;
    const { held, unacknowledged } = data.linkBytes;
    // With checkpoints the cluster can be started again, and then is as it was; so nobody need guess.
    const complete =
      settings.resilience === undefined && held + unacknowledged === 0 && standing.sources === 'ended';
    ports.log.line(`${leader.name}, which led the shutdown, is gone.`);
    this.finish(complete, !complete);
  }

  /**
   * Nobody goes on before this worker does, and all that can be reached have processed nothing yet: they need not wait
   * for the others.
   */
  private nobodyHasBegun(now: number): boolean {
    const { standing, mesh } = this.parts;
    if (standing.view.epoch > 0 && standing.ends === 'open') return false;
    const unreached = (name: string) =>
      !mesh.peer(name).control.boundary.open && now - this.ledSince > connectNs;
    return this.members.every((name) => this.unused.has(name) || (name !== standing.name && unreached(name)));
  }

  /** Nothing has been processed yet: whoever waits with us ends as well. */
  private giveUpStart(): void {
    const { settings, standing, mesh } = this.parts;
    if (settings.role.kind !== 'joiner') {
      for (const peer of mesh.peers.values()) {
        if (peer.control.boundary.open) mesh.send(peer, { type: 'finish', complete: true, keepFiles: true });
      }
    }
    standing.phase = 'finishing';
    this.endAsItWas();
  }

  private endAsItWas(): void {
    const { ports, standing, clusterLog } = this.parts;
    if (clusterLog.state.epoch > 0)
      ports.log.line(
        'Stopped before the cluster was whole: it can be started again with the files of its workers.',
      );
    standing.end(undefined);
  }
}
