import {
  application,
  computation,
  source,
  stateComputation,
  stateComputationMulti,
  type Application,
  type Pipeline,
  type SinkConfig,
  type SourceConfig,
} from '@wallaroo/worker';
import type { InputMessage } from './input.js';
import type { Journal } from './journal.js';
import { isPayloadOf, payloadOf, type PayloadKind } from './payload.js';

/** Which of the things that an application may have this one has. */
export interface Shape {
  readonly slots: number;
  readonly sources: 1 | 2;
  /** A stateless computation in front of the first key, which drops every fifth message. */
  readonly front: boolean;
  /** A stateless computation between a key and its state. */
  readonly inner: boolean;
  /** One to three messages are made of each in the first keyed stage. */
  readonly multiply: boolean;
  readonly second: 'keyBy' | 'collect';
  /** A third keyed stage, by the first key again: messages go round. */
  readonly third: boolean;
  readonly sinks: 1 | 2;
}

/** Who writes down what one process did. */
export interface Scribe {
  readonly journal: Journal;
  readonly life: number;
  readonly payload: PayloadKind;
  readonly payloadBytes: number;
  readonly deliver: 'at-once' | 'on-commit';
  readonly transactional: boolean;
}

/** A message as it enters, with the number of the journal's entry that says so. */
export interface PushedMessage extends InputMessage {
  readonly from: number;
}

interface Travelling {
  readonly lane: string;
  readonly number: number;
  readonly tag: number;
  readonly copy: number;
  readonly from: number;
  /** Keys and lane that the message has come through: messages of one trail are in order. */
  readonly trail: string;
  readonly firstKey: string;
  readonly secondKey: string;
  readonly payload: unknown;
}

/** What is kept of each trail: how many messages, and a number that depends on each of them and their order. */
export interface TrailState {
  count: number;
  chain: number;
}

/** The state of a key. Trails that meet in a key do so in any order, so each is counted by itself. */
export interface KeyState {
  readonly trails: Map<string, TrailState>;
}

export const stageNames = ['first', 'second', 'third'] as const;

export function sourceNames(shape: Shape): string[] {
  return shape.sources === 1 ? ['s'] : ['s', 't'];
}

export function sinkNames(shape: Shape): string[] {
  return shape.sinks === 1 ? ['out'] : ['out', 'copy'];
}

export function keyedStages(shape: Shape): number {
  return shape.third ? 3 : 2;
}

/** How many messages the first keyed stage makes of one. */
function copiesOf(shape: Shape, number: number): number {
  return shape.multiply ? 1 + (number % 3) : 1;
}

/** Whether a message comes as far as the first keyed stage. */
export function passesFront(shape: Shape, number: number): boolean {
  return !shape.front || number % 5 !== 4;
}

/** The application of a run, as one process has it: each writes down what it does under its own life. */
export function simulatedApplication(shape: Shape, scribe: Scribe): Application {
  const newState = (): KeyState => ({ trails: new Map() });
  const enter = ({ lane, number, tag, from, firstKey, secondKey }: PushedMessage): Travelling => ({
    ...{ lane, number, tag, from, copy: 0, trail: lane, firstKey, secondKey: String(secondKey) },
    payload: payloadOf(scribe.payload, scribe.payloadBytes, tag),
  });
  const process = (stage: number, key: string, message: Travelling, state: KeyState, outputs: number) =>
    advance(scribe, { stage, key, outputs }, message, state);

  const sources = sourceNames(shape).map((name) => source(name, simulatedSource));
  const [one, two] = sources;
  let entered: Pipeline<PushedMessage> = two === undefined ? one! : one!.merge(two);
  if (shape.front) {
    entered = entered.to(
      computation('front', (message: PushedMessage) => (passesFront(shape, message.number) ? message : null)),
    );
  }
  let keyed = entered.to(computation('enter', enter)).keyBy(({ firstKey }) => firstKey);
  if (shape.inner) keyed = keyed.to(computation('inner', (message: Travelling) => ({ ...message })));
  const first = shape.multiply
    ? stateComputationMulti('first', newState, (message: Travelling, state: KeyState) => {
        const outputs = copiesOf(shape, message.number);
        const next = process(1, message.firstKey, message, state, outputs);
        return Array.from({ length: outputs }, (_, copy) => ({
          ...next,
          copy,
          secondKey: String(Number(message.secondKey) + copy),
        }));
      })
    : stateComputation('first', newState, (message: Travelling, state: KeyState) =>
        process(1, message.firstKey, message, state, 1),
      );
  const collected = shape.second === 'collect';
  const again = collected ? keyed.to(first).collect() : keyed.to(first).keyBy(({ secondKey }) => secondKey);
  let last = again.to(
    stateComputation('second', newState, (message: Travelling, state: KeyState) =>
      process(2, collected ? 'all' : message.secondKey, message, state, 1),
    ),
  );
  if (shape.third) {
    last = last
      .keyBy(({ firstKey }) => firstKey)
      .to(
        stateComputation('third', newState, (message: Travelling, state: KeyState) =>
          process(3, message.firstKey, message, state, 1),
        ),
      );
  }
  return application(
    { name: 'simulated', slots: shape.slots },
    last.toSinks(sinkNames(shape).map((name) => simulatedSink(name, scribe))),
  );
}

interface Step {
  readonly stage: number;
  readonly key: string;
  readonly outputs: number;
}

/** What every keyed stage does: looks at the message, writes it down, counts it, and passes it on. */
function advance(scribe: Scribe, step: Step, message: Travelling, { trails }: KeyState): Travelling {
  const { journal, life, payload, payloadBytes } = scribe;
  const { lane, number, tag, copy, trail } = message;
  if (!isPayloadOf(message.payload, payload, payloadBytes, tag)) {
    journal.damaged.push(`message ${number} of ${lane} at stage ${step.stage}`);
  }
  const { stage, key, outputs } = step;
  const from = journal.add({ stage, key, outputs, life, from: message.from, copy });
  let state = trails.get(trail);
  if (state === undefined) trails.set(trail, (state = { count: 0, chain: 0 }));
  state.count++;
  state.chain = Math.imul(state.chain ^ (number * 4 + copy), 0x01000193) >>> 0;
  return { ...message, from, copy: 0, trail: `${step.key}/${trail}` };
}

const simulatedSource: SourceConfig<PushedMessage> = {
  kind: 'simulated',
  decoder: (bytes, start, end) => JSON.parse(bytes.toString('utf8', start, end)) as PushedMessage,
  open: () => {
    throw new Error('sources are the business of the simulated world');
  },
};

/** A line: trail, lane and number of the message, and the entry of the last stage in the journal. */
function simulatedSink(name: string, { deliver, transactional }: Scribe): SinkConfig<Travelling> {
  return {
    kind: 'simulated',
    name,
    deliver,
    transactional,
    encoder: ({ trail, lane, number, from }) => `${trail} ${lane}.${number} ${from}\n`,
    open: () => {
      throw new Error('sinks are the business of the simulated world');
    },
  };
}
