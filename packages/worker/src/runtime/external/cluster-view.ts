import type { Engine } from '../../core/engine/engine.js';
import type { StateStore } from '../../core/step/state-store.js';
import { isStateful, type PlannedStage } from '../../core/topology/plan.js';
import { routingId } from './routing-ids.js';

/** What operators may ask about a worker and its cluster. */
export interface ClusterView {
  readonly worker: string;
  /** In order of arrival. */
  readonly workers: readonly string[];
  readonly initialized: boolean;
  readonly processing: boolean;
  readonly stateGroups: readonly StateGroup[];
  readonly statelessGroups: readonly StepGroup[];
  readonly sourceIds: readonly string[];
}

/** One stage on this worker. Ids are decimal texts; a group's id is the same on every worker, a step's is not. */
export interface StepGroup {
  readonly id: string;
  readonly stepIds: readonly string[];
}

export interface StateGroup extends StepGroup {
  readonly store: StateStore;
}

export function stateGroups(engine: Engine, worker: string): StateGroup[] {
  return engine.plan.stages
    .filter(({ work }) => isStateful(work))
    .map((stage) => ({ ...group(engine, worker, stage), store: engine.stores.get(stage.id)! }));
}

/** Adjacent stateless computations are one group: that of the first of them. */
export function statelessGroups(engine: Engine, worker: string): StepGroup[] {
  const { stages } = engine.plan;
  const stateless = new Set(
    stages.filter(({ work }) => work.kind === 'computation' && !isStateful(work)).map(({ id }) => id),
  );
  return stages
    .filter(({ id, inputs }) => stateless.has(id) && !inputs.some((input) => stateless.has(input)))
    .map((stage) => group(engine, worker, stage));
}

/** One id for each connection that a source can have at the same time. */
export function sourceIds(
  worker: string,
  sources: Iterable<{ name: string; parallelism: number }>,
): string[] {
  return [...sources].flatMap(({ name, parallelism }) =>
    Array.from({ length: parallelism }, (_, i) => routingId(`${worker}:${name} source ${i}`)),
  );
}

function group(engine: Engine, worker: string, stage: PlannedStage): StepGroup {
  return {
    id: routingId(`${engine.application.name}:${stage.id}`),
    stepIds: [routingId(`${worker}:${engine.application.name}:${stage.id}`)],
  };
}
