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
    const { held, unacknowledged } = this.rooms.data.linkBytes;
    return new StatusNow(
      {
        phase: this.rooms.standing.phase,
        incarnation: this.rooms.standing.incarnation,
        routeVersion: this.rooms.data.migration.version,
        heldBytes: held,
        unacknowledgedBytes: unacknowledged,
        journalBytes: this.rooms.data.durability?.journal.bytes ?? 0,
        progress: this.rooms.leader.progress,
      },
      this.rooms.standing.view,
      this.rooms.clusterLog.state,
      this.isAway,
    );
  }

  start(): void {
    this.turn(() => this.rooms.formation.start());
  }

  tick(): void {
    this.turn(() => {
      const now = this.ports.clock.now();
      this.rooms.mesh.tick(now);
      if (!this.rooms.standing.finishing)
        this.rooms.attendance.watch(this.rooms.links.others, now, this.rooms.standing.phase === 'draining');
      this.rooms.shutdownPart.tick(now);
      this.rooms.ending.tick(now);
      this.rooms.departed.tick(now);
      this.rooms.questions.tick(now);
      this.rooms.keeper.tick(now);
      this.rooms.data.durability?.tick(now);
      this.rooms.formation.formIfComplete();
      this.rooms.succession.lead();
      this.rooms.currentEpoch.checkReady();
      this.rooms.leaving.tick(now);
      this.rooms.data.migration.remind(now);
      this.rooms.formation.tick(now);
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
   * Only with resilience.
   * @throws DecodeError when the decoder of the source refuses it
   */
  journal(source: string, bytes: Buffer, start: number, end: number): void {
    this.rooms.data.durability!.journal.receive(this.engine.inlets.get(source)!, bytes, start, end);
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
    if (this.rooms.standing.phase === 'ended') return;
    this.depth++;
    try {
      work();
      if (this.depth === 1) {
        for (let message = this.rooms.post.next(); message !== undefined; message = this.rooms.post.next())
          this.handle(this.rooms.standing.name, message);
      }
      if (this.depth === 1) this.rooms.data.migration.poll();
    } finally {
      this.depth--;
    }
    if (this.depth === 0) this.flow.tell();
  }

  /** Every message has an answer in every phase: act, ignore, or fence. */
  private handle(from: string, message: ControlMessage): void {
    const { leadership } = this.rooms.leader;
    switch (message.type) {
      case 'gather':
        return this.rooms.logReplica.gather(from, message.epoch);
      case 'promise':
        return leadership.promised(from, message.epoch, message.records);
      case 'fenced':
        return leadership.fenced(message.epoch);
      case 'append':
        return this.rooms.logReplica.append(from, message.epoch, message.index, message.record);
      case 'install':
        return this.rooms.logReplica.install(from, message.epoch, message.index, message.records);
      case 'appended':
        return leadership.stored(from, message.epoch, message.index);
      case 'commit':
        return this.rooms.logReplica.commit(message.epoch, message.index);
      case 'ready':
        return leadership.ready(from, message.epoch);
      case 'resume':
        return this.rooms.currentEpoch.resume(message.epoch);
      case 'drain':
        if (this.rooms.shutdownPart.drain(from, message.round, message.last)) this.rooms.succession.lead();
        return;
      case 'drained':
        // It was asked for by an earlier life of this worker.
        if (!this.rooms.standing.leadsShutdown) return this.shutDown();
        return this.rooms.shutdownPart.report(from, message);
      case 'finish':
        return this.rooms.shutdownPart.finish(message.complete, message.keepFiles);
      case 'ask':
        return this.rooms.questions.asked(from, message.id, message.question);
      case 'answer':
        return this.rooms.questions.answered(from, message.id, message.body);
      case 'joinRequest': {
        const refusal = this.rooms.leader.joinRequested(message);
        return this.rooms.post.send(from, {
          type: 'joinAnswer',
          name: message.name,
          life: message.life,
          refusal,
        });
      }
      case 'joinAnswer':
        return this.rooms.mesh.answerJoiner(message.name, message.life, message.refusal);
      case 'joinRefused':
        return this.rooms.standing.phase === 'forming'
          ? this.rooms.standing.end(new JoinRefusedError(message.text))
          : undefined;
      case 'joined':
        return this.rooms.leader.joined(from, message.epoch);
      case 'moved':
        return this.rooms.leader.moved(message.version, message.keys, message.bytes);
      case 'drainedToLeave':
        return this.rooms.leader.drainedToLeave(from);
      case 'cut':
        return this.rooms.currentEpoch.cut(message.epoch, message.checkpoint, message.counted);
      case 'saved': {
        const { checkpoint, file, offset, sum, streams } = message;
        this.rooms.leader.saved(from, checkpoint, { file, offset, sum }, streams);
        return this.rooms.succession.lead();
      }
      case 'notSaved':
        return this.rooms.leader.notSaved(from, message.checkpoint, message.why);
      case 'rotateLog':
        return this.rooms.questions.rotateLogAsked();
      case 'shrink':
        return this.rooms.leader.shrink(message, ({ text, names }) =>
          this.rooms.post.send(from, { type: 'shrinkAnswer', id: message.id, text, names }),
        );
      case 'claimStream':
      case 'streamGranted':
      case 'streamRefused':
      case 'streamReleased':
      case 'streamsHeld':
        return this.rooms.streams.handle(from, message);
      case 'shrinkAnswer':
        return this.rooms.questions.shrinkAnswered(message.id, message);
      default:
        return unreachable(message);
    }
  }
}
