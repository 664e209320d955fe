import type { SourceClient } from '../../api/source.js';
import type { Engine } from '../engine/engine.js';
import { unreachable } from '../invariant.js';
import type { ChannelName } from '../link/inbound.js';
import type { ConnectionId } from '../ports.js';
import type { ClaimAnswer } from '../streams/stream-claims.js';
import type { StreamId, StreamPosition } from '../streams/stream-position.js';
import type { ShrinkReply, ShrinkWish } from './cluster-leader.js';
import { JoinRefusedError } from './errors.js';
import type { ControlMessage } from './messages.js';
import { Rooms } from './member/rooms.js';
import type { Flow } from './member/flow.js';
import type { MemberPorts, MemberSettings } from './member/surroundings.js';
import { StatusNow, type MemberStatus } from './status.js';

/**
 * One worker of a cluster, whole but for the world around it: data path, links, membership. Everything is
 * synchronous and deterministic; the world calls, and what is wished of it goes out through the ports.
 *
 * Here are the calls of the world, the turn that each of them is, and which room of `member/` each control message goes
 * to. What the rooms know in common is in `Standing`, what they look into is in `Parts`.
 */
export class Member {
  private readonly rooms: Rooms;
  /** Asked for at every message. */
  private readonly flow: Flow;
  private depth = 0;
  private readonly isAway: (name: string) => boolean;

  /** @throws ClusterFileError when what was saved cannot be used by this worker */
  constructor(
    settings: MemberSettings,
    private readonly ports: MemberPorts,
  ) {
    this.rooms = new Rooms(settings, ports, (from, message) => this.handle(from, message));
    const { flow, mesh } = this.rooms;
    this.flow = flow;
    this.isAway = (name) => mesh.isAway(name);
  }

  get engine(): Engine {
    return this.rooms.data.engine;
  }

  /** Sources may push: all members are there, and nothing is full. Read between two messages. */
  get flowing(): boolean {
    return this.flow.flowing;
  }

  /** Messages have flowed at least once in this life. */
  get initialized(): boolean {
    return this.rooms.currentEpoch.initialized;
  }

  /** Messages flow, or would if there were any and nothing was full. */
  get processing(): boolean {
    return this.flow.processing;
  }

  get status(): MemberStatus {
    const { standing, data, leader, clusterLog } = this.rooms;
    const { held, unacknowledged } = data.linkBytes;
    return new StatusNow(
      {
        phase: standing.phase,
        incarnation: standing.incarnation,
        routeVersion: data.migration.version,
        heldBytes: held,
        unacknowledgedBytes: unacknowledged,
        journalBytes: data.durability?.journal.bytes ?? 0,
        progress: leader.progress,
      },
      standing.view,
      clusterLog.state,
      this.isAway,
    );
  }

  /** Where another worker is, as this one reaches it. */
  hostOf(name: string): string | undefined {
    return this.rooms.mesh.peers.get(name)?.addresses?.control.host;
  }

  start(): void {
    this.turn(() => this.rooms.formation.start());
  }

  tick(): void {
    const { rooms } = this;
    this.turn(() => {
      const now = this.ports.clock.now();
      rooms.mesh.tick(now);
      if (!rooms.standing.finishing)
        rooms.attendance.watch(rooms.links.others, now, rooms.standing.phase === 'draining');
      rooms.shutdownPart.tick(now);
      rooms.ending.tick(now);
      rooms.departed.tick(now);
      rooms.questions.tick(now);
      rooms.keeper.tick(now);
      rooms.data.durability?.tick(now);
      rooms.formation.formIfComplete();
      rooms.succession.lead();
      rooms.currentEpoch.checkReady();
      rooms.leaving.tick(now);
      rooms.data.migration.remind(now);
      rooms.formation.tick(now);
    });
  }

  accepted(connection: ConnectionId, channel: ChannelName, remoteHost: string): void {
    this.turn(() => this.rooms.mesh.accepted(connection, channel, remoteHost));
  }

  connected(connection: ConnectionId): void {
    this.turn(() => this.rooms.mesh.connected(connection));
  }

  /** @throws UserCodeError when a function of the application fails and the worker is to stop */
  received(connection: ConnectionId, bytes: Buffer): void {
    this.turn(() => this.rooms.mesh.received(connection, bytes));
  }

  closed(connection: ConnectionId): void {
    this.turn(() => this.rooms.mesh.closed(connection));
  }

  stored(operation: number): void {
    this.turn(() => this.rooms.operations.stored(operation));
  }

  storeFailed(operation: number, why: string): void {
    this.turn(() => this.rooms.operations.failed(operation, why));
  }

  /** Takes over `bytes`, which were read of a log file. */
  logRead(operation: number, bytes: Buffer): void {
    this.turn(() => this.rooms.operations.read(operation, bytes));
  }

  /** All that sinks were given before the checkpoint will outlive a crash. */
  sinksPrepared(checkpoint: number): void {
    this.turn(() => this.rooms.data.durability?.checkpointer.prepared(checkpoint));
  }

  prepareFailed(checkpoint: number, why: string): void {
    this.turn(() => this.rooms.data.durability?.checkpointer.prepareFailed(checkpoint, why));
  }

  /** Sources and sinks have gone back to where they were asked to. */
  endsRestored(): void {
    this.turn(() => this.rooms.data.durability?.endsRestored());
  }

  /**
   * Takes a message that a source has read and cannot be asked for again: it is on disk before it is processed.
   * The bytes may be looked at until the turn of the loop ends. Only with resilience.
   */
  journal(source: string, bytes: Buffer, start: number, end: number, client?: SourceClient): void {
    this.rooms.data.durability!.journal.receive(source, bytes, start, end, client);
  }

  /**
   * A client of a source wants to bring a stream. `answer` is called once, with the position behind which it goes on,
   * or nothing when another worker has it; never if everything goes back meanwhile.
   */
  claimStream(stream: StreamId, answer: ClaimAnswer): void {
    this.turn(() => this.rooms.streams.claim(stream, answer));
  }

  /** The stream may go on elsewhere. With resilience a checkpoint counts that has this position. */
  releaseStream(position: StreamPosition): void {
    this.turn(() => this.rooms.streams.release(position));
  }

  endsOpened(): void {
    this.turn(() => this.rooms.currentEpoch.endsOpened());
  }

  sourcesEnded(): void {
    this.turn(() => {
      this.rooms.standing.sources = 'ended';
      this.rooms.shutdownPart.sourcesEnded();
    });
  }

  sinksFlushed(): void {
    this.turn(() => this.rooms.ending.sinksFlushed());
  }

  /** To be called whenever what a sink has not handed on has changed. */
  sinkHolds(sink: string, unsentBytes: number): void {
    this.rooms.data.sinkHolds(sink, unsentBytes);
    this.flow.tell();
  }

  /** Hands on what was gathered, and processes what had to wait. @throws UserCodeError */
  endTurn(): void {
    this.turn(() => this.rooms.data.endTurn());
  }

  /** Stops the whole cluster: what was read is processed, then all workers end. */
  shutDown(): void {
    this.turn(() => this.rooms.shutdownPart.lead());
  }

  /**
   * Asks every member, this one included. `done` is called once, with the answers and the names of those that
   * gave none within a second.
   */
  ask(
    question: string,
    done: (answers: ReadonlyMap<string, string>, missing: readonly string[]) => void,
  ): void {
    this.turn(() => this.rooms.questions.ask(question, done));
  }

  /** An operator wants fewer workers; the leader decides. `done` is called once; text and names as in the protocol. */
  shrink(wish: ShrinkWish, done: (reply: ShrinkReply) => void): void {
    this.turn(() => this.rooms.questions.shrink(wish, done));
  }

  /**
   * An operator wants a worker to begin another file of its event log; if it is another one, that is told. What comes
   * of it shows in the logs.
   */
  rotateLog(worker: string): void {
    this.turn(() => this.rooms.questions.rotateLog(worker));
  }

  /** Every call of the world runs in here: what is to be done at its end is done once. */
  private turn(work: () => void): void {
    const { standing, post, data } = this.rooms;
    if (standing.phase === 'ended') return;
    this.depth++;
    try {
      work();
      if (this.depth === 1) {
        for (let message = post.next(); message !== undefined; message = post.next())
          this.handle(standing.name, message);
      }
      if (this.depth === 1) data.migration.poll();
    } finally {
      this.depth--;
    }
    if (this.depth === 0) this.flow.tell();
  }

  /** Every message has an answer in every phase: act, ignore, or fence. */
  private handle(from: string, message: ControlMessage): void {
    const { rooms } = this;
    const { leadership } = rooms.leader;
    switch (message.type) {
      case 'gather':
        return rooms.logReplica.gather(from, message.epoch);
      case 'promise':
        return leadership.promised(from, message.epoch, message.records);
      case 'fenced':
        return leadership.fenced(message.epoch);
      case 'append':
        return rooms.logReplica.append(from, message.epoch, message.index, message.record);
      case 'install':
        return rooms.logReplica.install(from, message.epoch, message.index, message.records);
      case 'appended':
        return leadership.stored(from, message.epoch, message.index);
      case 'commit':
        return rooms.logReplica.commit(message.epoch, message.index);
      case 'ready':
        return leadership.ready(from, message.epoch);
      case 'resume':
        return rooms.currentEpoch.resume(message.epoch);
      case 'drain':
        if (rooms.shutdownPart.drain(from, message)) rooms.succession.lead();
        return;
      case 'drained':
        // It was asked for by an earlier life of this worker.
        if (!rooms.standing.leadsShutdown) return this.shutDown();
        return rooms.shutdownPart.report(from, message);
      case 'finish':
        return rooms.shutdownPart.finish(message.complete, message.keepFiles);
      case 'ask':
        return rooms.questions.asked(from, message.id, message.question);
      case 'answer':
        return rooms.questions.answered(from, message.id, message.body);
      case 'joinRequest': {
        const refusal = rooms.leader.joinRequested(message);
        return rooms.post.send(from, {
          type: 'joinAnswer',
          name: message.name,
          life: message.life,
          refusal,
        });
      }
      case 'joinAnswer':
        return rooms.mesh.answerJoiner(message.name, message.life, message.refusal);
      case 'joinRefused':
        return rooms.standing.outside ? rooms.standing.end(new JoinRefusedError(message.text)) : undefined;
      case 'joined':
        rooms.leader.joined(from, message.epoch);
        return rooms.succession.lead();
      case 'moved':
        return rooms.leader.moved(message.version, message.keys, message.bytes);
      case 'drainedToLeave':
        return rooms.leader.drainedToLeave(from);
      case 'cut':
        return rooms.currentEpoch.cut(message.epoch, message.checkpoint, message.counted);
      case 'saved': {
        const { checkpoint, part, streams } = message;
        rooms.leader.saved(from, checkpoint, part, streams);
        return rooms.succession.lead();
      }
      case 'notSaved':
        return rooms.leader.notSaved(from, message.checkpoint, message.why);
      case 'rotateLog':
        return rooms.questions.rotateLogAsked();
      case 'shrink':
        return rooms.leader.shrink(message, ({ text, names }) =>
          rooms.post.send(from, { type: 'shrinkAnswer', id: message.id, text, names }),
        );
      case 'claimStream':
      case 'streamGranted':
      case 'streamRefused':
      case 'streamReleased':
      case 'streamsHeld':
        return rooms.streams.handle(from, message);
      case 'shrinkAnswer':
        return rooms.questions.shrinkAnswered(message.id, message);
      default:
        return unreachable(message);
    }
  }
}
