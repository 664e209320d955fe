import type { Address } from '@wallaroo/protocol';
import { DataPlane } from '../engine/data-plane.js';
import type { Engine } from '../engine/engine.js';
import { invariant, unreachable } from '../invariant.js';
import type { Hello, Refusal } from '../link/greeting.js';
import type { ChannelName } from '../link/inbound.js';
import type { OutgoingBatch } from '../link/outgoing-batch.js';
import type { Timing } from '../link/timing.js';
import type { PlantedBug } from '../planted.js';
import { Operations } from '../operations.js';
import type {
  Clock,
  ConnectionId,
  Ends,
  LineLog,
  LogFiles,
  Network,
  OutputPort,
  Random,
  Storage,
} from '../ports.js';
import { readTopology } from '../recovery/saved-files.js';
import { dealSlots, type SlotOwners } from '../slots/table.js';
import { fingerprintOf, type Fingerprint } from '../topology/fingerprint.js';
import { ClusterStreams } from '../streams/cluster-streams.js';
import type { ClaimAnswer } from '../streams/stream-claims.js';
import type { StreamId, StreamPosition } from '../streams/stream-position.js';
import type { Plan } from '../topology/plan.js';
import type { Candidate } from './admission.js';
import { Attendance } from './attendance.js';
import { ClusterLeader, type ShrinkReply, type ShrinkWish } from './cluster-leader.js';
import { ClusterLog } from './cluster-log.js';
import {
  asEpoch,
  needed,
  neededToRestore,
  noCluster,
  rolledBack,
  routed,
  type ClusterState,
} from './cluster-state.js';
import {
  DamagedFileError,
  IncompleteShutdownError,
  JoinRefusedError,
  RefusedError,
  StartTimeoutError,
  SupersededError,
} from './errors.js';
import { Inquiry } from './inquiry.js';
import { Keeper } from './keeper.js';
import type { Lives } from './leadership.js';
import { Mesh, type Self } from './mesh.js';
import type { ControlMessage } from './messages.js';
import type { Peer } from './peer.js';
import type { Phase } from './phase.js';
import type { ControlRecord, MemberRecord } from './records.js';
import type { Role } from './role.js';
import { Shutdown } from './shutdown.js';
import { StatusNow, type MemberStatus } from './status.js';
import { arrival, waitsFor } from './waiting.js';

export interface ResilienceSettings {
  /** From one checkpoint to the next, in nanoseconds. */
  readonly checkpointNs: number;
  /** Operators may ask for another file of the event log. */
  readonly rotation: boolean;
  /** Another file is begun when one has so many bytes; undefined: when it is long for what it holds. */
  readonly fileBytes: number | undefined;
}

export interface MemberSettings {
  readonly plan: Plan;
  readonly name: string;
  readonly role: Role;
  /** Where this worker listens. */
  readonly control: Address;
  readonly data: Address;
  /** What this worker stored last, as `ClusterFile.topology`. */
  readonly saved: Buffer | undefined;
  readonly timing: Timing;
  /** Sources are muted while a sink, or a link, holds more bytes than its window. */
  readonly windowBytes: { readonly sink: number; readonly link: number };
  /** A clean shutdown that makes no progress for so long gives up. */
  readonly stopPauseMs: number;
  /** Checkpoints are taken, and everything goes back to the last one when a member dies. */
  readonly resilience: ResilienceSettings | undefined;
  /** Slots that move at once, for measurements; default: as many as hold some thousand keys. */
  readonly slotsPerRoute?: number | undefined;
  readonly planted?: ReadonlySet<PlantedBug>;
}

export interface MemberPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LineLog;
  readonly network: Network;
  readonly storage: Storage;
  /** Asked only with resilience. */
  readonly logFiles: LogFiles;
  readonly ends: Ends;
  readonly output: (sink: string) => OutputPort;
  /** Messages are being processed: call `endTurn` when those at hand are through. */
  turnOpened(): void;
  /** Sources have been muted or unmuted; `what` is full, or has caught up. */
  muteChanged(muted: boolean, what: string): void;
  /** The answer of this worker alone to a query. */
  answer(question: string): string;
  /** This worker's part is over. */
  ended(failure: Error | undefined): void;
}

const waitingLogNs = 10e9;
const questionNs = 1e9;
const shutdownGraceMs = 1000;
const toldPatienceMs = 10_000;
const departureNs = 2e9;
const tellAgainNs = 1e9;
/** What `answer` is asked for the number of clients that are connected to sources. */
export const clientsQuestion = 'clients';

/**
 * One worker of a cluster, whole but for the world around it: data path, links, membership. Everything is
 * synchronous and deterministic; the world calls, and what is wished of it goes out through the ports.
 */
export class Member {
  private readonly log: LineLog;
  private readonly planted: ReadonlySet<PlantedBug>;
  private readonly fingerprint: Fingerprint;
  private readonly life: number;
  private readonly data: DataPlane;
  private readonly mesh: Mesh;
  private readonly leader: ClusterLeader;
  private readonly attendance: Attendance;
  private readonly clusterLog: ClusterLog;
  private readonly keeper: Keeper;
  private readonly operations = new Operations();
  private readonly streams: ClusterStreams;
  /** Everything is as it was at the checkpoint of this epoch. */
  private restored = true;
  private cluster: string;
  private incarnation: number;
  /** The incarnation of a worker with files is on disk: a next life will have another one. */
  private incarnationKept: boolean;
  private phase: Phase;
  /** What is in effect for this life of the worker. */
  private view: ClusterState = noCluster;
  /** The highest epoch promised to a leader, and that leader. */
  private promisedEpoch = 0;
  private leaderName = '';
  private endsState: 'closed' | 'opening' | 'open' = 'closed';
  private sourcesState: 'running' | 'ending' | 'ended' = 'running';
  /** Has become a member of a running cluster in this life, and not been ready yet. */
  private joining = false;
  private toldDrained = false;
  private toldDrainedAt = 0;
  private drainsToLeave = true;
  private shutdown: Shutdown | undefined;
  /** The clean shutdown that this worker is asked to take part in, and the last round of it. */
  private asked: { readonly leader: string; readonly round: number } | undefined;
  /** The newest checkpoint that this worker had been cut for when it was asked before. */
  private cutBefore = 0;
  /** Nothing is under way in the whole cluster: it ends when a checkpoint counts that is newer than this one. */
  private lastBefore: number | undefined;
  /** This worker has only to see that the others know that all is over. */
  private over: { readonly until: number } | undefined;
  private readonly inquiries = new Set<Inquiry>();
  private readonly shrinkReplies = new Map<number, (reply: ShrinkReply) => void>();
  private lastQuestion = 0;
  /** Messages of this worker to itself. */
  private inbox: ControlMessage[] = [];
  /** Former members, and until when their connections stay. */
  private readonly departed = new Map<string, number>();
  private depth = 0;
  /** As `mayOpen` was at the end of the last turn: sources ask at every message. */
  private open = false;
  private readonly ignoresWindows: boolean;
  private wasFlowing = false;
  private wasRunning = false;
  private firstResume = true;
  private readonly startedAt: number;
  private waitingToldAt: number;
  private readonly toldRefusals = new Map<string, string>();
  /** The life of each worker that has come while the cluster forms. */
  private readonly arrivals = new Map<string, number>();
  private readonly isAway = (name: string) => this.mesh.peers.get(name)?.away ?? false;

  /** @throws ClusterFileError when what was saved cannot be used by this worker */
  constructor(
    private readonly settings: MemberSettings,
    private readonly ports: MemberPorts,
  ) {
    const { plan, name, timing, role } = settings;
    this.log = ports.log;
    this.planted = settings.planted ?? new Set();
    this.ignoresWindows = this.planted.has('window is ignored');
    this.fingerprint = fingerprintOf(plan, { resilience: settings.resilience !== undefined });
    this.life = ports.random.u32();
    this.startedAt = ports.clock.now();
    this.waitingToldAt = this.startedAt;
    const saved = settings.saved === undefined ? undefined : this.readSaved(settings.saved);
    this.clusterLog = new ClusterLog(saved?.records ?? []);
    const { state } = this.clusterLog;
    this.cluster = state.cluster || (role.kind === 'initializer' ? this.drawClusterId() : '');
    const raise = this.planted.has('incarnation is not raised') ? 0 : 1;
    this.incarnation = saved === undefined ? 1 : saved.incarnation + raise;
    this.incarnationKept = saved === undefined;
    this.phase = saved === undefined ? 'forming' : 'returning';
    this.data = new DataPlane({
      ...ports,
      log: ports.log,
      name,
      plan,
      windowBytes: settings.windowBytes,
      planted: this.planted,
      turnOpened: () => ports.turnOpened(),
      muteChanged: (muted, what) => ports.muteChanged(muted, what),
      peers: () => this.others(),
      running: () => this.running,
      arrived: (version, keys, bytes) => this.send(this.leaderName, { type: 'moved', version, keys, bytes }),
      operations: this.operations,
      files: ports.logFiles,
      resilience: settings.resilience,
      owner: () => ({ cluster: this.cluster, application: plan.application.name, worker: name }),
      leaving: () => this.handedOver,
      saved: (checkpoint, { file, offset, sum }, streams) =>
        this.send(this.leaderName, { type: 'saved', checkpoint, file, offset, sum, streams }),
      notSaved: (checkpoint, why) => this.send(this.leaderName, { type: 'notSaved', checkpoint, why }),
      restored: () => {
        this.restored = true;
        this.checkReady();
      },
      damaged: (kind, file, error) => this.end(new DamagedFileError(kind, file, error.offset, error.message)),
    });
    this.attendance = new Attendance(timing.silenceMs * 1e6, ports.log);
    this.keeper = new Keeper(ports.storage, ports.clock, ports.log, this.operations, this.clusterLog, () => ({
      application: plan.application.name,
      fingerprint: this.fingerprint.text,
      name,
      incarnation: this.incarnation,
      control: settings.control,
      data: settings.data,
    }));
    this.mesh = this.makeMesh();
    this.leader = this.makeLeader();
    this.streams = new ClusterStreams({
      name,
      resilience: settings.resilience !== undefined,
      epoch: () => this.view.epoch,
      leader: () => this.leaderName,
      members: () => this.view.members.map((member) => member.name),
      positions: () => this.view.streams,
      send: (member, message) => this.send(member, message),
    });
    this.leader.leadership.heardOf(state.epoch);
  }

  get engine(): Engine {
    return this.data.engine;
  }

  /** Sources may push: all members are there, and nothing is full. Read between two messages. */
  get flowing(): boolean {
    return this.open && !this.data.journalFull && (!this.data.backpressure.muted || this.ignoresWindows);
  }

  /** Messages have flowed at least once in this life. */
  get initialized(): boolean {
    return !this.firstResume;
  }

  /** Messages flow, or would if there were any and nothing was full. */
  get processing(): boolean {
    return this.phase === 'processing' && !this.paused;
  }

  get status(): MemberStatus {
    const { held, unacknowledged } = this.data.linkBytes;
    return new StatusNow(
      {
        phase: this.phase,
        incarnation: this.incarnation,
        routeVersion: this.data.migration.version,
        heldBytes: held,
        unacknowledgedBytes: unacknowledged,
        journalBytes: this.data.durability?.journal.bytes ?? 0,
        progress: this.leader.progress,
      },
      this.view,
      this.clusterLog.state,
      this.isAway,
    );
  }

  /** Where another worker is, as this one reaches it. */
  hostOf(name: string): string | undefined {
    return this.mesh.peers.get(name)?.addresses?.control.host;
  }

  start(): void {
    this.turn(() => {
      const { role } = this.settings;
      if (this.phase === 'returning') {
        this.log.line('Recovering from recovery files!');
        this.log.line('Attempting to recover...');
        // The new incarnation is on disk before anybody hears of it.
        return this.keeper.write(() => {
          this.incarnationKept = true;
          // It may have moved since; what the operator says now is newer than the file.
          if (role.kind === 'worker') this.dial('initializer', role.initializer);
          for (const member of this.clusterLog.state.members) {
            if (member.name !== this.settings.name) this.dial(member.name, member.control);
          }
          if (this.clusterLog.state.members.length > 1) this.log.line(`Waiting for ${this.awaited()}.`);
        });
      }
      if (role.kind === 'joiner') this.log.line('New worker preparing to join cluster');
      if (role.kind !== 'initializer' || role.workerCount > 1)
        this.log.line(`Waiting for ${this.awaited()}.`);
      if (role.kind === 'worker') this.dial('initializer', role.initializer);
      if (role.kind === 'joiner') this.mesh.contact(role.contact, role.workerCount);
      this.formIfComplete();
    });
  }

  tick(): void {
    this.turn(() => {
      const now = this.ports.clock.now();
      this.mesh.tick(now);
      if (!this.finishing) this.attendance.watch(this.others(), now, this.phase === 'draining');
      this.shutdown?.tick(now, this.allThere(now));
      this.endIfOrphaned(now);
      this.endIfOver(now);
      this.forgetDeparted(now);
      for (const inquiry of this.inquiries) inquiry.tick(now);
      this.keeper.tick(now);
      this.data.durability?.tick(now);
      this.formIfComplete();
      this.lead();
      this.checkReady();
      this.leaveIfDone();
      this.data.migration.remind(now);
      this.tellWaiting(now);
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
    this.turn(() => {
      this.endsState = 'open';
      this.rollBack();
      this.leaveIfAsked();
      this.checkReady();
    });
  }

  sourcesEnded(): void {
    this.turn(() => {
      this.sourcesState = 'ended';
      this.shutdown?.tick(this.ports.clock.now(), true);
    });
  }

  sinksFlushed(): void {
    this.turn(() => {
      if (this.phase === 'finishing') this.keeper.remove(() => this.finished());
    });
  }

  /** To be called whenever what a sink has not handed on has changed. */
  sinkHolds(sink: string, unsentBytes: number): void {
    this.data.sinkHolds(sink, unsentBytes);
    this.tellFlow();
  }

  /** Hands on what was gathered, and processes what had to wait. @throws UserCodeError */
  endTurn(): void {
    this.turn(() => this.data.endTurn());
  }

  /** Stops the whole cluster: what was read is processed, then all workers end. */
  shutDown(): void {
    this.turn(() => {
      if (this.shutdown !== undefined || this.phase === 'finishing') return;
      if (this.view.epoch === 0 || this.endsState !== 'open') return this.giveUpStart();
      const now = this.ports.clock.now();
      this.shutdown = new Shutdown(
        () => this.view.members.map(({ name }) => name),
        (member, message) => this.send(member, message),
        this.shutdownPatienceNs,
        this.planted.has('shutdown does not drain'),
        now,
      );
      this.shutdown.tick(now, true);
    });
  }

  /**
   * Asks every member, this one included. `done` is called once, with the answers and the names of those that
   * gave none within a second.
   */
  ask(
    question: string,
    done: (answers: ReadonlyMap<string, string>, missing: readonly string[]) => void,
  ): void {
    this.turn(() => {
      const others = this.others();
      const names = others.map(({ name }) => name);
      const deadline = this.ports.clock.now() + questionNs;
      const inquiry = new Inquiry(++this.lastQuestion, names, deadline, (answers, missing) => {
        this.inquiries.delete(inquiry);
        done(answers, missing);
      });
      this.inquiries.add(inquiry);
      for (const peer of others)
        if (!peer.away) this.send(peer.name, { type: 'ask', id: inquiry.id, question });
      inquiry.answered(this.settings.name, this.ports.answer(question));
    });
  }

  /** An operator wants fewer workers; the leader decides. `done` is called once; text and names as in the protocol. */
  shrink(wish: ShrinkWish, done: (reply: ShrinkReply) => void): void {
    this.turn(() => {
      if (this.view.epoch === 0) return done({ text: 'The cluster has not started yet.', names: [] });
      const leader = this.view.members[0]!.name;
      if (this.mesh.peers.get(leader)?.away) {
        return done({
          text: `${leader}, which leads the cluster, is unreachable. Nothing was changed.`,
          names: [],
        });
      }
      const id = ++this.lastQuestion;
      this.shrinkReplies.set(id, done);
      this.send(leader, { type: 'shrink', id, ...wish });
    });
  }

  /**
   * An operator wants a worker to begin another file of its event log; if it is another one, that is told. What comes
   * of it shows in the logs.
   */
  rotateLog(worker: string): void {
    this.turn(() => {
      const { members } = this.view;
      if (worker === this.settings.name) return this.rotateLogHere(false);
      if (members.some(({ name }) => name === worker)) return this.send(worker, { type: 'rotateLog' });
      this.log.line(`WARNING: LogRotation requested for non-existent worker: ${worker}`);
    });
  }

  private rotateLogHere(forwarded: boolean): void {
    if (forwarded) this.log.line('Control Ch: Received Rotate Log Files request');
    const { durability } = this.data;
    if (durability === undefined || !this.settings.resilience?.rotation) {
      return this.log.line('WARNING: LogRotation requested, but log_rotation is off!');
    }
    const told = {
      begun: 'Starting event log rotation.',
      ongoing: 'Event log rotation already ongoing. Rotate log request ignored.',
      empty: 'Event log does not contain new data. Rotate log request ignored.',
    } as const;
    this.log.line(told[durability.checkpointer.rotate()]);
  }

  /** This worker is to leave, and has neither slots nor sources any more. */
  private get handedOver(): boolean {
    const { leaving, owners, members, route } = this.view;
    const { name } = this.settings;
    const here = members.findIndex((member) => member.name === name);
    return (
      leaving.includes(name) && this.sourcesState === 'ended' && route === undefined && !owners.includes(here)
    );
  }

  /** While a member is away, nothing is processed: its slots are nobody else's. */
  private get paused(): boolean {
    return this.others().some(({ away }) => away);
  }

  /** Longer than the patience of a worker with its own sinks, which comes first. */
  private get shutdownPatienceNs(): number {
    return (2 * this.settings.stopPauseMs + shutdownGraceMs) * 1e6;
  }

  private allThere(now: number): boolean {
    return this.others().every((peer) => this.attendance.present(peer, now));
  }

  private get finishing(): boolean {
    return this.phase === 'finishing' || this.phase === 'ended';
  }

  private get running(): boolean {
    const early =
      this.planted.has('processed before resume') && (this.phase === 'preparing' || this.phase === 'ready');
    return (this.phase === 'processing' && !this.paused) || this.phase === 'draining' || early;
  }

  /** Sources may push, unless something is full. */
  private get mayOpen(): boolean {
    const open = this.phase === 'processing' || this.phase === 'draining';
    return open && this.sourcesState !== 'ended' && !this.paused;
  }

  /** Every call of the world runs in here: what is to be done at its end is done once. */
  private turn(work: () => void): void {
    if (this.phase === 'ended') return;
    this.depth++;
    try {
      work();
      while (this.depth === 1 && this.inbox.length > 0) this.handle(this.settings.name, this.inbox.shift()!);
      if (this.depth === 1) this.data.migration.poll();
    } finally {
      this.depth--;
    }
    if (this.depth === 0) this.tellFlow();
  }

  private tellFlow(): void {
    if (this.phase === 'ended') return;
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

  private send(member: string, message: ControlMessage): void {
    if (member === this.settings.name) this.inbox.push(message);
    else this.mesh.send(this.mesh.peer(member), message);
  }

  /** Every message has an answer in every phase: act, ignore, or fence. */
  private handle(from: string, message: ControlMessage): void {
    const { leadership } = this.leader;
    switch (message.type) {
      case 'gather':
        return this.onGather(from, message.epoch);
      case 'promise':
        return leadership.promised(from, message.epoch, message.records);
      case 'fenced':
        return leadership.fenced(message.epoch);
      case 'append':
        return this.onAppend(from, message.epoch, message.index, () =>
          this.clusterLog.put(message.index, message.record),
        );
      case 'install':
        return this.onInstall(from, message.epoch, message.index, message.records);
      case 'appended':
        return leadership.stored(from, message.epoch, message.index);
      case 'commit':
        return this.onCommit(message.epoch, message.index);
      case 'ready':
        return leadership.ready(from, message.epoch);
      case 'resume':
        return this.onResume(message.epoch);
      case 'drain':
        return this.onDrain(from, message.round, message.last);
      case 'drained':
        // It was asked for by an earlier life of this worker.
        if (this.shutdown === undefined) return this.shutDown();
        return this.shutdown.report(from, message);
      case 'finish':
        return this.onFinish(message.complete, message.keepFiles);
      case 'ask':
        return this.send(from, { type: 'answer', id: message.id, body: this.ports.answer(message.question) });
      case 'answer':
        for (const inquiry of this.inquiries) {
          if (inquiry.id === message.id) inquiry.answered(from, message.body);
        }
        return;
      case 'joinRequest': {
        const refusal = this.leader.joinRequested(message);
        return this.send(from, { type: 'joinAnswer', name: message.name, life: message.life, refusal });
      }
      case 'joinAnswer':
        return this.mesh.answerJoiner(message.name, message.life, message.refusal);
      case 'joinRefused':
        return this.phase === 'forming' ? this.end(new JoinRefusedError(message.text)) : undefined;
      case 'joined':
        return this.leader.joined(from, message.epoch);
      case 'moved':
        return this.leader.moved(message.version, message.keys, message.bytes);
      case 'drainedToLeave':
        return this.leader.drainedToLeave(from);
      case 'cut':
        if (this.view.epoch !== message.epoch || !this.mayCut) return;
        return this.data.durability?.checkpointer.begin(message.checkpoint, message.counted);
      case 'saved': {
        const { checkpoint, file, offset, sum, streams } = message;
        this.leader.saved(from, checkpoint, { file, offset, sum }, streams);
        return this.lead();
      }
      case 'notSaved':
        return this.leader.notSaved(from, message.checkpoint, message.why);
      case 'rotateLog':
        return this.rotateLogHere(true);
      case 'shrink':
        return this.leader.shrink(message, ({ text, names }) =>
          this.send(from, { type: 'shrinkAnswer', id: message.id, text, names }),
        );
      case 'claimStream':
      case 'streamGranted':
      case 'streamRefused':
      case 'streamReleased':
      case 'streamsHeld':
        return this.streams.handle(from, message);
      case 'shrinkAnswer':
        this.shrinkReplies.get(message.id)?.(message);
        this.shrinkReplies.delete(message.id);
        return;
      default:
        return unreachable(message);
    }
  }

  private get mayCut(): boolean {
    return (
      this.restored && (this.phase === 'ready' || this.phase === 'processing' || this.phase === 'draining')
    );
  }

  private onGather(from: string, epoch: number): void {
    if (epoch <= this.promisedEpoch) return this.send(from, { type: 'fenced', epoch: this.promisedEpoch });
    if (this.finishing) return;
    this.promise(from, epoch);
    this.phase = 'gathering';
    this.send(from, { type: 'promise', epoch, records: this.clusterLog.bytes });
  }

  private promise(leader: string, epoch: number): void {
    this.promisedEpoch = epoch;
    this.leaderName = leader;
    this.leader.leadership.heardOf(epoch);
    if (leader !== this.settings.name) this.leader.resign();
  }

  private onAppend(from: string, epoch: number, index: number, put: () => void): void {
    if (epoch < this.promisedEpoch) return this.send(from, { type: 'fenced', epoch: this.promisedEpoch });
    if (this.finishing) return;
    this.promise(from, epoch);
    put();
    this.cluster = this.clusterLog.state.cluster;
    this.forgetFormerLives();
    this.keeper.write(() => this.send(from, { type: 'appended', epoch, index }));
  }

  /**
   * Whoever is new by this record may live for the first time, whatever lives of its name were seen before. So may one
   * that has an incarnation which was another life's before.
   */
  private forgetFormerLives(): void {
    const { state, effective } = this.clusterLog;
    for (const { name, incarnation, life } of state.members) {
      const peer = this.mesh.peers.get(name);
      if (peer === undefined || peer.life === 0) continue;
      const isNew = !effective.members.some((member) => member.name === name);
      const former = peer.incarnation > incarnation && isNew;
      if (former || (peer.incarnation === incarnation && peer.life !== life)) this.mesh.forget(peer);
    }
  }

  private onInstall(from: string, epoch: number, index: number, records: readonly Buffer[]): void {
    if (this.phase !== 'forming' || this.settings.role.kind !== 'joiner') return;
    this.log.line('***Received cluster information!***');
    this.mesh.forgetContact();
    this.joining = true;
    this.onAppend(from, epoch, index, () => this.clusterLog.replace(records));
  }

  private onCommit(epoch: number, index: number): void {
    const { clusterLog } = this;
    if (clusterLog.state.epoch !== epoch || epoch < this.promisedEpoch || index >= clusterLog.length) return;
    if (this.phase === 'finishing') return;
    // An epoch that counts this worker among its members already: it gets ready as all others do.
    if (index === 0) this.joining = false;
    for (const record of clusterLog.commit(index)) this.effect(record);
    // A joiner finds itself in the middle of an epoch, by one record that stands for all before it.
    if (this.joining && this.view.epoch === 0) this.begin();
  }

  /** A record takes effect. */
  private effect(record: ControlRecord): void {
    if (record.type === 'epoch' || this.view.epoch !== this.clusterLog.effective.epoch) {
      if (record.type === 'epoch' && !this.joining) this.begin();
      return;
    }
    const before = this.view;
    this.view = this.clusterLog.effective;
    switch (record.type) {
      case 'join':
        for (const member of record.members) this.dial(member.name, member.control);
        this.streams.membersJoined(record.members.map(({ name }) => name));
        this.relinkAll(before);
        return this.mesh.caughtUp();
      case 'leave':
        this.drainsToLeave = record.drain;
        return this.leaveIfAsked();
      case 'left':
        return this.onLeft(before, record.names);
      case 'route':
        if (before.route !== undefined) this.data.migration.end(before.route.version, routed(before).owners);
        return this.data.migration.begin(record, this.ownersOf(this.view));
      case 'routeDone':
        this.data.migration.end(record.version, this.view.owners);
        // The next route need not wait for a tick.
        return this.lead();
      case 'checkpoint':
        this.data.durability?.commit(record.checkpoint);
        return this.leader.checkpointRecorded(record.checkpoint);
      default:
        return unreachable(record);
    }
  }

  /** An epoch begins, or this worker's part in one: links start anew with the members as they live now. */
  private begin(): void {
    const epoch = this.clusterLog.effective;
    const here = epoch.members.find(({ name }) => name === this.settings.name);
    // An epoch that knows of an earlier life of this worker only: the next one will know of this one.
    if (here?.incarnation !== this.incarnation || here.life !== this.life) return;
    invariant(epoch.epoch > this.view.epoch, 'epochs never go back');
    const before = this.view;
    this.view = epoch;
    this.cluster = epoch.cluster;
    if (!this.finishing) this.phase = 'preparing';
    this.lastBefore = undefined;
    this.leader.epochBegan();
    this.data.migration.review(epoch.route);
    if (this.settings.resilience !== undefined) this.data.migration.clear();
    this.relinkAll(before);
    if (epoch.route === undefined) this.data.migration.settle(epoch.routeVersion, epoch.owners);
    else this.data.migration.begin(epoch.route, this.ownersOf(epoch));
    this.mesh.forgetContact();
    this.forgetOthers();
    this.mesh.caughtUp();
    this.restored = this.settings.resilience === undefined;
    if (this.endsState === 'closed') {
      this.endsState = 'opening';
      this.ports.ends.open();
    } else if (this.endsState === 'open') this.rollBack();
    this.streams.epochBegan();
    this.toldDrained = false;
    this.leaveIfAsked();
    this.checkReady();
  }

  /** Everything goes back to the checkpoint of the epoch. */
  private rollBack(): void {
    if (this.settings.resilience === undefined || this.view.epoch === 0) return;
    const { checkpoint, owners, members } = this.view;
    const { name } = this.settings;
    const here = members.findIndex((member) => member.name === name);
    this.restored = false;
    this.data.rollBack({
      checkpoint: checkpoint?.id ?? 0,
      // A joiner in the middle of an epoch begins with nothing, as one does that has no part in the checkpoint.
      end: this.joining ? undefined : checkpoint?.parts.find((part) => part.name === name),
      ownsSlot: (slot) => owners[slot] === here,
    });
  }

  /** Whoever is no member of the new epoch, and not about to become one, has to greet anew. */
  private forgetOthers(): void {
    for (const peer of [...this.mesh.peers.values()]) {
      const known =
        this.view.members.some(({ name }) => name === peer.name) || this.leader.expects(peer.name);
      if (!known) this.mesh.forget(peer);
    }
  }

  /** Links with all members of the view; those that stand stay as they are. */
  private relinkAll(before: ClusterState): void {
    const { members, epoch } = this.view;
    const { name } = this.settings;
    const batches = members.map((member) => {
      if (member.name === name) return undefined;
      const known = before.epoch === epoch && before.members.some((former) => former.name === member.name);
      return known ? this.mesh.peer(member.name).batch : this.relink(member, before);
    });
    const here = members.findIndex((member) => member.name === name);
    this.data.engine.routing.assign(this.ownersOf(this.view), here, batches);
  }

  private relink(member: MemberRecord, before: ClusterState): OutgoingBatch {
    const peer = this.mesh.peer(member.name);
    const { epoch } = this.view;
    const former = before.members.find(({ name }) => name === member.name)?.incarnation;
    // What was in flight to a worker that has died goes to its next life; so nothing of ours is lost with it.
    const keep =
      this.settings.resilience === undefined &&
      (former === member.incarnation || !this.planted.has('in flight is forgotten'));
    peer.control.boundary.address = peer.addresses?.control ?? member.control;
    peer.data.boundary.address = peer.addresses?.data ?? member.data;
    peer.data.boundary.route = this.view.routeVersion;
    peer.data.boundary.restart({ epoch, from: this.incarnation, to: member.incarnation }, keep);
    const stays = this.settings.resilience === undefined;
    if (!stays) peer.batch.clear();
    peer.data.receiver.restart({ epoch, from: member.incarnation, to: this.incarnation }, stays);
    return peer.batch;
  }

  /** The owners of slots, those on their way counted where they go. */
  private ownersOf({ owners, members, route }: ClusterState): SlotOwners {
    if (route === undefined) return owners;
    const to = members.findIndex(({ name }) => name === route.to);
    const next = [...owners];
    for (const slot of route.slots) next[slot] = to;
    return next;
  }

  private checkReady(): void {
    if (this.phase !== 'preparing' || this.endsState !== 'open' || !this.restored) return;
    if (this.others().some(({ data }) => !data.boundary.open)) return;
    this.phase = 'ready';
    if (!this.joining) return this.send(this.leaderName, { type: 'ready', epoch: this.view.epoch });
    this.joining = false;
    this.log.line('Joining worker: Skipping Phase III');
    this.send(this.leaderName, { type: 'joined', epoch: this.view.epoch });
  }

  private onResume(epoch: number): void {
    if (this.phase !== 'ready' || this.view.epoch !== epoch) return;
    this.phase = 'processing';
    if (this.firstResume) {
      if (this.settings.saved !== undefined) {
        this.log.line('|~~ - Recovery COMPLETE - ~~|');
        this.log.line('~~~Resuming message processing.~~~');
        this.log.line('Recovering worker: Skipping Phase III');
      }
      this.log.line('|~~ INIT PHASE IV: Cluster is ready to work! ~~|');
      this.firstResume = false;
    } else {
      this.log.line('~~~Resuming message processing.~~~');
    }
    this.ports.turnOpened();
    if (this.asked !== undefined) this.onDrain(this.asked.leader, this.asked.round, false);
  }

  /** Said by the leader alone, before it lets all others go on. */
  private allReady(): void {
    const { members, epoch } = this.view;
    if (this.firstResume && this.settings.saved === undefined) {
      for (const { name } of members) this.log.line(`${name} reported topology ready!`);
      this.log.line(`All ${members.length} workers reporting Topology ready!`);
    } else {
      this.log.line(`All ${members.length} workers are ready for epoch ${epoch}.`);
    }
    if (this.firstResume) this.log.line('Application has successfully initialized.');
  }

  /** A member that is to go ends its sources; its slots go one by one. */
  private leaveIfAsked(): void {
    if (!this.view.leaving.includes(this.settings.name)) return;
    if (this.sourcesState !== 'running' || this.endsState !== 'open') return;
    this.log.line('Beginning process of leaving cluster.');
    this.sourcesState = 'ending';
    if (this.drainsToLeave) this.ports.ends.drainSources();
    else this.ports.ends.endSources();
  }

  /** Tells the leader when a leaving worker has nothing under way any more. */
  private leaveIfDone(): void {
    if (!this.handedOver || this.phase !== 'processing') return;
    // Told again from time to time: the leader that was told may have left itself.
    const now = this.ports.clock.now();
    if (this.toldDrained && now - this.toldDrainedAt < tellAgainNs) return;
    const { held, unacknowledged } = this.data.linkBytes;
    if (held > 0 || unacknowledged > 0 || !(this.data.durability?.checkpointer.leftNothing ?? true)) return;
    this.toldDrained = true;
    this.toldDrainedAt = now;
    this.send(this.leaderName, { type: 'drainedToLeave' });
  }

  private onLeft(before: ClusterState, names: readonly string[]): void {
    const { name } = this.settings;
    const wasLeader = before.members[0]!.name;
    if (names.includes(name)) {
      this.phase = 'finishing';
      this.log.line('AUTOSCALE: Shutting down.');
      // The others have let go of it; if it led, it sees that they know.
      if (wasLeader !== name) for (const peer of [...this.mesh.peers.values()]) this.mesh.forget(peer);
      return this.flushSinks();
    }
    this.relinkAll(before);
    this.ports.ends.workersLeft(names);
    // Their connections stay for a moment, so that they hear of it.
    for (const gone of names) this.departed.set(gone, this.ports.clock.now() + departureNs);
    if (wasLeader !== name) this.leaderName = this.view.members[0]!.name;
    this.streams.membersLeft(names, wasLeader);
    if (wasLeader === name) return this.leader.leadership.release(names);
    if (this.leaderName !== name || !names.includes(wasLeader)) return;
    // The leader has left in order: the next one goes on where it stood.
    this.leader.inherit(this.view.epoch, this.view.members);
  }

  private forgetDeparted(now: number): void {
    for (const [name, until] of this.departed) {
      if (now < until) continue;
      this.departed.delete(name);
      const peer = this.mesh.peers.get(name);
      const member = this.clusterLog.state.members.some((one) => one.name === name);
      if (peer !== undefined && !member && !this.leader.expects(name)) this.mesh.forget(peer);
    }
  }

  private onDrain(from: string, round: number, last: boolean): void {
    if (this.finishing) return;
    if (this.asked === undefined && from !== this.settings.name) {
      this.log.line(`Shutting down: ${from} was asked to stop the cluster.`);
    }
    this.asked = { leader: from, round };
    // Otherwise once messages flow again.
    if (this.phase !== 'processing' && this.phase !== 'draining') return;
    // Also if sources end already: to leave may take a checkpoint, and none follows.
    if (this.phase === 'processing' && this.sourcesState !== 'ended') {
      this.sourcesState = 'ending';
      this.ports.ends.endSources();
    }
    this.phase = 'draining';
    // Since the round before nothing was under way: what was cut later has everything.
    if (last) this.lastBefore ??= this.cutBefore;
    else this.cutBefore = this.data.durability?.checkpointer.newest ?? 0;
    this.data.endTurn();
    const sourcesEnded =
      this.sourcesState === 'ended' &&
      this.data.migration.heldBytes === 0 &&
      (this.data.durability?.journal.empty ?? true);
    const { epoch } = this.view;
    const { settled } = this;
    this.send(from, { type: 'drained', round, epoch, sourcesEnded, settled, ...this.data.totals });
    if (last) this.lead();
  }

  /** All that this worker has is in a checkpoint that counts, and out of its sinks. */
  private get settled(): boolean {
    const { durability, totals } = this.data;
    if (durability === undefined) return true;
    const { counted } = durability.checkpointer;
    return this.lastBefore !== undefined && counted > this.lastBefore && totals.unsent === 0;
  }

  private onFinish(complete: boolean, keepFiles: boolean): void {
    if (this.phase === 'finishing') return;
    this.phase = 'finishing';
    if (!complete) {
      const { held, unacknowledged } = this.data.linkBytes;
      return this.end(new IncompleteShutdownError(held + unacknowledged, this.status.unreachable));
    }
    if (keepFiles) return this.end(undefined);
    this.flushSinks();
  }

  /** Nothing goes back any more: all output is let out. */
  private flushSinks(): void {
    this.data.durability?.release();
    this.ports.ends.flushSinks();
  }

  /** Who has told others that all is over waits until they know, for a while. */
  private finished(): void {
    const told =
      this.shutdown !== undefined || this.view.members.every(({ name }) => name !== this.settings.name);
    if (!told) return this.end(undefined);
    // Long enough for a connection that broke to be missed and made anew, and for a process that stands still a while.
    const patience = Math.max(toldPatienceMs, 3 * this.settings.timing.silenceMs);
    this.over = { until: this.ports.clock.now() + patience * 1e6 };
    this.endIfOver(this.ports.clock.now());
  }

  private endIfOver(now: number): void {
    if (this.over === undefined) return;
    const untold = this.others().some(({ control }) => control.boundary.unacknowledgedBytes > 0);
    if (!untold || now >= this.over.until) this.end(undefined);
  }

  /** The leader of the shutdown is gone: it is over, or died. What this worker had is processed, or never will be. */
  private endIfOrphaned(now: number): void {
    if (this.phase !== 'draining' || this.shutdown !== undefined || this.asked === undefined) return;
    const leader = this.mesh.peers.get(this.asked.leader);
    if (leader?.awaySince === undefined || now - leader.awaySince < 2 * this.shutdownPatienceNs) return;
    const { held, unacknowledged } = this.data.linkBytes;
    // With checkpoints the cluster can be started again, and then is as it was; so nobody need guess.
    const complete =
      this.settings.resilience === undefined && held + unacknowledged === 0 && this.sourcesState === 'ended';
    this.log.line(`${leader.name}, which led the shutdown, is gone.`);
    this.onFinish(complete, !complete);
  }

  /** Nothing has been processed yet: whoever waits with us ends as well, and files stay as they are. */
  private giveUpStart(): void {
    if (this.settings.role.kind !== 'joiner') {
      for (const peer of this.mesh.peers.values()) {
        if (peer.control.boundary.open)
          this.mesh.send(peer, { type: 'finish', complete: true, keepFiles: true });
      }
    }
    this.phase = 'finishing';
    this.end(undefined);
  }

  private end(failure: Error | undefined): void {
    this.phase = 'ended';
    this.ports.ended(failure);
  }

  /** The other members of the view. */
  private others(): readonly Peer[] {
    const { name } = this.settings;
    const names = this.view.members.map((member) => member.name).filter((member) => member !== name);
    return names.map((member) => this.mesh.peer(member));
  }

  private dial(name: string, address: Address): void {
    this.mesh.peer(name).control.boundary.address ??= address;
  }

  /** The first member leads; if it is away and owns nothing, the next one. */
  private lead(): void {
    const { state } = this.clusterLog;
    if (state.epoch === 0 || this.finishing) return;
    const now = this.ports.clock.now();
    // Who owns slots has had clients as well: also if it owned none at the checkpoint, what it has read is with it.
    const restores = this.settings.resilience !== undefined;
    const needs = new Set([
      ...needed(state),
      ...(restores ? [...needed(rolledBack(state)), ...neededToRestore(state)] : []),
    ]);
    const gone = (member: MemberRecord) => {
      if (member.name === this.settings.name || needs.has(member.name)) return false;
      if (!this.leader.mayGo(member.name)) return false;
      const peer = this.mesh.peer(member.name);
      return !this.attendance.present(peer, now) && this.attendance.gone(peer, now);
    };
    // While a record is on its way to all disks, the members are those that have to have it.
    const { lives } = this.leader.leadership;
    const there = (lives.length > 0 ? lives : state.members).filter((member) => !gone(member));
    if (there[0]?.name !== this.settings.name || this.leaderIsLeaving(now)) return;
    if (this.asked === undefined) return this.leader.tick(this.livesOf(there, now));
    this.leader.tickLast(this.livesOf(there, now), this.lastBefore !== undefined && !this.settled);
  }

  /** The record by which the leader leaves is on its way: until it is in effect, nobody else leads. */
  private leaderIsLeaving(now: number): boolean {
    const { state, effective } = this.clusterLog;
    const [leader] = effective.members;
    if (leader === undefined || leader.name === this.settings.name) return false;
    if (state.members.some(({ name }) => name === leader.name)) return false;
    const peer = this.mesh.peers.get(leader.name);
    return peer?.incarnation === leader.incarnation && !this.attendance.gone(peer, now);
  }

  /** How these members live now; undefined while one of them is away. */
  private livesOf(members: readonly MemberRecord[], now: number): Lives | undefined {
    const { name, control, data } = this.settings;
    const lives: MemberRecord[] = [];
    for (const member of members) {
      if (member.name === name) {
        lives.push({ name, incarnation: this.incarnation, life: this.life, control, data });
        continue;
      }
      const peer = this.mesh.peer(member.name);
      if (!this.attendance.present(peer, now)) return undefined;
      const { incarnation, life } = peer;
      lives.push({ ...member, incarnation, life, ...peer.addresses });
    }
    return lives;
  }

  /** Still to be formed by this worker, and its record is not written yet. */
  private get takesWorkers(): boolean {
    const { role } = this.settings;
    return role.kind === 'initializer' && this.phase === 'forming' && this.leader.leadership.stage === 'idle';
  }

  /** Each life of a worker is told of once, however often its connection breaks. */
  private onGreeted({ name, life }: Peer): void {
    const { role } = this.settings;
    if (this.takesWorkers && role.kind === 'initializer' && this.arrivals.get(name) !== life) {
      this.arrivals.set(name, life);
      this.log.line(arrival(name, role.workerCount - 1 - this.mesh.peers.size));
    }
    this.formIfComplete();
  }

  private formIfComplete(): void {
    const { role, name, control, data, plan } = this.settings;
    if (!this.takesWorkers || role.kind !== 'initializer') return;
    const now = this.ports.clock.now();
    const workers = [...this.mesh.peers.values()];
    if (workers.length < role.workerCount - 1) return;
    if (!workers.every((peer) => this.attendance.present(peer, now))) return;
    for (const worker of workers) this.log.line(`Worker ${worker.name} control channel identified`);
    this.log.line('All worker control channels identified');
    for (const worker of workers) this.log.line(`Worker ${worker.name} data channel identified`);
    this.log.line('All worker data channels identified');
    this.log.line('Initializing application');
    const members = [
      { name, incarnation: this.incarnation, life: this.life, control, data },
      ...workers.map(({ addresses, ...peer }) => ({
        name: peer.name,
        incarnation: peer.incarnation,
        life: peer.life,
        ...addresses!,
      })),
    ];
    const owners = dealSlots(plan.application.slots, members.length);
    this.log.line('Distributing local topologies to workers');
    this.leaderName = name;
    this.leader.leadership.found(
      asEpoch({ ...noCluster, cluster: this.cluster, members, owners }, 1, members),
    );
    this.log.line('Finished distributing');
  }

  private tellWaiting(now: number): void {
    if (this.phase !== 'forming' && this.phase !== 'returning') return;
    const { timing } = this.settings;
    if (this.phase === 'forming' && timing.startMs > 0 && now - this.startedAt > timing.startMs * 1e6) {
      return this.end(new StartTimeoutError(this.awaited(), timing.startMs));
    }
    if (now - this.waitingToldAt < waitingLogNs) return;
    this.waitingToldAt = now;
    this.log.line(`Waiting for ${this.awaited()}.`);
  }

  private awaited(): string {
    const now = this.ports.clock.now();
    return waitsFor(this.settings.role, {
      returning: this.phase === 'returning',
      missing: this.clusterLog.state.members
        .map(({ name }) => name)
        .filter((name) => name !== this.settings.name && !this.attendance.present(this.mesh.peer(name), now)),
      workers: [...this.mesh.peers.values()].map((peer) => ({
        name: peer.name,
        control: peer.addresses?.control,
        present: this.attendance.present(peer, now),
      })),
    });
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
        greeted: (peer) => this.onGreeted(peer),
        restarted: (peer) => this.peerRestarted(peer),
        changed: () => this.checkReady(),
        fellSilent: (peer) => this.peerFellSilent(peer),
        refused: (peer, refusal) => this.onRefusal(peer, refusal),
        joinRequested: (hello, addresses) => this.onJoiner(hello, addresses),
        control: (peer, message) => this.handle(peer.name, message),
        data: (peer, frame) => this.data.receive(peer, frame),
        full: (peer, full) => {
          this.data.backpressure.peerIsFull(peer.name, full);
          this.tellFlow();
        },
        held: (peer, bytes) => {
          this.data.backpressure.update('link', `to ${peer.name}`, bytes);
          this.tellFlow();
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
          this.cluster = this.clusterLog.state.cluster;
          this.keeper.write(then);
        },
        send: (member, message) => this.send(member, message),
        invite: (candidate) => this.invite(candidate),
        incarnationOf: (candidate) => {
          const peer = this.mesh.peers.get(candidate.name);
          if (peer === undefined || peer.life !== candidate.life) return undefined;
          return this.attendance.present(peer, this.ports.clock.now()) ? peer.incarnation : undefined;
        },
        // Not at once: it may still have to hear why.
        forget: (who) => this.departed.set(who, this.ports.clock.now() + departureNs),
        clients: (done) =>
          this.ask(clientsQuestion, (answers) =>
            done(new Map([...answers].map(([who, text]) => [who, Number(text)]))),
          ),
      },
      timing.joinMs * 1e6,
      this.settings.slotsPerRoute,
      this.settings.resilience?.checkpointNs,
      () => this.allReady(),
    );
  }

  private self(): Self {
    const { role, name, plan, control, data } = this.settings;
    const { state } = this.clusterLog;
    return {
      name,
      application: plan.application.name,
      fingerprint: this.fingerprint,
      control,
      data,
      life: this.life,
      incarnation: this.incarnation,
      cluster: this.cluster,
      members: state.epoch > 0 ? state.members : undefined,
      linked: this.view.members,
      epoch: this.view.epoch,
      joining: this.phase === 'forming' && role.kind === 'joiner',
      closed: !this.incarnationKept || this.phase === 'finishing' || this.phase === 'ended',
      expects: (who) => this.leader.expects(who),
      vacancies:
        this.takesWorkers && role.kind === 'initializer'
          ? role.workerCount - 1 - this.mesh.peers.size
          : undefined,
    };
  }

  /** Reaches out to a worker that asks to be let in. What was known of an earlier life of it is void. */
  private invite({ name, life, control }: Candidate): void {
    const known = this.mesh.peers.get(name);
    if (known !== undefined && known.life !== 0 && known.life !== life) this.mesh.forget(known);
    this.departed.delete(name);
    this.mesh.peer(name).control.boundary.address = control;
  }

  /** Somebody asks this member to be let in: the leader decides. */
  private onJoiner(hello: Hello, addresses: { control: Address; data: Address }): void {
    const { name, life, incarnation, joining: count } = hello;
    this.send(this.view.members[0]!.name, {
      type: 'joinRequest',
      name,
      life,
      incarnation,
      count,
      ...addresses,
    });
  }

  private peerRestarted(peer: Peer): void {
    if (this.view.members.some(({ name }) => name === peer.name)) {
      this.log.line(`${peer.name} has been started again (start ${peer.incarnation}).`);
    }
  }

  private peerFellSilent(peer: Peer): void {
    this.leader.gone(peer.name);
    if (!this.takesWorkers) return;
    this.log.line(`Worker ${peer.name} has gone before the cluster was complete.`);
    this.mesh.forget(peer);
  }

  private onRefusal(peer: Peer | undefined, refusal: Refusal): void {
    const unsettled = this.phase === 'forming' || this.phase === 'returning';
    if (!refusal.final) {
      if (refusal.incarnation > this.incarnation && this.phase === 'forming' && peer !== undefined) {
        this.incarnation = refusal.incarnation;
        // Whoever else it speaks to knows it by the one that it had.
        for (const { control } of this.mesh.peers.values()) {
          control.boundary.restart(
            { epoch: 0, from: this.incarnation, to: control.boundary.session.to },
            true,
          );
        }
      }
      return;
    }
    if (this.phase === 'finishing') return;
    if (peer === undefined) return this.end(new JoinRefusedError(refusal.text));
    // The leader has lost sight of this joiner, which will ask again.
    if (this.settings.role.kind === 'joiner' && this.phase === 'forming' && !refusal.expelled) {
      return this.mesh.forget(peer);
    }
    if (refusal.expelled && this.toldDrained && this.phase === 'processing') {
      // It has left, and the word of it was lost.
      this.log.line('AUTOSCALE: Shutting down.');
      this.phase = 'finishing';
      return this.flushSinks();
    }
    if (refusal.expelled && this.view.epoch === 0 && this.settings.saved === undefined) {
      // It was about to become a member, and the cluster has gone on without it.
      this.phase = 'finishing';
      const failure = new JoinRefusedError('The cluster has gone on without this worker.');
      return this.keeper.remove(() => this.end(failure));
    }
    if (refusal.expelled) return this.end(new RefusedError(peer.name, refusal.text));
    if (refusal.incarnation > this.incarnation) return this.end(new SupersededError(refusal.text));
    if (unsettled) return this.end(new RefusedError(peer.name, refusal.text));
    if (this.toldRefusals.get(peer.name) === refusal.text) return;
    this.toldRefusals.set(peer.name, refusal.text);
    this.log.write('error', 'Membership', `${peer.name} refuses this worker: ${refusal.text}`);
  }

  private readSaved(saved: Buffer) {
    const { name, plan } = this.settings;
    const { text: fingerprint } = this.fingerprint;
    return readTopology(saved, { name, application: plan.application.name, fingerprint });
  }

  private drawClusterId(): string {
    const { random } = this.ports;
    return Array.from({ length: 4 }, () => random.u32().toString(16).padStart(8, '0')).join('');
  }
}
