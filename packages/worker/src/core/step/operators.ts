import type { Meter } from '../metrics/meter.js';
import type { StateStore } from './state-store.js';
import type { StepContext } from './step-context.js';

/**
 * The stages at work. A message is handed from operator to operator by direct calls and is through when the
 * first call returns: no promise, no event, no allocation of ours.
 *
 * Each call of an author's function stands in a `try` of its own, so that a failure is told with its place
 * and never mistaken for one downstream. The operators of one output say the same twice, with state and
 * without: handing the call over to a shared function would cost every message another call.
 */
export interface Operator {
  process(message: unknown, key: string): void;
}

/** What the operators of the author's functions share: the place, for errors, and the meter. */
export interface Place {
  readonly context: StepContext;
  /** In words: `computation 'count'`. */
  readonly what: string;
  readonly meter: Meter;
  readonly next: Operator;
}

export class StatelessOperator implements Operator {
  private readonly context: StepContext;
  private readonly meter: Meter;
  private readonly next: Operator;

  constructor(
    private readonly place: Place,
    private readonly compute: (message: unknown) => unknown,
  ) {
    ({ context: this.context, meter: this.meter, next: this.next } = place);
  }

  process(message: unknown, key: string): void {
    this.meter.count++;
    const startedAt = this.context.sampling ? this.context.clock.now() : 0;
    let output: unknown;
    try {
      output = this.compute(message);
    } catch (error) {
      return this.context.failed(this.place.what, key, message, error);
    }
    if (startedAt !== 0) this.meter.sample(this.context.clock.now() - startedAt);
    if (output != null) this.next.process(output, key);
  }
}

export class StateOperator implements Operator {
  private readonly context: StepContext;
  private readonly meter: Meter;
  private readonly next: Operator;

  constructor(
    private readonly place: Place,
    private readonly store: StateStore,
    private readonly compute: (message: unknown, state: unknown) => unknown,
  ) {
    ({ context: this.context, meter: this.meter, next: this.next } = place);
  }

  process(message: unknown, key: string): void {
    this.meter.count++;
    const startedAt = this.context.sampling ? this.context.clock.now() : 0;
    let output: unknown;
    try {
      output = this.compute(message, this.store.get(key));
    } catch (error) {
      return this.context.failed(this.place.what, key, message, error);
    }
    if (startedAt !== 0) this.meter.sample(this.context.clock.now() - startedAt);
    if (output != null) this.next.process(output, key);
  }
}

/** Computations of several outputs, with state or without: the rest is in what `compute` does. */
export class MultiOperator implements Operator {
  private readonly context: StepContext;
  private readonly meter: Meter;
  private readonly next: Operator;

  constructor(
    private readonly place: Place,
    private readonly compute: (message: unknown, key: string) => unknown,
  ) {
    ({ context: this.context, meter: this.meter, next: this.next } = place);
  }

  process(message: unknown, key: string): void {
    this.meter.count++;
    const startedAt = this.context.sampling ? this.context.clock.now() : 0;
    let outputs: unknown;
    try {
      outputs = this.compute(message, key);
      if (!Array.isArray(outputs) && outputs != null) checkIterable(outputs);
    } catch (error) {
      return this.context.failed(this.place.what, key, message, error);
    }
    if (startedAt !== 0) this.meter.sample(this.context.clock.now() - startedAt);
    if (outputs == null) return;
    if (Array.isArray(outputs)) {
      for (let i = 0; i < outputs.length; i++) {
        if (outputs[i] != null) this.next.process(outputs[i], key);
      }
    } else {
      this.drain(outputs as Iterable<unknown>, message, key);
    }
  }

  /** A generator runs the author's code between two outputs: a failure there is a failure here. */
  private drain(outputs: Iterable<unknown>, message: unknown, key: string): void {
    let iterator: Iterator<unknown>;
    try {
      iterator = outputs[Symbol.iterator]();
    } catch (error) {
      return this.context.failed(this.place.what, key, message, error);
    }
    for (;;) {
      let result: IteratorResult<unknown>;
      try {
        result = iterator.next();
      } catch (error) {
        return this.context.failed(this.place.what, key, message, error);
      }
      if (result.done) return;
      if (result.value != null) this.next.process(result.value, key);
    }
  }
}

function checkIterable(outputs: unknown): void {
  const iterable =
    typeof outputs === 'object' &&
    typeof (outputs as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function';
  if (!iterable)
    throw new TypeError(`it must return an array or another iterable object, not ${typeof outputs}`);
}

/** Where a message goes once its key is known. A worker that owns all keys need not ask where that is. */
export interface Way {
  readonly routing: { readonly alone: boolean };
  readonly here: Operator;
  readonly anywhere: Operator;
}

/** `keyBy`: from here on messages travel with the key that the author's function draws from them. */
export class KeyOperator implements Operator {
  constructor(
    private readonly context: StepContext,
    private readonly what: string,
    private readonly extract: (message: unknown) => unknown,
    private readonly way: Way,
  ) {}

  process(message: unknown, key: string): void {
    let newKey: unknown;
    try {
      newKey = this.extract(message);
      if (typeof newKey !== 'string') throw new TypeError(`the key must be a text, not ${typeof newKey}`);
    } catch (error) {
      return this.context.failed(this.what, key, message, error);
    }
    const { way } = this;
    (way.routing.alone ? way.here : way.anywhere).process(message, newKey);
  }
}

/** `collect`: from here on all messages travel with one key. */
export class CollectOperator implements Operator {
  constructor(
    private readonly key: string,
    private readonly way: Way,
  ) {}

  process(message: unknown): void {
    const { way } = this;
    (way.routing.alone ? way.here : way.anywhere).process(message, this.key);
  }
}

/** Several readers of one stage: each gets every message, in the order of the plan. */
export class FanOutOperator implements Operator {
  constructor(private readonly readers: readonly Operator[]) {}

  process(message: unknown, key: string): void {
    for (const reader of this.readers) reader.process(message, key);
  }
}
