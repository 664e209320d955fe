import type { Application } from '../../api/application.js';
import type { Computation } from '../../api/computation.js';
import type { SinkConfig } from '../../api/sink.js';
import type { SourceConfig } from '../../api/source.js';

/**
 * What the planner makes of an application: the same on every worker.
 *
 * - A *stage* is one position in the author's graph. Its id is its name, with `#2` and so on behind it
 *   where one computation stands at several positions.
 * - A *step* is a run of stages coalesced into direct calls. A new step begins where messages are
 *   partitioned anew: at the sources, and behind every `keyBy` and `collect`.
 */
export interface Plan {
  readonly application: Application;
  /** In topological order: inputs come before their readers. */
  readonly stages: readonly PlannedStage[];
  readonly steps: readonly PlannedStep[];
}

export type StageId = string & { readonly stageId: unique symbol };
export type StepId = string & { readonly stepId: unique symbol };

export type StageWork =
  | { readonly kind: 'source'; readonly name: string; readonly config: SourceConfig<unknown> }
  | { readonly kind: 'computation'; readonly computation: Computation<unknown, unknown> }
  | { readonly kind: 'keyBy'; readonly extract: (message: unknown) => string }
  | { readonly kind: 'collect'; readonly key: string }
  | { readonly kind: 'merge' }
  | { readonly kind: 'sink'; readonly name: string; readonly config: SinkConfig<unknown> };

export interface PlannedStage {
  readonly id: StageId;
  readonly work: StageWork;
  /** Names of the sources whose messages pass here, in the order of the application. */
  readonly pipelines: readonly string[];
  /** Number of decoders and computations up to and including this one: the decoder is 1. */
  readonly position: number;
  readonly inputs: readonly StageId[];
  readonly outputs: readonly StageId[];
  readonly step: StepId;
}

export interface PlannedStep {
  readonly id: StepId;
  readonly stages: readonly StageId[];
}

/** Stages that change or create state. */
export function isStateful(work: StageWork): boolean {
  return (
    work.kind === 'computation' &&
    (work.computation.kind === 'state' || work.computation.kind === 'state-multi')
  );
}

export function stageById(plan: Plan, id: StageId): PlannedStage {
  return plan.stages.find((stage) => stage.id === id)!;
}
