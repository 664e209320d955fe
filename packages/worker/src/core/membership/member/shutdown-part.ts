import { IncompleteShutdownError } from '../errors.js';
import type { ControlMessage } from '../messages.js';
import { Shutdown } from '../shutdown.js';
import { inEffectOrKnown } from '../status.js';
import type { Ending } from './ending.js';
import type { Parts } from './parts.js';

type Drain = Extract<ControlMessage, { type: 'drain' }>;

const shutdownGraceMs = 1000;

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

  constructor(
    private readonly parts: Pick<
      Parts,
      | 'settings'
      | 'planted'
      | 'ports'
      | 'standing'
      | 'clusterLog'
      | 'mesh'
      | 'attendance'
      | 'links'
      | 'post'
      | 'data'
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
    const { planted, ports, standing, post } = this.parts;
    if (this.shutdown !== undefined || standing.phase === 'finishing') return;
    if (standing.view.epoch === 0 || standing.ends !== 'open') return this.giveUpStart();
    const now = ports.clock.now();
    standing.leadsShutdown = true;
    this.shutdown = new Shutdown(
      () => standing.view.members.map(({ name }) => name),
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
    const { links, attendance } = this.parts;
    if (this.shutdown !== undefined) {
      this.shutdown.tick(
        now,
        links.others.every((peer) => attendance.present(peer, now)),
      );
    }
    this.endIfOrphaned(now);
  }

  /** How far a member is. */
  report(member: string, report: Extract<ControlMessage, { type: 'drained' }>): void {
    this.shutdown?.report(member, report);
  }

  epochBegan(): void {
    this.lastBefore = undefined;
  }

  /** Messages flow again. */
  resumed(): void {
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
    if (standing.phase !== 'processing' && standing.phase !== 'draining') return false;
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
    const { standing, clusterLog, mesh, data } = this.parts;
    if (standing.phase === 'finishing') return;
    standing.phase = 'finishing';
    if (!complete) {
      const { held, unacknowledged } = data.linkBytes;
      const { members } = inEffectOrKnown(standing.view, clusterLog.state);
      const unreachable = members.map(({ name }) => name).filter((name) => mesh.isAway(name));
      return standing.end(new IncompleteShutdownError(held + unacknowledged, unreachable));
    }
    if (keepFiles) return standing.end(undefined);
    this.ending.flushSinks();
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

  /** Nothing has been processed yet: whoever waits with us ends as well, and files stay as they are. */
  private giveUpStart(): void {
    const { settings, standing, mesh } = this.parts;
    if (settings.role.kind !== 'joiner') {
      for (const peer of mesh.peers.values()) {
        if (peer.control.boundary.open) mesh.send(peer, { type: 'finish', complete: true, keepFiles: true });
      }
    }
    standing.phase = 'finishing';
    standing.end(undefined);
  }
}
