import type { Application } from './api/application.js';
import type { SinkConfig } from './api/sink.js';
import { Engine } from './core/engine/engine.js';
import { planApplication } from './core/topology/planner.js';
import type { Plan, StageId } from './core/topology/plan.js';

/** What a driven application wrote to its log. */
export interface LoggedLine {
  readonly severity: string;
  readonly category: string;
  readonly text: string;
}

interface SinkRecord {
  readonly config: SinkConfig<unknown>;
  readonly values: unknown[];
  readonly messages: Buffer[];
}

/**
 * Runs an application on the engine's core alone: no socket, no process, no time but what the test gives it.
 * Every call is through when it returns.
 *
 *     const driver = drive(app);
 *     driver.put('votes', { letter: 'a', votes: 5 });
 *     expect(driver.text()).to.equal('a => 5\n');
 *     expect(driver.state('count votes', 'a')).to.deep.equal({ votes: 5 });
 */
export class Driver {
  readonly log: LoggedLine[] = [];
  private readonly engine: Engine;
  private readonly sinks = new Map<string, SinkRecord>();
  private nowNs = 0;

  /** @throws ApplicationError as the worker would at its start */
  constructor(application: Application) {
    const plan = planApplication(application);
    for (const { work } of plan.stages) {
      if (work.kind === 'sink') this.sinks.set(work.name, { config: work.config, values: [], messages: [] });
    }
    this.engine = new Engine(recorded(plan, this.sinks), {
      worker: 'test',
      clock: { now: () => this.nowNs },
      log: { write: (severity, category, text) => this.log.push({ severity, category, text }) },
      output: (sink) => ({
        write: (bytes, ends) => {
          let start = 0;
          for (const end of ends) {
            this.sinks.get(sink)!.messages.push(Buffer.from(bytes.subarray(start, end)));
            start = end;
          }
          return true;
        },
      }),
      turnOpened: () => undefined,
    });
  }

  /** Puts messages, as the decoder would return them, into a source. @throws UserCodeError */
  put(source: string, ...messages: readonly unknown[]): void {
    const inlet = this.inlet(source);
    for (const message of messages) inlet.push(message);
    this.engine.endTurn();
  }

  /** Puts one frame's payload through the decoder of a source. @throws DecodeError, UserCodeError */
  receive(source: string, payload: Uint8Array | string): void {
    const bytes = Buffer.from(payload as Uint8Array);
    this.inlet(source).receive(bytes, 0, bytes.length);
    this.engine.endTurn();
  }

  /** Moves the clock on. */
  advance(milliseconds: number): void {
    this.nowNs += milliseconds * 1e6;
  }

  /** The messages that a sink got so far, before they were encoded. @param sink its name or configuration; default: the only one */
  values(sink?: string): readonly unknown[];
  values<T>(sink: SinkConfig<T>): readonly T[];
  values(sink?: string | SinkConfig<never>): readonly unknown[] {
    return this.output(sink).values;
  }

  /** The encoded messages that a sink got so far. */
  messages(sink?: string | SinkConfig<never>): readonly Buffer[] {
    return this.output(sink).messages;
  }

  /** All that a sink got so far, as text. */
  text(sink?: string | SinkConfig<never>): string {
    return Buffer.concat(this.output(sink).messages).toString();
  }

  /** The state of a key in a state computation; undefined when the key has none. */
  state(computation: string, key: string): unknown {
    return this.store(computation).peek(key);
  }

  /** The keys that have state in a state computation, in the order in which they came. */
  keys(computation: string): string[] {
    return [...this.store(computation).keys()];
  }

  /** Messages dropped under `onError: 'skip'`. */
  get skipped(): number {
    return this.engine.skipped;
  }

  private inlet(source: string) {
    return found(this.engine.inlets, source, 'source');
  }

  private store(computation: string) {
    return found(this.engine.stores, computation as StageId, 'state computation');
  }

  private output(sink?: string | SinkConfig<never>) {
    if (typeof sink === 'string') return found(this.sinks, sink, 'sink');
    const candidates = [...this.sinks.values()].filter(({ config }) => sink === undefined || config === sink);
    if (candidates.length !== 1) {
      throw new RangeError(
        `${candidates.length} sinks fit; name one of: ${[...this.sinks.keys()].join(', ')}`,
      );
    }
    return candidates[0]!;
  }
}

/** A driver for an application. */
export function drive(application: Application): Driver {
  return new Driver(application);
}

function found<Key extends string, Value>(map: ReadonlyMap<Key, Value>, key: Key, what: string): Value {
  const value = map.get(key);
  if (value === undefined) {
    throw new RangeError(`There is no ${what} '${key}'; there is: ${[...map.keys()].join(', ')}`);
  }
  return value;
}

/** The same plan with sinks that record what comes to them and ask where each message ends. */
function recorded(plan: Plan, sinks: ReadonlyMap<string, SinkRecord>): Plan {
  const stages = plan.stages.map((stage) => {
    if (stage.work.kind !== 'sink') return stage;
    const { values } = sinks.get(stage.work.name)!;
    const { encoder } = stage.work.config;
    const config: SinkConfig<unknown> = {
      ...stage.work.config,
      messageBoundaries: true,
      encoder:
        typeof encoder === 'function'
          ? (value) => (values.push(value), encoder(value))
          : { encodeInto: (value, out) => (values.push(value), encoder.encodeInto(value, out)) },
    };
    return { ...stage, work: { ...stage.work, config } };
  });
  return { ...plan, stages };
}
