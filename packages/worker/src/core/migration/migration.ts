import { ByteWriter } from '@wallaroo/protocol';
import { MessageDecoder } from '../codec/message-decoder.js';
import { MessageEncoder } from '../codec/message-encoder.js';
import { MessagePack } from '../codec/message-pack.js';
import type { Engine } from '../engine/engine.js';
import { invariant } from '../invariant.js';
import { beginFrame, frameKind, makeFrame, setKind, type FrameKind } from '../link/frame.js';
import type { Route } from '../membership/cluster-state.js';
import type { Peer } from '../membership/peer.js';
import type { PlantedBug } from '../planted.js';
import type { SlotOwners } from '../slots/table.js';
import { stateCodecs, type StateCodec } from '../step/state-codec.js';
import { HeldMessages } from './held-messages.js';

/** State is sent in frames of about this size. */
const stateFrameBytes = 256 * 1024;
const remindNs = 500e6;

export interface MigrationHost {
  readonly name: string;
  readonly engine: Engine;
  readonly planted: ReadonlySet<PlantedBug>;
  /** The other members. */
  peers(): readonly Peer[];
  /** What sinks were given so far, and what of it they have handed on, in bytes. */
  output(): readonly { readonly written: number; readonly handedOn: number }[];
  /** Bytes that wait for slots on their way here. */
  held(bytes: number): void;
  /** The slots of the route have arrived and what waited for them is processed. */
  arrived(version: number, keys: number, bytes: number): void;
  /** Messages wait that could be processed now. */
  wake(): void;
}

/**
 * What this worker has to do with the slots that are on their way:
 *
 * - `bystander`: sends what comes for them to their new owner, and told their old one so (the barrier).
 * - `giver`, 1. `barriers`: goes on processing what others sent it before they knew, until each has told it so.
 *   2. `flushing`: waits until what it has made of that is processed by whom it went to: what the new owner makes
 *   comes behind it. 3. `shipped`: the state has gone; this worker has none of it any more.
 * - `taker`, 1. `waiting`: holds what comes for the slots. 2. `draining`: the state is there; what waited is
 *   processed in the order in which it came, and what that makes for these slots goes behind it. 3. `arrived`.
 */
type Move =
  | { readonly role: 'bystander'; readonly route: Route }
  | {
      readonly role: 'giver';
      readonly route: Route;
      stage: 'barriers' | 'flushing' | 'shipped';
      awaited: Set<string>;
      unflushed: Map<Peer, number>;
      /** What each sink had been given then. */
      unsent: readonly number[];
    }
  | {
      readonly role: 'taker';
      readonly route: Route;
      stage: 'waiting' | 'draining' | 'arrived';
      keys: number;
      bytes: number;
    };

/** Moves slots between workers while messages flow: only what comes for these few slots has to wait a moment. */
export class Migration {
  /** The newest route that this worker knows of. Frames of a newer one wait. */
  version = 0;
  private move: Move | undefined;
  /**
   * The number, on the link to the giver, of the first barrier of the route that this worker has sent behind anything
   * else; 0: there is none. An epoch that begins with the route still open has another one follow, which the giver need
   * not wait for.
   */
  private barrier = 0;
  private remindedAt = 0;
  private readonly held: HeldMessages;
  private readonly encoder: MessageEncoder;
  private readonly decoder: MessageDecoder;
  private readonly codecs: readonly StateCodec[];

  constructor(private readonly host: MigrationHost) {
    const { engine } = host;
    const { classes, serialize, deserialize } = engine.application;
    // Encoders and decoders of its own: those of the engine are in the middle of a batch when a message is held.
    const messagePack = new MessagePack(classes);
    this.held = new HeldMessages(
      new MessageEncoder(messagePack, serialize),
      new MessageDecoder(messagePack, deserialize),
    );
    this.encoder = new MessageEncoder(messagePack, undefined);
    this.decoder = new MessageDecoder(messagePack, undefined);
    this.codecs = stateCodecs(engine.plan, engine.stores);
  }

  /** Bytes of messages that wait for their slots. */
  get heldBytes(): number {
    return this.held.size;
  }

  /** Slots are on their way, and this worker has something to do about it. */
  get active(): boolean {
    return this.move !== undefined;
  }

  /** A route begins; or an epoch does, in which it is still open. */
  begin(route: Route, owners: SlotOwners): void {
    const { host } = this;
    const { name, engine } = host;
    const again = this.move?.route.version === route.version ? this.move : undefined;
    // What was gathered before this moment goes by the old route, ahead of the barrier.
    engine.routing.flush();
    this.version = route.version;
    for (const { data } of host.peers()) data.boundary.route = route.version;
    engine.routing.moving(owners, new Set(name === route.from ? route.slots : []));
    if (name === route.from) this.give(route, again);
    else this.sendBarrier(route, again !== undefined);
    if (name === route.to) this.take(route, again);
    else if (name !== route.from) this.move = { role: 'bystander', route };
    this.poll();
    // Frames of this route may have waited for it.
    host.wake();
  }

  /** The route is done: all is as its record says. */
  end(version: number, owners: SlotOwners): void {
    invariant(this.move?.route.version === version, 'the route that ends is the one that was begun');
    this.forget();
    this.host.engine.routing.moved(owners);
  }

  /**
   * An epoch is about to begin with this route open, or none. To be called before links begin anew: the route that
   * was open here may have ended meanwhile.
   */
  review(open: Route | undefined): void {
    if (this.move === undefined) return;
    if (open?.version !== this.move.route.version) return this.forget();
    // Numbers may begin anew; what is not acknowledged stays in its order.
    const acknowledged = this.peer(open.from)?.data.boundary.acknowledged ?? 0;
    this.barrier = Math.max(0, this.barrier - acknowledged);
  }

  /** Everything goes back: what waits here comes again. */
  clear(): void {
    this.held.clear();
    this.move = undefined;
    this.barrier = 0;
  }

  /** An epoch begins without an open route. */
  settle(version: number, owners: SlotOwners): void {
    this.version = version;
    this.host.engine.routing.moved(owners);
    this.host.held(this.held.size);
    for (const { data } of this.host.peers()) data.boundary.route = version;
    this.host.wake();
  }

  /** A report may have been lost with its leader: it is made again until the route is done. */
  remind(now: number): void {
    if (this.move?.role !== 'taker' || this.move.stage !== 'arrived' || now - this.remindedAt < remindNs)
      return;
    this.remindedAt = now;
    this.host.arrived(this.move.route.version, this.move.keys, this.move.bytes);
  }

  /** A frame other than a batch, from a member. */
  received(from: string, kind: number, bytes: Buffer, start: number, end: number): void {
    const { move } = this;
    // What is about another route has come late: it was sent again, or in vain.
    if (move === undefined || routeIn(bytes, start, end) !== move.route.version) return;
    switch (kind) {
      case frameKind.barrier:
        if (move.role === 'giver') move.awaited.delete(from);
        return this.poll();
      case frameKind.state:
        return this.install(bytes, start + routeBytes, end);
      case frameKind.stateEnd:
        if (move.role === 'taker' && move.stage === 'waiting') move.stage = 'draining';
        return this.host.wake();
    }
  }

  /** Goes on when what was waited for has come. To be called when a link has been acknowledged. */
  poll(): void {
    const { move, host } = this;
    if (move?.role !== 'giver') return;
    if (move.stage === 'barriers' && (move.awaited.size === 0 || host.planted.has('state before barriers'))) {
      host.engine.endTurn();
      move.stage = 'flushing';
      move.unsent = host.output().map(({ written }) => written);
      for (const peer of host.peers()) {
        // To the new owner, what was sent before is ahead of the state on the same link.
        if (peer.name !== move.route.to) move.unflushed.set(peer, peer.data.boundary.sent);
      }
    }
    if (move.stage !== 'flushing') return;
    for (const [peer, number] of move.unflushed) {
      if (peer.data.boundary.acknowledged >= number || host.planted.has('no flush'))
        move.unflushed.delete(peer);
    }
    const output = host.output();
    const sent = move.unsent.every((written, sink) => output[sink]!.handedOn >= written);
    if (move.unflushed.size === 0 && (sent || host.planted.has('no flush'))) this.ship(move);
  }

  /**
   * Processes what waited for slots that have arrived.
   * @returns true when anything was processed
   * @throws UserCodeError
   */
  drain(mayProcess: () => boolean): boolean {
    const { move, held, host } = this;
    if (move?.role !== 'taker' || move.stage !== 'draining') return false;
    const { engine } = host;
    let any = false;
    // What these messages make for the same slots is held in turn: it stays behind those that wait already.
    if (host.planted.has('drained straight in')) engine.routing.arrived();
    while (!held.empty && mayProcess()) {
      any = true;
      held.take((target, key, message) => engine.enter(target, key, message));
    }
    host.held(held.size);
    if (!held.empty) return any;
    move.stage = 'arrived';
    engine.routing.arrived();
    for (const { data } of host.peers()) data.receiver.release();
    host.arrived(move.route.version, move.keys, move.bytes);
    return true;
  }

  private give(route: Route, again: Move | undefined): void {
    if (again?.role === 'giver' && again.stage === 'shipped') {
      // The taker may have begun anew since.
      return this.sendTo(route.to, frameKind.stateEnd, route);
    }
    this.move = {
      role: 'giver',
      route,
      stage: 'barriers',
      awaited: new Set(this.host.peers().map(({ name }) => name)),
      unflushed: new Map(),
      unsent: [],
    };
  }

  private take(route: Route, again: Move | undefined): void {
    if (again?.role === 'taker') {
      if (again.stage === 'arrived') this.host.arrived(route.version, again.keys, again.bytes);
      return;
    }
    this.move = { role: 'taker', route, stage: 'waiting', keys: 0, bytes: 0 };
    this.host.engine.routing.expect(new Set(route.slots), (target, key, message) => {
      this.held.add(target, key, message);
      this.host.held(this.held.size);
    });
  }

  private ship(move: Extract<Move, { role: 'giver' }>): void {
    const { encoder } = this;
    const out = new ByteWriter(stateFrameBytes + 16 * 1024);
    const finish = () => {
      if (out.length === 0) return;
      this.frameTo(move.route.to, frameKind.state, out);
      out.length = 0;
    };
    this.codecs.forEach((codec, stage) => {
      for (const slot of move.route.slots) {
        for (const { key, state } of codec.store.takeSlot(slot)) {
          if (out.length === 0) {
            beginFrame(out);
            out.u32(move.route.version);
            encoder.beginBatch();
          }
          out.u16(stage);
          encoder.value(out, key, 0);
          codec.write(out, encoder, state);
          if (out.length >= stateFrameBytes) finish();
        }
      }
    });
    finish();
    this.sendTo(move.route.to, frameKind.stateEnd, move.route);
    move.stage = 'shipped';
    this.host.engine.routing.gave();
  }

  private install(bytes: Buffer, start: number, end: number): void {
    const { decoder, move } = this;
    // Sent again to one that has it already.
    if (move?.role !== 'taker' || move.stage !== 'waiting') return;
    decoder.beginBatch(bytes, start, end);
    while (!decoder.done) {
      const codec = this.codecs[decoder.u16()];
      invariant(codec !== undefined, 'state belongs to a stage of the plan');
      const key = decoder.text();
      codec.store.put(key, codec.read(decoder));
      move.keys++;
    }
    move.bytes += end - start;
  }

  /**
   * A route has ended: the giver has processed all that is ahead of the barrier, and its state is elsewhere. A next
   * life of it must not get that again, even if its acknowledgement was lost.
   */
  private forget(): void {
    if (this.move !== undefined && this.barrier > 0) {
      this.peer(this.move.route.from)?.data.boundary.processed(this.barrier);
    }
    this.move = undefined;
    this.barrier = 0;
  }

  private sendBarrier(route: Route, again: boolean): void {
    const boundary = this.peer(route.from)?.data.boundary;
    if (boundary === undefined) return;
    const { sent, acknowledged } = boundary;
    this.sendTo(route.from, frameKind.barrier, route);
    // In a life that has sent nothing before it the giver need not wait for it either: it may have a former life's.
    if (!again) this.barrier = sent > 0 ? boundary.sent : 0;
    else if (this.barrier > 0) this.barrier += acknowledged;
  }

  private frameTo(member: string, kind: FrameKind, out: ByteWriter): void {
    const frame = Buffer.from(out.buffer.subarray(0, out.length));
    setKind(frame, kind);
    this.peer(member)?.data.boundary.send(frame);
  }

  private sendTo(member: string, kind: FrameKind, { version }: Route): void {
    const payload = Buffer.alloc(routeBytes);
    payload.writeUInt32BE(version);
    this.peer(member)?.data.boundary.send(makeFrame(kind, payload));
  }

  private peer(name: string): Peer | undefined {
    return this.host.peers().find((peer) => peer.name === name);
  }
}

/** Whatever is sent for a route begins with its version. */
const routeBytes = 4;

function routeIn(bytes: Buffer, start: number, end: number): number | undefined {
  return end - start >= routeBytes ? bytes.readUInt32BE(start) : undefined;
}
