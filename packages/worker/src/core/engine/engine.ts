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
import { assemble } from './assemble.js';

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
    const context = new StepContext(ports.clock, this.failures);
    const parts = assemble(plan, { worker: ports.worker, context, turn: this.turn, output: ports.output });
    this.inlets = parts.inlets;
    this.stores = parts.stores;
    this.outboxes = parts.outboxes;
    this.meters = parts.meters;
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

  /** Hands all gathered output on. */
  endTurn(): void {
    const { turn } = this;
    turn.open = false;
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
