import type { Address } from '@wallaroo/protocol';
import { DataPlane } from '../engine/data-plane.js';
import type { Engine } from '../engine/engine.js';
import { unreachable } from '../invariant.js';
import type { Hello } from '../link/greeting.js';
import type { ChannelName } from '../link/inbound.js';
import type { PlantedBug } from '../planted.js';
import { Operations } from '../operations.js';
import type { ConnectionId, LineLog } from '../ports.js';
import { fingerprintOf, type Fingerprint } from '../topology/fingerprint.js';
import { ClusterStreams } from '../streams/cluster-streams.js';
import type { ClaimAnswer } from '../streams/stream-claims.js';
import type { StreamId, StreamPosition } from '../streams/stream-position.js';
import type { Candidate } from './admission.js';
import { Attendance } from './attendance.js';
import { ClusterFileError, readClusterFile } from './cluster-file.js';
import { ClusterLeader, type ShrinkReply, type ShrinkWish } from './cluster-leader.js';
import { ClusterLog } from './cluster-log.js';
import { DamagedFileError, JoinRefusedError } from './errors.js';
import { Keeper } from './keeper.js';
import { Mesh, type Self } from './mesh.js';
import type { ControlMessage } from './messages.js';
import type { Peer } from './peer.js';
import { Flow } from './member/flow.js';
import { Links } from './member/links.js';
import { Post } from './member/post.js';
import { CurrentEpoch } from './member/current-epoch.js';
import { Formation } from './member/formation.js';
import { LogReplica } from './member/log-replica.js';
import { Refusals } from './member/refusals.js';
import { Departed } from './member/departed.js';
import { Leaving } from './member/leaving.js';
import { clientsQuestion, Questions } from './member/questions.js';
import { Succession } from './member/succession.js';
import { Ending } from './member/ending.js';
import type { Parts } from './member/parts.js';
import { ShutdownPart } from './member/shutdown-part.js';
import { Standing } from './member/standing.js';
import type { MemberPorts, MemberSettings } from './member/surroundings.js';
import { StatusNow, type MemberStatus } from './status.js';

/**
 * One worker of a cluster, whole but for the world around it: data path, links, membership. Everything is
 * synchronous and deterministic; the world calls, and what is wished of it goes out through the ports.
 */
export class Member {
  private readonly log: LineLog;
  private readonly planted: ReadonlySet<PlantedBug>;
  private readonly fingerprint: Fingerprint;
  private readonly standing: Standing;
  private readonly post: Post;
  private readonly links: Links;
  private readonly flow: Flow;
  private readonly ending: Ending;
  private readonly succession: Succession;
  private readonly questions: Questions;
  private readonly leaving: Leaving;
  private readonly departed: Departed;
  private readonly currentEpoch: CurrentEpoch;
  private readonly logReplica: LogReplica;
  private readonly formation: Formation;
  private readonly refusals: Refusals;
  private readonly shutdownPart: ShutdownPart;
  private readonly data: DataPlane;
  private readonly mesh: Mesh;
  private readonly leader: ClusterLeader;
  private readonly attendance: Attendance;
  private readonly clusterLog: ClusterLog;
  private readonly keeper: Keeper;
  private readonly operations = new Operations();
  private readonly streams: ClusterStreams;
  private depth = 0;
  private readonly isAway = (name: string) => this.mesh.isAway(name);

  /** @throws ClusterFileError when what was saved cannot be used by this worker */
  constructor(
    private readonly settings: MemberSettings,
    private readonly ports: MemberPorts,
  ) {
    const { plan, name, timing, role } = settings;
    this.log = ports.log;
    this.planted = settings.planted ?? new Set();
    this.fingerprint = fingerprintOf(plan, { resilience: settings.resilience !== undefined });
    const life = ports.random.u32();
    const saved = settings.saved === undefined ? undefined : this.readSaved(settings.saved);
    this.clusterLog = new ClusterLog(saved?.records ?? []);
    const { state } = this.clusterLog;
    const cluster = state.cluster || (role.kind === 'initializer' ? this.drawClusterId() : '');
    const raise = this.planted.has('incarnation is not raised') ? 0 : 1;
    const incarnation = saved === undefined ? 1 : saved.incarnation + raise;
    const phase = saved === undefined ? 'forming' : 'returning';
    this.standing = new Standing({ name, life, cluster, incarnation, phase }, (failure) =>
      ports.ended(failure),
    );
    this.data = new DataPlane({
      ...ports,
      log: ports.log,
      name,
      plan,
      windowBytes: settings.windowBytes,
      planted: this.planted,
      turnOpened: () => ports.turnOpened(),
      muteChanged: (muted, what) => ports.muteChanged(muted, what),
      peers: () => this.links.others,
      running: () => this.flow.running,
      arrived: (version, keys, bytes) =>
        this.post.send(this.standing.leader, { type: 'moved', version, keys, bytes }),
      operations: this.operations,
      files: ports.logFiles,
      resilience: settings.resilience,
      owner: () => ({ cluster: this.standing.cluster, application: plan.application.name, worker: name }),
      leaving: () => this.leaving.handedOver,
      saved: (checkpoint, { file, offset, sum }, streams) =>
        this.post.send(this.standing.leader, { type: 'saved', checkpoint, file, offset, sum, streams }),
      notSaved: (checkpoint, why) =>
        this.post.send(this.standing.leader, { type: 'notSaved', checkpoint, why }),
      restored: () => this.currentEpoch.restored(),
      damaged: (kind, file, error) =>
        this.standing.end(new DamagedFileError(kind, file, error.offset, error.message)),
    });
    this.attendance = new Attendance(timing.silenceMs * 1e6, ports.log);
    this.keeper = new Keeper(ports.storage, ports.clock, ports.log, this.operations, this.clusterLog, () => ({
      application: plan.application.name,
      fingerprint: this.fingerprint.text,
      name,
      incarnation: this.standing.incarnation,
      control: settings.control,
      data: settings.data,
    }));
    this.mesh = this.makeMesh();
    this.post = new Post(name, this.mesh);
    this.links = new Links(
      this.standing,
      this.mesh,
      this.engine.routing,
      settings.resilience !== undefined,
      this.planted.has('in flight is forgotten'),
    );
    this.flow = new Flow(ports, this.standing, this.data, this.links, this.planted);
    this.leader = this.makeLeader();
    this.streams = new ClusterStreams({
      name,
      resilience: settings.resilience !== undefined,
      epoch: () => this.standing.view.epoch,
      leader: () => this.standing.leader,
      members: () => this.standing.view.members.map((member) => member.name),
      positions: () => this.standing.view.streams,
      send: (member, message) => this.post.send(member, message),
    });
    this.leader.leadership.heardOf(state.epoch);
    const { standing, planted, clusterLog, keeper, mesh, attendance, links, post, data, streams, leader } =
      this;
    const parts: Parts = {
      settings,
      planted,
      ports,
      standing,
      clusterLog,
      keeper,
      mesh,
      attendance,
      links,
      post,
      data,
      streams,
      leader,
    };
    this.ending = new Ending(parts);
    this.shutdownPart = new ShutdownPart(parts, this.ending);
    this.succession = new Succession(parts, this.shutdownPart);
    this.questions = new Questions(parts);
    this.leaving = new Leaving(parts, this.ending);
    this.departed = new Departed(parts);
    this.currentEpoch = new CurrentEpoch(
      parts,
      this.succession,
      this.shutdownPart,
      this.leaving,
      this.departed,
    );
    this.logReplica = new LogReplica(parts, this.currentEpoch);
    this.formation = new Formation(parts);
    this.refusals = new Refusals(parts, this.leaving, this.ending);
  }

  get engine(): Engine {
    return this.data.engine;
  }

  /** Sources may push: all members are there, and nothing is full. Read between two messages. */
  get flowing(): boolean {
    return this.flow.flowing;
  }

  /** Messages have flowed at least once in this life. */
  get initialized(): boolean {
    return this.currentEpoch.initialized;
  }

  /** Messages flow, or would if there were any and nothing was full. */
  get processing(): boolean {
    return this.flow.processing;
  }

  get status(): MemberStatus {
    const { held, unacknowledged } = this.data.linkBytes;
    return new StatusNow(
      {
        phase: this.standing.phase,
        incarnation: this.standing.incarnation,
        routeVersion: this.data.migration.version,
        heldBytes: held,
        unacknowledgedBytes: unacknowledged,
        journalBytes: this.data.durability?.journal.bytes ?? 0,
        progress: this.leader.progress,
      },
      this.standing.view,
      this.clusterLog.state,
      this.isAway,
    );
  }

  start(): void {
    this.turn(() => this.formation.start());
  }

  tick(): void {
    this.turn(() => {
      const now = this.ports.clock.now();
      this.mesh.tick(now);
      if (!this.standing.finishing)
        this.attendance.watch(this.links.others, now, this.standing.phase === 'draining');
      this.shutdownPart.tick(now);
      this.ending.tick(now);
      this.departed.tick(now);
      this.questions.tick(now);
      this.keeper.tick(now);
      this.data.durability?.tick(now);
      this.formation.formIfComplete();
      this.succession.lead();
      this.currentEpoch.checkReady();
      this.leaving.tick(now);
      this.data.migration.remind(now);
      this.formation.tick(now);
    });
  }

  accepted(connection: ConnectionId, channel: ChannelName, remoteHost: string): void {
    this.turn(() => this.mesh.accepted(connection, channel, remoteHost));
  }

  connected(connection: ConnectionId): void {
    this.turn(() => this.mesh.connected(connection));
  }

  /** @throws UserCodeError when a function of the application fails and the worker is to stop */
  received(connection: ConnectionId, bytes: Buffer): void {
    this.turn(() => this.mesh.received(connection, bytes));
  }

  closed(connection: ConnectionId): void {
    this.turn(() => this.mesh.closed(connection));
  }

  stored(operation: number): void {
    this.turn(() => this.operations.stored(operation));
  }

  storeFailed(operation: number, why: string): void {
    this.turn(() => this.operations.failed(operation, why));
  }

  /** Takes over `bytes`, which were read of a log file. */
  logRead(operation: number, bytes: Buffer): void {
    this.turn(() => this.operations.read(operation, bytes));
  }

  /** All that sinks were given before the checkpoint will outlive a crash. */
  sinksPrepared(checkpoint: number): void {
    this.turn(() => this.data.durability?.checkpointer.prepared(checkpoint));
  }

  prepareFailed(checkpoint: number, why: string): void {
    this.turn(() => this.data.durability?.checkpointer.prepareFailed(checkpoint, why));
  }

  /** Sources and sinks have gone back to where they were asked to. */
  endsRestored(): void {
    this.turn(() => this.data.durability?.endsRestored());
  }

  /**
   * Takes a message that a source has read and cannot be asked for again: it is on disk before it is processed.
   * Only with resilience.
   * @throws DecodeError when the decoder of the source refuses it
   */
  journal(source: string, bytes: Buffer, start: number, end: number): void {
    this.data.durability!.journal.receive(this.engine.inlets.get(source)!, bytes, start, end);
  }

  /**
   * A client of a source wants to bring a stream. `answer` is called once, with the position behind which it goes on,
   * or nothing when another worker has it; never if everything goes back meanwhile.
   */
  claimStream(stream: StreamId, answer: ClaimAnswer): void {
    this.turn(() => this.streams.claim(stream, answer));
  }

  /** The stream may go on elsewhere. With resilience a checkpoint counts that has this position. */
  releaseStream(position: StreamPosition): void {
    this.turn(() => this.streams.release(position));
  }

  endsOpened(): void {
    this.turn(() => this.currentEpoch.endsOpened());
  }

  sourcesEnded(): void {
    this.turn(() => {
      this.standing.sources = 'ended';
      this.shutdownPart.sourcesEnded();
    });
  }

  sinksFlushed(): void {
    this.turn(() => this.ending.sinksFlushed());
  }

  /** To be called whenever what a sink has not handed on has changed. */
  sinkHolds(sink: string, unsentBytes: number): void {
    this.data.sinkHolds(sink, unsentBytes);
    this.flow.tell();
  }

  /** Hands on what was gathered, and processes what had to wait. @throws UserCodeError */
  endTurn(): void {
    this.turn(() => this.data.endTurn());
  }

  /** Stops the whole cluster: what was read is processed, then all workers end. */
  shutDown(): void {
    this.turn(() => this.shutdownPart.lead());
  }

  /**
   * Asks every member, this one included. `done` is called once, with the answers and the names of those that
   * gave none within a second.
   */
  ask(
    question: string,
    done: (answers: ReadonlyMap<string, string>, missing: readonly string[]) => void,
  ): void {
    this.turn(() => this.questions.ask(question, done));
  }

  /** An operator wants fewer workers; the leader decides. `done` is called once; text and names as in the protocol. */
  shrink(wish: ShrinkWish, done: (reply: ShrinkReply) => void): void {
    this.turn(() => this.questions.shrink(wish, done));
  }

  /**
   * An operator wants a worker to begin another file of its event log; if it is another one, that is told. What comes
   * of it shows in the logs.
   */
  rotateLog(worker: string): void {
    this.turn(() => this.questions.rotateLog(worker));
  }

  /** Every call of the world runs in here: what is to be done at its end is done once. */
  private turn(work: () => void): void {
    if (this.standing.phase === 'ended') return;
    this.depth++;
    try {
      work();
      if (this.depth === 1) {
        for (let message = this.post.next(); message !== undefined; message = this.post.next())
          this.handle(this.settings.name, message);
      }
      if (this.depth === 1) this.data.migration.poll();
    } finally {
      this.depth--;
    }
    if (this.depth === 0) this.flow.tell();
  }

  /** Every message has an answer in every phase: act, ignore, or fence. */
  private handle(from: string, message: ControlMessage): void {
    const { leadership } = this.leader;
    switch (message.type) {
      case 'gather':
        return this.logReplica.gather(from, message.epoch);
      case 'promise':
        return leadership.promised(from, message.epoch, message.records);
      case 'fenced':
        return leadership.fenced(message.epoch);
      case 'append':
        return this.logReplica.append(from, message.epoch, message.index, message.record);
      case 'install':
        return this.logReplica.install(from, message.epoch, message.index, message.records);
      case 'appended':
        return leadership.stored(from, message.epoch, message.index);
      case 'commit':
        return this.logReplica.commit(message.epoch, message.index);
      case 'ready':
        return leadership.ready(from, message.epoch);
      case 'resume':
        return this.currentEpoch.resume(message.epoch);
      case 'drain':
        if (this.shutdownPart.drain(from, message.round, message.last)) this.succession.lead();
        return;
      case 'drained':
        // It was asked for by an earlier life of this worker.
        if (!this.standing.leadsShutdown) return this.shutDown();
        return this.shutdownPart.report(from, message);
      case 'finish':
        return this.shutdownPart.finish(message.complete, message.keepFiles);
      case 'ask':
        return this.questions.asked(from, message.id, message.question);
      case 'answer':
        return this.questions.answered(from, message.id, message.body);
      case 'joinRequest': {
        const refusal = this.leader.joinRequested(message);
        return this.post.send(from, { type: 'joinAnswer', name: message.name, life: message.life, refusal });
      }
      case 'joinAnswer':
        return this.mesh.answerJoiner(message.name, message.life, message.refusal);
      case 'joinRefused':
        return this.standing.phase === 'forming'
          ? this.standing.end(new JoinRefusedError(message.text))
          : undefined;
      case 'joined':
        return this.leader.joined(from, message.epoch);
      case 'moved':
        return this.leader.moved(message.version, message.keys, message.bytes);
      case 'drainedToLeave':
        return this.leader.drainedToLeave(from);
      case 'cut':
        return this.currentEpoch.cut(message.epoch, message.checkpoint, message.counted);
      case 'saved': {
        const { checkpoint, file, offset, sum, streams } = message;
        this.leader.saved(from, checkpoint, { file, offset, sum }, streams);
        return this.succession.lead();
      }
      case 'notSaved':
        return this.leader.notSaved(from, message.checkpoint, message.why);
      case 'rotateLog':
        return this.questions.rotateLogAsked();
      case 'shrink':
        return this.leader.shrink(message, ({ text, names }) =>
          this.post.send(from, { type: 'shrinkAnswer', id: message.id, text, names }),
        );
      case 'claimStream':
      case 'streamGranted':
      case 'streamRefused':
      case 'streamReleased':
      case 'streamsHeld':
        return this.streams.handle(from, message);
      case 'shrinkAnswer':
        return this.questions.shrinkAnswered(message.id, message);
      default:
        return unreachable(message);
    }
  }

  private makeMesh(): Mesh {
    const { ports } = this;
    return new Mesh(
      {
        clock: ports.clock,
        log: ports.log,
        network: ports.network,
        timing: this.settings.timing,
        newEncoder: () => this.engine.newEncoder(),
        planted: this.planted,
      },
      () => this.self(),
      {
        greeted: () => this.formation.formIfComplete(),
        restarted: (peer) => this.peerRestarted(peer),
        changed: () => this.currentEpoch.checkReady(),
        fellSilent: (peer) => this.peerFellSilent(peer),
        refused: (peer, refusal) => this.refusals.refused(peer, refusal),
        joinRequested: (hello, addresses) => this.onJoiner(hello, addresses),
        control: (peer, message) => this.handle(peer.name, message),
        data: (peer, frame) => this.data.receive(peer, frame),
        full: (peer, full) => {
          this.data.backpressure.peerIsFull(peer.name, full);
          this.flow.tell();
        },
        held: (peer, bytes) => {
          this.data.backpressure.update('link', `to ${peer.name}`, bytes);
          this.flow.tell();
        },
      },
    );
  }

  private makeLeader(): ClusterLeader {
    const { name, timing } = this.settings;
    return new ClusterLeader(
      {
        name,
        log: this.clusterLog,
        lines: this.log,
        resilience: this.settings.resilience !== undefined,
        newestCheckpoint: () => this.data.durability?.checkpointer.newest ?? 0,
        commitsWithoutAll: this.planted.has('commit without all'),
        now: () => this.ports.clock.now(),
        store: (index, entry, then) => {
          this.clusterLog.put(index, entry);
          this.standing.cluster = this.clusterLog.state.cluster;
          this.keeper.write(then);
        },
        send: (member, message) => this.post.send(member, message),
        invite: (candidate) => this.invite(candidate),
        incarnationOf: (candidate) => {
          const peer = this.mesh.peers.get(candidate.name);
          if (peer === undefined || peer.life !== candidate.life) return undefined;
          return this.attendance.present(peer, this.ports.clock.now()) ? peer.incarnation : undefined;
        },
        // Not at once: it may still have to hear why.
        forget: (who) => this.departed.add(who),
        clients: (done) =>
          this.ask(clientsQuestion, (answers) =>
            done(new Map([...answers].map(([who, text]) => [who, Number(text)]))),
          ),
      },
      timing.joinMs * 1e6,
      this.settings.slotsPerRoute,
      this.settings.resilience?.checkpointNs,
      () => this.currentEpoch.allReady(),
    );
  }

  private self(): Self {
    const { role, name, plan, control, data } = this.settings;
    const { state } = this.clusterLog;
    const { places } = this.formation;
    return {
      name,
      application: plan.application.name,
      fingerprint: this.fingerprint,
      control,
      data,
      life: this.standing.life,
      incarnation: this.standing.incarnation,
      cluster: this.standing.cluster,
      members: state.epoch > 0 ? state.members : undefined,
      linked: this.standing.view.members,
      epoch: this.standing.view.epoch,
      joining: this.standing.phase === 'forming' && role.kind === 'joiner',
      closed:
        !this.standing.incarnationKept ||
        this.standing.phase === 'finishing' ||
        this.standing.phase === 'ended',
      expects: (who) => this.leader.expects(who),
      vacancies: places === undefined ? undefined : places - this.mesh.peers.size,
    };
  }

  /** Reaches out to a worker that asks to be let in. What was known of an earlier life of it is void. */
  private invite({ name, life, control }: Candidate): void {
    const known = this.mesh.peers.get(name);
    if (known !== undefined && known.life !== 0 && known.life !== life) this.mesh.forget(known);
    this.departed.remove(name);
    this.mesh.peer(name).control.boundary.address = control;
  }

  /** Somebody asks this member to be let in: the leader decides. */
  private onJoiner(hello: Hello, addresses: { control: Address; data: Address }): void {
    const { name, life, incarnation, joining: count } = hello;
    this.post.send(this.standing.view.members[0]!.name, {
      type: 'joinRequest',
      name,
      life,
      incarnation,
      count,
      ...addresses,
    });
  }

  private peerRestarted(peer: Peer): void {
    if (this.standing.view.members.some(({ name }) => name === peer.name)) {
      this.log.line(`${peer.name} has been started again (start ${peer.incarnation}).`);
    }
  }

  private peerFellSilent(peer: Peer): void {
    this.leader.gone(peer.name);
    this.formation.fellSilent(peer);
  }

  private readSaved(saved: Buffer) {
    const content = readClusterFile(saved);
    const { name, plan } = this.settings;
    if (content.name !== name) throw new ClusterFileError(`it belongs to the worker ${content.name}`);
    if (content.application !== plan.application.name) {
      throw new ClusterFileError(`it belongs to the application '${content.application}'`);
    }
    if (content.fingerprint !== this.fingerprint.text) {
      throw new ClusterFileError(
        'it was written by another version of the application: its stages or slots differ',
      );
    }
    return content;
  }

  private drawClusterId(): string {
    const { random } = this.ports;
    return Array.from({ length: 4 }, () => random.u32().toString(16).padStart(8, '0')).join('');
  }
}
