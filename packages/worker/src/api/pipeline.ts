import type { Computation } from './computation.js';
import { ApplicationError } from './errors.js';
import type { SinkConfig } from './sink.js';
import type { SourceConfig } from './source.js';

/** One position in the author's graph. Nodes are immutable and point upstream; a node may have many readers. */
export type StageNode = SourceNode | ComputationNode | KeyByNode | CollectNode | MergeNode;

export interface SourceNode {
  readonly kind: 'source';
  readonly name: string;
  readonly config: SourceConfig<unknown>;
}

export interface ComputationNode {
  readonly kind: 'computation';
  readonly computation: Computation<unknown, unknown>;
  readonly input: StageNode;
}

export interface KeyByNode {
  readonly kind: 'keyBy';
  readonly extract: (message: unknown) => string;
  readonly input: StageNode;
}

export interface CollectNode {
  readonly kind: 'collect';
  readonly input: StageNode;
}

export interface MergeNode {
  readonly kind: 'merge';
  readonly inputs: readonly [StageNode, StageNode];
}

export interface SinksNode {
  readonly kind: 'sinks';
  readonly sinks: readonly SinkConfig<unknown>[];
  readonly input: StageNode;
}

/** Marks values of this module, also when an application was loaded with another copy of it. */
const brand = Symbol.for('wallaroo.pipeline');

/**
 * A stream of messages of type `T` on its way. Immutable: every method returns a new pipeline,
 * so one pipeline may be continued in several ways, each of which gets all messages.
 */
export class Pipeline<T> {
  readonly [brand] = 'open';

  /** @internal Use {@link source}. */
  constructor(
    /** @internal */
    readonly node: StageNode,
    private readonly keyed: boolean,
  ) {}

  /** Adds a computation. */
  to<Out>(computation: Computation<T, Out>): Pipeline<Out> {
    if (typeof computation?.compute !== 'function') {
      throw new ApplicationError(
        `${this.after()}: 'to' needs a computation; make one with computation(name, function) or its siblings`,
      );
    }
    return this.next<Out>({
      kind: 'computation',
      computation: computation as Computation<unknown, unknown>,
      input: this.node,
    });
  }

  /** Partitions by key from here to the next `keyBy` or `collect`: messages of one key stay in order. */
  keyBy(extract: (message: T) => string): Pipeline<T> {
    if (typeof extract !== 'function') {
      throw new ApplicationError(`${this.after()}: 'keyBy' needs a function from a message to its key`);
    }
    return this.next(
      { kind: 'keyBy', extract: extract as (message: unknown) => string, input: this.node },
      true,
    );
  }

  /** Brings all messages to one place: partitions by a constant key. */
  collect(): Pipeline<T> {
    return this.next({ kind: 'collect', input: this.node }, true);
  }

  /** The messages of both, in order of arrival. Both must be partitioned by key, or neither. */
  merge<Other>(other: Pipeline<Other>): Pipeline<T | Other> {
    if (!isPipeline(other)) {
      throw new ApplicationError(`${this.after()}: 'merge' needs another pipeline that is still open`);
    }
    if (this.keyed !== other.keyed) {
      const [with_, without] = this.keyed ? [this.node, other.node] : [other.node, this.node];
      throw new ApplicationError(
        `merge: one side is partitioned by key (${stageText(with_)}), the other is not (${stageText(without)}); ` +
          `add keyBy to the other side, or merge before keyBy`,
      );
    }
    return this.next({ kind: 'merge', inputs: [this.node, other.node] });
  }

  /** Ends the pipeline: every message goes to `sink`. */
  toSink(sink: SinkConfig<T>): ClosedPipeline {
    return this.toSinks([sink]);
  }

  /** Ends the pipeline: every message goes to every sink. */
  toSinks(sinks: readonly SinkConfig<T>[]): ClosedPipeline {
    if (sinks.length === 0) throw new ApplicationError(`${this.after()}: 'toSinks' needs at least one sink`);
    for (const sink of sinks) {
      if (typeof sink?.open !== 'function') {
        throw new ApplicationError(`${this.after()}: 'toSink' needs a sink, such as tcpSink({ encoder })`);
      }
    }
    return new ClosedPipeline({
      kind: 'sinks',
      sinks: sinks as readonly SinkConfig<unknown>[],
      input: this.node,
    });
  }

  private next<Out = T>(node: StageNode, keyed = this.keyed): Pipeline<Out> {
    return new Pipeline<Out>(node, keyed);
  }

  private after(): string {
    return `After ${stageText(this.node)}`;
  }
}

/** A pipeline that ends in sinks: what {@link application} is made of. */
export class ClosedPipeline {
  readonly [brand] = 'closed';

  /** @internal */
  constructor(
    /** @internal */
    readonly node: SinksNode,
  ) {}
}

// Types forbid this already; authors in plain JavaScript get the reason too.
for (const method of ['to', 'keyBy', 'collect', 'merge', 'toSink', 'toSinks']) {
  Object.defineProperty(ClosedPipeline.prototype, method, {
    value(this: ClosedPipeline) {
      throw new ApplicationError(
        `After ${stageText(this.node.input)}: you can't add stages (${method}) after toSink/toSinks`,
      );
    },
  });
}

/**
 * The start of a pipeline.
 * @param name the pipeline's name in metrics, and the name that `--in NAME@HOST:PORT` looks for
 */
export function source<T>(name: string, config: SourceConfig<T>): Pipeline<T> {
  if (typeof name !== 'string' || name === '' || /[@,]/.test(name)) {
    throw new ApplicationError(
      `source: '${String(name)}' cannot be a name; it is a text without '@' and ','`,
    );
  }
  if (typeof config?.open !== 'function') {
    throw new ApplicationError(
      `source '${name}': needs a source configuration, such as framedTcpSource({ decoder })`,
    );
  }
  return new Pipeline<T>({ kind: 'source', name, config: config as SourceConfig<unknown> }, false);
}

export function isPipeline(value: unknown): value is Pipeline<unknown> {
  return (value as { [brand]?: unknown } | undefined)?.[brand] === 'open';
}

export function isClosedPipeline(value: unknown): value is ClosedPipeline {
  return (value as { [brand]?: unknown } | undefined)?.[brand] === 'closed';
}

/** Tells a stage in an error: what it is and the name that stands nearest to it. */
export function stageText(node: StageNode): string {
  switch (node.kind) {
    case 'source':
      return `source '${node.name}'`;
    case 'computation':
      return `computation '${node.computation.name}'`;
    case 'merge':
      return `the merge of ${stageText(node.inputs[0])} and ${stageText(node.inputs[1])}`;
    case 'keyBy':
    case 'collect':
      return `${node.kind} after ${stageText(node.input)}`;
  }
}
