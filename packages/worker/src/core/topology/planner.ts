import type { Application } from '../../api/application.js';
import { ApplicationError } from '../../api/errors.js';
import type { SinksNode, StageNode } from '../../api/pipeline.js';
import { hashKey } from '../slots/hash.js';
import {
  isStateful,
  type Plan,
  type PlannedStage,
  type PlannedStep,
  type StageId,
  type StageWork,
  type StepId,
} from './plan.js';

interface Draft {
  readonly id: StageId;
  readonly work: StageWork;
  readonly inputs: Draft[];
  readonly outputs: Draft[];
}

/**
 * Turns the author's graph into a plan.
 *
 * Nodes that several pipelines share become one stage. Ids depend on the application alone: pipelines are
 * walked in the order of `application(...)`, each from its source down.
 * @throws ApplicationError for two sources or two computations of one name
 */
export function planApplication(application: Application): Plan {
  const drafts = new Drafting(application);
  for (const { node } of application.pipelines) drafts.addSinks(node);
  const stages = describe(drafts.inOrder);
  return { application, stages, steps: stepsOf(stages) };
}

class Drafting {
  /** Inputs before readers. */
  readonly inOrder: Draft[] = [];
  private readonly byNode = new Map<StageNode, Draft>();
  private readonly named = new Map<string, unknown>();
  private readonly uses = new Map<string, number>();
  private readonly sinks = new Set<string>();

  constructor(private readonly application: Application) {}

  addSinks(node: SinksNode): void {
    const input = this.draftOf(node.input);
    for (const config of node.sinks) {
      const name = config.name ?? this.freeSinkName(config.kind);
      if (this.sinks.has(name))
        throw new ApplicationError(`Two sinks are named '${name}'; give each a name of its own`);
      this.sinks.add(name);
      this.add(this.id(`sink ${name}`), { kind: 'sink', name, config }, [input]);
    }
  }

  private draftOf(node: StageNode): Draft {
    const known = this.byNode.get(node);
    if (known) return known;
    const draft = this.draft(node);
    this.byNode.set(node, draft);
    return draft;
  }

  private draft(node: StageNode): Draft {
    switch (node.kind) {
      case 'source': {
        this.claim(`source '${node.name}'`, node);
        return this.add(this.id(node.name), { kind: 'source', name: node.name, config: node.config }, []);
      }
      case 'computation': {
        const input = this.draftOf(node.input);
        const { computation } = node;
        this.claim(`computation '${computation.name}'`, computation);
        const work: StageWork = { kind: 'computation', computation };
        // State needs a key: without one, all messages share one state.
        const from = isStateful(work) && !isKeyed(input) ? this.collect(input) : input;
        return this.add(this.id(computation.name), work, [from]);
      }
      case 'keyBy': {
        const input = this.draftOf(node.input);
        return this.add(this.id(`keyBy after ${input.id}`), { kind: 'keyBy', extract: node.extract }, [
          input,
        ]);
      }
      case 'collect':
        return this.collect(this.draftOf(node.input));
      case 'merge': {
        const inputs = node.inputs.map((input) => this.draftOf(input));
        return this.add(
          this.id(`merge of ${inputs.map(({ id }) => id).join(' and ')}`),
          { kind: 'merge' },
          inputs,
        );
      }
    }
  }

  private collect(input: Draft): Draft {
    const id = this.id(`collect after ${input.id}`);
    return this.add(id, { kind: 'collect', key: collectKey(this.application.name, id) }, [input]);
  }

  private add(id: StageId, work: StageWork, inputs: Draft[]): Draft {
    const draft: Draft = { id, work, inputs, outputs: [] };
    for (const input of inputs) input.outputs.push(draft);
    this.inOrder.push(draft);
    return draft;
  }

  private id(text: string): StageId {
    const use = (this.uses.get(text) ?? 0) + 1;
    this.uses.set(text, use);
    return (use === 1 ? text : `${text}#${use}`) as StageId;
  }

  /** One name, one thing; the same thing may stand at several positions. */
  private claim(what: string, thing: unknown): void {
    const owner = this.named.get(what);
    if (owner !== undefined && owner !== thing) {
      throw new ApplicationError(`Two different things are named ${what}; give each a name of its own`);
    }
    this.named.set(what, thing);
  }

  private freeSinkName(kind: string): string {
    for (let number = 1; ; number++) {
      const name = number === 1 ? kind : `${kind} ${number}`;
      if (!this.sinks.has(name)) return name;
    }
  }
}

/** A constant that no other `collect` has: `collect-key-` and a number of 128 bits. */
function collectKey(application: string, id: StageId): string {
  let number = 0n;
  for (let part = 0; part < 4; part++)
    number = (number << 32n) | BigInt(hashKey(`${part} ${application} ${id}`));
  return `collect-key-${number}`;
}

function isKeyed(draft: Draft): boolean {
  const { kind } = draft.work;
  return kind === 'keyBy' || kind === 'collect' || (draft.inputs.length > 0 && draft.inputs.every(isKeyed));
}

function describe(drafts: readonly Draft[]): PlannedStage[] {
  const facts = new Map<Draft, { pipelines: string[]; position: number; step: StepId }>();
  return drafts.map((draft) => {
    const { id, work, inputs, outputs } = draft;
    const upstream = inputs.map((input) => facts.get(input)!);
    const counts = work.kind === 'computation' || work.kind === 'source';
    const fact = {
      pipelines:
        work.kind === 'source' ? [work.name] : [...new Set(upstream.flatMap(({ pipelines }) => pipelines))],
      position: Math.max(0, ...upstream.map(({ position }) => position)) + (counts ? 1 : 0),
      step: startsStep(draft) ? (id as string as StepId) : upstream[0]!.step,
    };
    facts.set(draft, fact);
    return {
      id,
      work,
      inputs: inputs.map((input) => input.id),
      outputs: outputs.map((output) => output.id),
      ...fact,
    };
  });
}

/**
 * A step begins at a source, behind a partitioning, and where streams of different steps meet.
 * The extraction of the key itself belongs to the step in front of it: it runs where the message is.
 */
function startsStep({ work, inputs }: Draft): boolean {
  if (work.kind === 'source' || work.kind === 'merge') return true;
  return inputs.some(({ work: { kind } }) => kind === 'keyBy' || kind === 'collect');
}

function stepsOf(stages: readonly PlannedStage[]): PlannedStep[] {
  const byStep = new Map<StepId, StageId[]>();
  for (const { id, step } of stages) {
    const members = byStep.get(step);
    if (members) members.push(id);
    else byStep.set(step, [id]);
  }
  return [...byStep].map(([id, members]) => ({ id, stages: members }));
}
