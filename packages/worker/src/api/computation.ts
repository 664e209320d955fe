import { ApplicationError } from './errors.js';

/** How the state of a new key is made: a function, or a class that is instantiated without arguments. */
export type StateFactory<State> = (() => State) | (new () => State);

/** How the state of one key becomes bytes and comes back, for checkpoints and for moving keys. */
export interface StateCodec<State> {
  readonly encode: (state: State) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => State;
}

export interface StateDeclaration<State> {
  readonly create: StateFactory<State>;
  readonly codec?: StateCodec<State>;
}

/** A codec whose type of state is forgotten. */
export interface HiddenStateCodec {
  readonly encode: (state: never) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

interface Named<Kind extends string> {
  readonly kind: Kind;
  readonly name: string;
}

/** No output: the message ends here. */
export type Nothing = null | undefined;

export interface StatelessComputation<In, Out> extends Named<'stateless'> {
  readonly compute: (input: In) => Out | Nothing;
}

export interface StatelessMultiComputation<In, Out> extends Named<'stateless-multi'> {
  readonly compute: (input: In) => Iterable<Out | Nothing> | Nothing;
}

/** The type of the state is known to the author's function alone; to everybody else it is `never` or `unknown`. */
export interface KeyedComputation<In, Out> extends Named<'state'> {
  readonly newState: () => unknown;
  readonly codec: HiddenStateCodec | undefined;
  readonly compute: (input: In, state: never) => Out | Nothing;
}

export interface KeyedMultiComputation<In, Out> extends Named<'state-multi'> {
  readonly newState: () => unknown;
  readonly codec: HiddenStateCodec | undefined;
  readonly compute: (input: In, state: never) => Iterable<Out | Nothing> | Nothing;
}

/** A named function over messages of type `In` that makes messages of type `Out`. */
export type Computation<In, Out> =
  | StatelessComputation<In, Out>
  | StatelessMultiComputation<In, Out>
  | KeyedComputation<In, Out>
  | KeyedMultiComputation<In, Out>;

/**
 * One message in, one message or none out.
 * @param name tells the computation in metrics, plans and errors; one name, one computation
 */
export function computation<In, Out>(
  name: string,
  compute: (input: In) => Out | Nothing,
): StatelessComputation<In, Out> {
  return { kind: 'stateless', name: checkName(name), compute };
}

/** One message in, any number out, in the order of the iterable. */
export function computationMulti<In, Out>(
  name: string,
  compute: (input: In) => Iterable<Out | Nothing> | Nothing,
): StatelessMultiComputation<In, Out> {
  return { kind: 'stateless-multi', name: checkName(name), compute };
}

/**
 * As {@link computation}, with the state of the message's key, which the function may change in place.
 * Without a `keyBy` before it, all messages share one state.
 */
export function stateComputation<In, Out, State>(
  name: string,
  state: StateFactory<State> | StateDeclaration<State>,
  compute: (input: In, state: State) => Out | Nothing,
): KeyedComputation<In, Out> {
  return { kind: 'state', name: checkName(name), ...declared(name, state), compute };
}

/** As {@link stateComputation}, with any number of outputs. */
export function stateComputationMulti<In, Out, State>(
  name: string,
  state: StateFactory<State> | StateDeclaration<State>,
  compute: (input: In, state: State) => Iterable<Out | Nothing> | Nothing,
): KeyedMultiComputation<In, Out> {
  return { kind: 'state-multi', name: checkName(name), ...declared(name, state), compute };
}

function declared<State>(name: string, state: StateFactory<State> | StateDeclaration<State>) {
  const { create, codec } = typeof state === 'function' ? { create: state, codec: undefined } : state;
  if (typeof create !== 'function') {
    throw new ApplicationError(`State computation '${name}': its state is neither a function nor a class`);
  }
  const newState = isClass(create) ? () => new create() : (create as () => State);
  return { newState, codec };
}

function isClass<State>(factory: StateFactory<State>): factory is new () => State {
  const text = Function.prototype.toString.call(factory);
  // Built-in classes, such as Map, have no text of their own.
  return /^class\b/.test(text) || (text.includes('[native code]') && factory.prototype !== undefined);
}

function checkName(name: string): string {
  if (typeof name !== 'string' || name === '') {
    throw new ApplicationError('A computation needs a name: pass it as the first argument');
  }
  return name;
}
