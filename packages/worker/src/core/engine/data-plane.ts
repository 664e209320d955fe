import { KeptOutput } from '../checkpoint/kept-output.js';
import type { DamagedLogError, LogOwner, LogPart } from '../checkpoint/log-records.js';
import { Backpressure } from '../link/backpressure.js';
import { frameKind, type Frame } from '../link/frame.js';
import type { Peer } from '../membership/peer.js';
import { Migration } from '../migration/migration.js';
import type { PlantedBug } from '../planted.js';
import type { Operations } from '../operations.js';
import type { Clock, Ends, LineLog, LogFiles, LogKind, OutputPort } from '../ports.js';
import { Durability, type RollbackGoal } from '../recovery/durability.js';
import type { StreamPosition } from '../streams/stream-position.js';
import type { Plan } from '../topology/plan.js';
import { Engine } from './engine.js';

export interface DataPlaneHost {
  readonly name: string;
  /** Tells this life of the worker from others. */
  readonly life: number;
  readonly plan: Plan;
  readonly windowBytes: { readonly sink: number; readonly link: number };
  readonly planted: ReadonlySet<PlantedBug>;
  readonly clock: Clock;
  readonly log: LineLog;
  readonly output: (sink: string) => OutputPort;
  turnOpened(): void;
  muteChanged(muted: boolean, what: string): void;
  /** The other members, and former ones of which something may still wait. */
  peers(): readonly Peer[];
  /** Whether the member processes messages at all now. */
  running(): boolean;
  /** The slots of a route have arrived here. */
  arrived(version: number, keys: number, bytes: number): void;
  readonly operations: Operations;
  readonly files: LogFiles;
  readonly ends: Ends;
  readonly resilience:
    { readonly fileBytes: number | undefined; readonly journalFileBytes?: number | undefined } | undefined;
  owner(): LogOwner;
  /** This worker is to leave, and has neither slots nor sources any more. */
  leaving(): boolean;
  /** By sink: up to which checkpoint its output has been handed on in former lives of this worker. */
  readonly handedOnBefore: ReadonlyMap<string, number>;
  /** The output of another checkpoint has: that is to be kept. */
  handedOn(): void;
  /** This worker's part of a checkpoint is on disk. */
  saved(checkpoint: number, part: LogPart, streams: readonly StreamPosition[]): void;
  notSaved(checkpoint: number, why: string): void;
  /** Everything is as it was at the checkpoint. */
  restored(): void;
  damaged(kind: LogKind, file: number, error: DamagedLogError): void;
}

/** Output that waits for its checkpoint: above this, and what links may hold besides, sources are muted. */
const keptBytesMax = 64 * 1024 * 1024;

/**
 * The data path of a member: the engine, what comes to it on links, what holds it back, and slots that come and
 * go. Frames that cannot be processed now wait at their receivers, in order.
 */
export class DataPlane {
  readonly engine: Engine;
  readonly backpressure: Backpressure;
  readonly migration: Migration;
  readonly durability: Durability | undefined;
  private readonly sinks = new Map<string, { written: number; unsent: number }>();
  /** Output that is not lost with the worker, by sink. */
  private readonly outputs = new Map<string, KeptOutput>();

  constructor(private readonly host: DataPlaneHost) {
    this.backpressure = new Backpressure(
      host.windowBytes,
      (what) => host.muteChanged(this.backpressure.muted, what),
      () => host.turnOpened(),
      // Acknowledgements tell it, at the end of a turn.
      () => host.turnOpened(),
    );
    this.engine = new Engine(host.plan, {
      worker: host.name,
      clock: host.clock,
      log: host.log,
      output: (sink) => this.outputOf(sink, host),
      turnOpened: () => host.turnOpened(),
    });
    this.durability = this.makeDurability(host);
    this.migration = new Migration({
      name: host.name,
      engine: this.engine,
      planted: host.planted,
      peers: () => host.peers(),
      held: (bytes) => this.backpressure.update('link', 'of slots on their way here', bytes),
      output: () =>
        [...this.sinks.values()].map((sink) => ({
          written: sink.written,
          handedOn: sink.written - sink.unsent,
        })),
      arrived: (version, keys, bytes) => host.arrived(version, keys, bytes),
      wake: () => host.turnOpened(),
    });
  }

  /** A frame that is the next one on its link. @throws UserCodeError */
  receive(peer: Peer, frame: Frame): void {
    this.durability?.arrived(peer, frame);
    const { receiver } = peer.data;
    if (receiver.waiting || !this.mayTake(frame)) return receiver.hold(frame);
    this.process(peer, frame.kind, frame.bytes, frame.start, frame.end);
    receiver.passed();
  }

  sinkHolds(sink: string, unsentBytes: number): void {
    const counted = this.sinks.get(sink);
    if (counted !== undefined) counted.unsent = unsentBytes;
    this.backpressure.update('sink', sink, unsentBytes);
    if (this.outputs.get(sink)?.settle()) this.host.handedOn();
  }

  /** By sink that holds output: up to which checkpoint it has been handed on. */
  get handedOn(): ReadonlyMap<string, number> {
    const all = [...this.outputs].map(([sink, { handedOn }]) => [sink, handedOn] as const);
    return new Map(all.filter(([, checkpoint]) => checkpoint > 0));
  }

  /** Hands on what was gathered, processes what had to wait, and says how far this worker is. @throws UserCodeError */
  endTurn(): void {
    const { engine, migration, durability } = this;
    engine.endTurn();
    durability?.journal.endTurn();
    while (
      this.pump() ||
      migration.drain(() => this.mayProcess) ||
      durability?.journal.process(() => this.host.running() && !this.backpressure.muted)
    )
      engine.endTurn();
    durability?.checkpointer.writeSome();
    this.boundKept();
    for (const { data } of this.host.peers()) data.receiver.acknowledge(this.backpressure.ownFull);
  }

  /** Sources are to take in less when much output waits for its checkpoint; what comes on links does not wait for it. */
  private boundKept(): void {
    for (const [sink, { heldBytes, holds }] of this.outputs) {
      if (!holds) continue;
      const excess = Math.max(0, heldBytes - keptBytesMax);
      this.backpressure.update('link', `to ${sink}, which waits for a checkpoint`, excess);
    }
  }

  /** Frames given to links so far, frames from links processed, bytes that sinks hold. */
  get totals(): { readonly sent: number; readonly processed: number; readonly unsent: number } {
    let sent = 0;
    let processed = 0;
    let unsent = this.migration.heldBytes;
    for (const { data } of this.host.peers()) {
      sent += data.boundary.sent;
      processed += data.receiver.processed;
    }
    for (const sink of this.sinks.values()) unsent += sink.unsent;
    return { sent, processed: Math.max(0, processed), unsent };
  }

  /** Bytes that wait here, and bytes that peers have not acknowledged. */
  get linkBytes(): { readonly held: number; readonly unacknowledged: number } {
    let held = this.migration.heldBytes;
    let unacknowledged = 0;
    for (const { data } of this.host.peers()) {
      held += data.receiver.heldBytes;
      unacknowledged += data.boundary.unacknowledgedBytes;
    }
    return { held, unacknowledged };
  }

  /** With resilience, output is not lost with the worker; a transactional sink sees to that itself. */
  private outputOf(name: string, host: DataPlaneHost): OutputPort {
    const sink = host.plan.stages.find(({ work }) => work.kind === 'sink' && work.name === name)?.work;
    const config = sink?.kind === 'sink' ? sink.config : undefined;
    // What waits for its checkpoint there need not be handed on before slots move.
    if (host.resilience !== undefined && config?.transactional) return host.output(name);
    const port = this.counted(name, host.output(name));
    if (host.resilience === undefined) return port;
    const kept = {
      holds: config?.deliver === 'on-commit',
      unsent: () => this.sink(name).unsent,
      onlyThat: host.planted.has('only the exact checkpoint is committed'),
    };
    const held = new KeptOutput(port, kept, host.handedOnBefore.get(name));
    this.outputs.set(name, held);
    return held;
  }

  private counted(name: string, port: OutputPort): OutputPort {
    const sink = this.sink(name);
    return {
      write: (bytes, ends) => {
        sink.written += bytes.length;
        // Until the sink says how much it holds.
        sink.unsent += bytes.length;
        return port.write(bytes, ends);
      },
    };
  }

  private sink(name: string): { written: number; unsent: number } {
    let sink = this.sinks.get(name);
    if (sink === undefined) this.sinks.set(name, (sink = { written: 0, unsent: 0 }));
    return sink;
  }

  private get mayProcess(): boolean {
    return this.host.running() && !this.backpressure.sinksFull;
  }

  /** A frame of a newer route waits until this worker knows of it. */
  private mayTake({ kind, route }: { readonly kind: number; readonly route: number }): boolean {
    return this.mayProcess && (route <= this.migration.version || this.overlooksRoute(kind));
  }

  private overlooksRoute(kind: number): boolean {
    return kind === frameKind.batch && this.host.planted.has('no route version');
  }

  /** Processes frames that wait, a frame of each link in turn. True if there were any. */
  private pump(): boolean {
    let any = false;
    for (let more = true; more;) {
      more = false;
      for (const peer of this.host.peers()) {
        const { receiver } = peer.data;
        const frame = receiver.peek();
        if (frame === undefined || !this.mayTake(frame)) continue;
        this.process(peer, frame.kind, frame.bytes, 0, frame.bytes.length);
        receiver.shift();
        any = more = true;
      }
    }
    return any;
  }

  /** Forgets all that is in memory; what the goal has comes from the disk. */
  rollBack(goal: RollbackGoal): void {
    this.engine.clear();
    this.durability?.rollBack(goal);
  }

  /** What sources have read waits for the disk: they are to read nothing more for now. */
  get journalFull(): boolean {
    return this.durability?.journal.full ?? false;
  }

  private makeDurability(host: DataPlaneHost): Durability | undefined {
    if (host.resilience === undefined) return undefined;
    return new Durability({
      life: host.life,
      engine: this.engine,
      clock: host.clock,
      log: host.log,
      files: host.files,
      ends: host.ends,
      operations: host.operations,
      planted: host.planted,
      fileBytes: host.resilience.fileBytes,
      journalFileBytes: host.resilience.journalFileBytes,
      outputs: this.outputs,
      owner: () => host.owner(),
      peers: () => host.peers(),
      idle: () => {
        const { held, unacknowledged } = this.linkBytes;
        return host.leaving() && held + unacknowledged === 0;
      },
      wake: () => host.turnOpened(),
      stored: (checkpoint, part, streams) => host.saved(checkpoint, part, streams),
      failed: (checkpoint, why) => host.notSaved(checkpoint, why),
      restored: () => host.restored(),
      damaged: (kind, file, error) => host.damaged(kind, file, error),
    });
  }

  private process(peer: Peer, kind: number, bytes: Buffer, start: number, end: number): void {
    if (kind === frameKind.checkpoint) return this.host.turnOpened();
    if (kind !== frameKind.batch) {
      this.migration.received(peer.name, kind, bytes, start, end);
      // Nothing else may end a turn soon, and its sender waits to hear of it.
      return this.host.turnOpened();
    }
    // Some of it waits for its slots: its sender keeps the frame until that is processed.
    if (!this.engine.receiveBatch(bytes, start, end)) peer.data.receiver.retain();
  }
}
