import type { Address, ClusterStatus, ExternalMessage, ShrinkRequest } from '@wallaroo/protocol';
import type { Engine } from '../../core/engine/engine.js';
import type { Member } from '../../core/membership/member.js';
import { clientsQuestion } from '../../core/membership/member/questions.js';
import type { StateStore } from '../../core/step/state-store.js';
import { isStateful, type Plan, type PlannedStage } from '../../core/topology/plan.js';
import type { LocalEnds } from '../local-ends.js';
import { hubAnswer, hubQuestion } from './hub-question.js';
import { routingId } from './routing-ids.js';
import { sourcesAnswer, sourcesQuestion } from './sources-question.js';

/** Step group, step, number of keys. */
export type EntityCounts = Record<string, Record<string, number>>;

/** What operators may ask about a worker and its cluster. */
export interface ClusterView {
  readonly worker: string;
  /** In order of arrival. */
  readonly workers: readonly string[];
  readonly initialized: boolean;
  readonly status: ClusterStatus;
  readonly stateGroups: readonly StateGroup[];
  readonly statelessGroups: readonly StepGroup[];
  readonly sourceIds: readonly string[];
  /** Asks every worker how many keys it holds. One that does not answer in time has an empty record. */
  entityCounts(done: (counts: Record<string, EntityCounts>) => void): void;
  /** Asks for fewer workers, or which could go. */
  shrink(request: ShrinkRequest, done: (reply: ExternalMessage) => void): void;
  /** Has a worker begin another file of its event log. */
  rotateLog(worker: string): void;
}

/** One stage on this worker. Ids are decimal texts; a group's id is the same on every worker, a step's is not. */
export interface StepGroup {
  readonly id: string;
  readonly stepIds: readonly string[];
}

export interface StateGroup extends StepGroup {
  readonly store: StateStore;
}

/** The view of one worker; before its cluster has formed there is little to see. */
export function clusterView(
  worker: string,
  plan: Plan,
  ends: LocalEnds,
  memberNow: () => Member | undefined,
): ClusterView {
  const initialized = () => memberNow()?.initialized ?? false;
  return {
    worker,
    get workers() {
      const members = memberNow()?.status.members ?? [];
      return members.length > 0 ? members : [worker];
    },
    get initialized() {
      return initialized();
    },
    get status() {
      const { members, unreachable, leaving, slotsToMove, progress } = memberNow()!.status;
      return {
        worker_count: members.length,
        worker_names: [...members],
        processing_messages: memberNow()!.processing,
        ...(unreachable.length > 0 && { unreachable: [...unreachable] }),
        ...(leaving.length > 0 && { leaving: [...leaving] }),
        ...(slotsToMove > 0 && { slots_to_move: slotsToMove }),
        ...(progress !== undefined && {
          migration: {
            slots_moved: progress.slotsMoved,
            slots_total: progress.slotsTotal,
            keys: progress.keys,
            bytes: progress.bytes,
            seconds: progress.seconds,
          },
        }),
      };
    },
    get stateGroups() {
      const member = memberNow();
      return member === undefined ? [] : stateGroups(member.engine, worker);
    },
    get statelessGroups() {
      return memberNow() === undefined ? [] : statelessGroups(plan, worker);
    },
    get sourceIds() {
      return sourceIds(
        worker,
        ends.sources.map(({ name, source }) => ({ name, parallelism: source.parallelism })),
      );
    },
    entityCounts(done) {
      const member = memberNow();
      if (member === undefined || !initialized()) return done({});
      member.ask(entityCountsQuestion, (answers) => {
        const counts = member.status.members.map((name) => [name, parsed(answers.get(name))] as const);
        done(Object.fromEntries(counts));
      });
    },
    shrink({ query, node_names, node_count, drain = false }, done) {
      const member = memberNow();
      const wish = { query, names: node_names, count: node_count, drain };
      const answer = ({ text, names }: { readonly text: string; readonly names: readonly string[] }) =>
        done(
          query && text === ''
            ? { type: 'shrinkQueryResponse', body: { node_names: [...names], node_count: names.length } }
            : { type: 'shrinkErrorResponse', body: text },
        );
      if (member === undefined) answer({ text: 'The cluster has not started yet.', names: [] });
      else member.shrink(wish, answer);
    },
    rotateLog: (worker) => memberNow()?.rotateLog(worker),
  };
}

const entityCountsQuestion = 'entity counts';

/** What one worker answers another one about itself. */
export function localAnswer(
  question: string,
  worker: string,
  member: Member,
  ends: LocalEnds,
  hub: Address | undefined,
): string {
  if (question === hubQuestion) return hubAnswer(hub);
  if (question === clientsQuestion) return String(ends.clients);
  if (question === sourcesQuestion) return sourcesAnswer(ends.addresses);
  if (question !== entityCountsQuestion) return '';
  const counts = stateGroups(member.engine, worker).map(({ id, stepIds, store }) => [
    id,
    { [stepIds[0]!]: store.size },
  ]);
  return JSON.stringify(Object.fromEntries(counts));
}

function parsed(answer: string | undefined): EntityCounts {
  try {
    return answer === undefined ? {} : (JSON.parse(answer) as EntityCounts);
  } catch {
    return {};
  }
}

function stateGroups(engine: Engine, worker: string): StateGroup[] {
  return engine.plan.stages
    .filter(({ work }) => isStateful(work))
    .map((stage) => ({ ...group(engine.plan, worker, stage), store: engine.stores.get(stage.id)! }));
}

/** Adjacent stateless computations are one group: that of the first of them. */
function statelessGroups(plan: Plan, worker: string): StepGroup[] {
  const { stages } = plan;
  const stateless = new Set(
    stages.filter(({ work }) => work.kind === 'computation' && !isStateful(work)).map(({ id }) => id),
  );
  return stages
    .filter(({ id, inputs }) => stateless.has(id) && !inputs.some((input) => stateless.has(input)))
    .map((stage) => group(plan, worker, stage));
}

/** One id for each connection that a source can have at the same time. */
function sourceIds(worker: string, sources: Iterable<{ name: string; parallelism: number }>): string[] {
  return [...sources].flatMap(({ name, parallelism }) =>
    Array.from({ length: parallelism }, (_, i) => routingId(`${worker}:${name} source ${i}`)),
  );
}

function group(plan: Plan, worker: string, stage: PlannedStage): StepGroup {
  const { name } = plan.application;
  return { id: routingId(`${name}:${stage.id}`), stepIds: [routingId(`${worker}:${name}:${stage.id}`)] };
}
