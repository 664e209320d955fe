import { ByteWriter } from '@wallaroo/protocol';
import type { Application } from '../../api/application.js';
import type { Meter } from '../metrics/meter.js';
import type { Clock, Log, OutputPort } from '../ports.js';
import type { Inlet } from '../step/inlet.js';
import type { Outbox } from '../step/outbox.js';
import type { StateStore } from '../step/state-store.js';
import { Turn } from '../step/turn.js';
import { FailurePolicy } from '../step/user-code.js';
import { StepContext } from '../step/step-context.js';
import type { Plan, StageId } from '../topology/plan.js';
import { invariant } from '../invariant.js';
import { InvalidBatchError, MessageDecoder } from '../codec/message-decoder.js';
import { MessageEncoder } from '../codec/message-encoder.js';
import { MessagePack } from '../codec/message-pack.js';
import { slotOf } from '../slots/hash.js';
import { Routing } from '../slots/routing.js';
import { assemble, type Entrance } from './assemble.js';

export interface EnginePorts {
  /** The name of this worker. */
  readonly worker: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the output of a sink goes, by the sink's name. */
  readonly output: (sink: string) => OutputPort;
  /** A turn has opened: call {@link Engine.endTurn} when the messages at hand are through. */
  readonly turnOpened: () => void;
}

/**
 * The data path of one worker: messages go in at inlets, run to completion, and come out as batches of bytes.
 * Everything is synchronous and deterministic.
 */
export class Engine {
  readonly application: Application;
  readonly inlets: ReadonlyMap<string, Inlet>;
  readonly stores: ReadonlyMap<StageId, StateStore>;
  readonly meters: readonly Meter[];
  /** Where keys live: all of them here, until somebody says otherwise. */
  readonly routing = new Routing();
  private readonly messagePack: MessagePack;
  private readonly decoder: MessageDecoder;
  private readonly entrances: readonly (Entrance | undefined)[];
  private readonly context: StepContext;
  private readonly outboxes: readonly Outbox[];
  private readonly turn: Turn;
  private readonly failures: FailurePolicy;

  constructor(
    readonly plan: Plan,
    private readonly ports: EnginePorts,
  ) {
    this.application = plan.application;
    this.turn = new Turn(ports.clock, ports.turnOpened);
    this.failures = new FailurePolicy(plan.application.onError, ports.log, () => ports.clock.now());
    const { deserialize, classes } = plan.application;
    this.messagePack = new MessagePack(classes);
    this.decoder = new MessageDecoder(this.messagePack, deserialize);
    this.context = new StepContext(ports.clock, this.failures);
    const parts = assemble(plan, {
      worker: ports.worker,
      context: this.context,
      turn: this.turn,
      routing: this.routing,
      output: ports.output,
    });
    this.entrances = parts.entrances;
    this.inlets = parts.inlets;
    this.stores = parts.stores;
    this.outboxes = parts.outboxes;
    this.meters = parts.meters;
  }

  /** For messages that leave this worker: one for each batch that is being written. */
  newEncoder(): MessageEncoder {
    return new MessageEncoder(this.messagePack, this.application.serialize);
  }

  /** A value as bytes that can be read by itself. @throws TypeError when it cannot be written */
  pack(value: unknown): Buffer {
    const out = new ByteWriter(64);
    const encoder = new MessageEncoder(this.messagePack, undefined);
    encoder.beginBatch();
    encoder.value(out, value, 0);
    return out.toBuffer();
  }

  /** What {@link pack} made into bytes. */
  unpack(bytes: Buffer): unknown {
    const decoder = new MessageDecoder(this.messagePack, undefined);
    decoder.beginBatch(bytes, 0, bytes.length);
    return decoder.value();
  }

  /** Messages dropped because one of the author's functions threw. */
  get skipped(): number {
    return this.failures.skipped;
  }

  get timed(): boolean {
    return this.turn.timed;
  }

  /** Timings cost about a clock read for every 64th message; without them only counts are kept. */
  set timed(on: boolean) {
    this.turn.timed = on;
  }

  /**
   * Processes a batch that another worker has sent, message by message.
   * @returns false when some of it has to wait for slots that are on their way here
   * @throws UserCodeError; InvalidBatchError, ShortInputError when the bytes are no batch
   */
  receiveBatch(bytes: Buffer, start: number, end: number): boolean {
    const { decoder, turn, context, routing } = this;
    const { slots } = this.plan.application;
    let all = true;
    if (!turn.open) turn.begin();
    context.sampling = turn.timed;
    decoder.beginBatch(bytes, start, end);
    while (!decoder.done) {
      const target = decoder.entry();
      const key = decoder.key!;
      const message = decoder.value();
      if (routing.strict) {
        const slot = slotOf(key, slots);
        if (routing.held(slot, target, key, message)) {
          all = false;
          continue;
        }
        invariant(routing.owns(slot), 'a worker processes a key only while it owns its slot');
      }
      this.enter(target, key, message);
      context.sampling = false;
    }
    return all;
  }

  /** Processes a message that was partitioned before. @throws UserCodeError, InvalidBatchError */
  enter(target: number, key: string, message: unknown): void {
    const entrance = this.entrances[target];
    if (entrance === undefined) throw new InvalidBatchError(`the plan partitions nothing at stage ${target}`);
    if (!this.turn.open) this.turn.begin();
    this.context.pipeline = entrance.pipeline;
    entrance.first.process(message, key);
  }

  /** Forgets output that was not handed on. */
  clear(): void {
    this.turn.open = false;
    for (const outbox of this.outboxes) outbox.clear();
  }

  /** Hands all gathered output on. */
  endTurn(): void {
    const { turn } = this;
    turn.open = false;
    this.routing.flush();
    for (const outbox of this.outboxes) outbox.flush();
    const timed = turn.startedAt !== 0;
    const elapsed = timed ? this.ports.clock.now() - turn.startedAt : 0;
    for (const { meters } of this.inlets.values()) {
      for (const meter of meters.passage) {
        meter.count = meters.ingestion.count;
        if (timed) meter.sample(elapsed);
      }
    }
    if (!timed) return;
    for (const inlet of this.inlets.values()) inlet.sampleNext();
    turn.startedAt = 0;
  }
}
