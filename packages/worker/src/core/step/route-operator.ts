import type { Routing } from '../slots/routing.js';
import { slotOf } from '../slots/hash.js';
import type { Operator } from './operators.js';
import type { StateStore } from './state-store.js';
import type { StepContext } from './step-context.js';

export interface Destination {
  /** The number of the partitioning stage in the plan: where the message enters on another worker. */
  readonly target: number;
  /** In words, for errors. */
  readonly what: string;
  /** The state that lies behind: a key that has state here belongs here. */
  readonly store: StateStore | undefined;
  /** The slot of all messages, where their key is a constant. */
  readonly slot: number | undefined;
}

/** A message that leaves makes it likely for this many more that they leave. */
const likelyAfter = 8;

/**
 * Hands a message to the worker that owns its key. The state of a key is where its owner is, so a known key is
 * found by the one look-up that its computation needs anyway; only for others is the slot computed. Where many
 * messages leave, the slot comes first: to look in vain for a key in a large store is dearer than to hash it.
 */
export class RouteOperator implements Operator {
  private readonly store: StateStore | undefined;
  private readonly target: number;
  /** Messages that may well leave. */
  private likely = 0;

  constructor(
    private readonly context: StepContext,
    private readonly routing: Routing,
    private readonly slots: number,
    private readonly destination: Destination,
    private readonly next: Operator,
  ) {
    ({ store: this.store, target: this.target } = destination);
  }

  process(message: unknown, key: string): void {
    const { routing, store } = this;
    if (this.likely === 0 && !routing.strict && store !== undefined && store.has(key)) {
      return this.next.process(message, key);
    }
    const { slot = slotOf(key, this.slots) } = this.destination;
    const batch = routing.batchOf(slot);
    try {
      if (routing.strict && routing.held(slot, this.target, key, message)) return;
      batch?.add(this.target, key, message);
    } catch (error) {
      return this.context.failed(this.destination.what, key, message, error);
    }
    if (batch !== undefined) {
      this.likely = likelyAfter;
      return;
    }
    if (this.likely > 0) this.likely--;
    this.next.process(message, key);
  }
}
