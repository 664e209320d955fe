import { Meter } from '../metrics/meter.js';
import type { OutputPort } from '../ports.js';
import { Inlet } from '../step/inlet.js';
import {
  CollectOperator,
  FanOutOperator,
  KeyOperator,
  MultiOperator,
  StatelessOperator,
  StateOperator,
  type Operator,
  type Way,
} from '../step/operators.js';
import { Outbox } from '../step/outbox.js';
import { RouteOperator } from '../step/route-operator.js';
import { sinkOperator } from '../step/sink-operator.js';
import { MapStateStore, type StateStore } from '../step/state-store.js';
import type { StepContext } from '../step/step-context.js';
import type { Turn } from '../step/turn.js';
import { slotOf } from '../slots/hash.js';
import type { Routing } from '../slots/routing.js';
import {
  isStateful,
  stageById,
  type Plan,
  type PlannedStage,
  type StageId,
  type StageWork,
} from '../topology/plan.js';
import { unreachable } from '../invariant.js';

interface Surroundings {
  readonly worker: string;
  readonly context: StepContext;
  readonly turn: Turn;
  readonly routing: Routing;
  readonly output: (sink: string) => OutputPort;
}

/** Where messages that another worker has partitioned enter. */
export interface Entrance {
  readonly first: Operator;
  /** The pipeline that errors behind it name. */
  readonly pipeline: string;
}

interface Parts {
  /** By the number of the partitioning stage in the plan. */
  readonly entrances: (Entrance | undefined)[];
  readonly inlets: Map<string, Inlet>;
  readonly stores: Map<StageId, StateStore>;
  readonly outboxes: Outbox[];
  readonly meters: Meter[];
}

type Work<Kind extends StageWork['kind']> = Extract<StageWork, { kind: Kind }>;

/** Makes the operators of a plan and ties them together, from the sinks up. */
export function assemble(plan: Plan, surroundings: Surroundings): Parts {
  const assembly = new Assembly(plan, surroundings);
  for (const stage of [...plan.stages].reverse()) assembly.add(stage);
  return assembly.parts;
}

class Assembly {
  readonly parts: Parts = {
    entrances: [],
    inlets: new Map(),
    stores: new Map(),
    outboxes: [],
    meters: [],
  };
  private readonly operators = new Map<StageId, Operator>();

  constructor(
    private readonly plan: Plan,
    private readonly surroundings: Surroundings,
  ) {}

  add(stage: PlannedStage): void {
    if (stage.work.kind === 'source') this.addInlet(stage, stage.work);
    else this.operators.set(stage.id, this.operator(stage, stage.work));
  }

  private operator(stage: PlannedStage, work: Exclude<StageWork, Work<'source'>>): Operator {
    const { context } = this.surroundings;
    switch (work.kind) {
      case 'computation':
        return this.computation(stage, work.computation);
      case 'keyBy':
        return new KeyOperator(context, stage.id, work.extract, this.route(stage, undefined));
      case 'collect':
        return new CollectOperator(work.key, this.route(stage, work.key));
      case 'merge':
        return this.next(stage);
      case 'sink': {
        const outbox = new Outbox(
          this.surroundings.output(work.name),
          work.config.messageBoundaries ?? false,
        );
        this.parts.outboxes.push(outbox);
        return sinkOperator(context, `encoder of sink '${work.name}'`, work.config.encoder, outbox);
      }
      default:
        return unreachable(work);
    }
  }

  private computation(stage: PlannedStage, computation: Work<'computation'>['computation']): Operator {
    const place = {
      context: this.surroundings.context,
      what: `computation '${stage.id}'`,
      meter: this.meter(new Meter('computation', stage.id, stage.pipelines[0]!, stage.position)),
      next: this.next(stage),
    };
    switch (computation.kind) {
      case 'stateless':
        return new StatelessOperator(place, computation.compute);
      case 'stateless-multi':
        return new MultiOperator(place, computation.compute);
      case 'state': {
        // The store holds what the computation's own factory made: the types agree, out of the compiler's sight.
        const compute = computation.compute as (message: unknown, state: unknown) => unknown;
        return new StateOperator(place, this.store(stage, computation.newState), compute);
      }
      case 'state-multi': {
        const compute = computation.compute as (message: unknown, state: unknown) => unknown;
        const store = this.store(stage, computation.newState);
        return new MultiOperator(place, (message, key) => compute(message, store.get(key)));
      }
      default:
        return unreachable(computation);
    }
  }

  /** The way from a partitioning stage to its readers, on whichever worker they are to run. */
  private route(stage: PlannedStage, key: string | undefined): Way {
    const { plan } = this;
    const { context, routing } = this.surroundings;
    const first = this.next(stage);
    const target = plan.stages.indexOf(stage);
    this.parts.entrances[target] = { first, pipeline: stage.pipelines[0]! };
    const { slots } = plan.application;
    const destination = {
      target,
      what: `message behind '${stage.id}'`,
      store: this.storeBehind(stage),
      slot: key === undefined ? undefined : slotOf(key, slots),
    };
    return { routing, here: first, anywhere: new RouteOperator(context, routing, slots, destination, first) };
  }

  /** The first state that messages meet before they are partitioned again. */
  private storeBehind(stage: PlannedStage): StateStore | undefined {
    for (const id of stage.outputs) {
      const reader = stageById(this.plan, id);
      if (reader.work.kind === 'keyBy' || reader.work.kind === 'collect') continue;
      const store = isStateful(reader.work) ? this.parts.stores.get(id) : this.storeBehind(reader);
      if (store !== undefined) return store;
    }
    return undefined;
  }

  private addInlet(stage: PlannedStage, { name, config }: Work<'source'>): void {
    const { worker, context, turn } = this.surroundings;
    const meters = {
      decode: this.meter(new Meter('computation', `Decode Time in ${config.kind} Source`, name, 1)),
      ingestion: this.meter(new Meter('pipeline-ingestion', `${name} source`, name, 0)),
      passage: [
        this.meter(new Meter('start-to-end', name, name, 0)),
        this.meter(new Meter('node-ingress-egress', worker, name, 0)),
      ],
    };
    this.parts.inlets.set(name, new Inlet(name, context, config.decoder, this.next(stage), meters, turn));
  }

  private store(stage: PlannedStage, newState: () => unknown): StateStore {
    const store = new MapStateStore(this.plan.application.slots, newState);
    this.parts.stores.set(stage.id, store);
    return store;
  }

  private meter(meter: Meter): Meter {
    this.parts.meters.push(meter);
    return meter;
  }

  private next(stage: PlannedStage): Operator {
    const readers = stage.outputs.map((id) => this.operators.get(id)!);
    return readers.length === 1 ? readers[0]! : new FanOutOperator(readers);
  }
}
