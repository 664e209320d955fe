import type { ByteWriter } from '@wallaroo/protocol';
import type { HiddenStateCodec } from '../../api/computation.js';
import type { MessageDecoder } from '../codec/message-decoder.js';
import type { MessageEncoder } from '../codec/message-encoder.js';
import { derivesFromBuiltIn } from '../codec/built-in.js';
import type { Plan, StageId } from '../topology/plan.js';
import type { StateStore } from './state-store.js';

/** One for each stage with state, in the order of the plan: the same on every worker. */
export function stateCodecs(plan: Plan, stores: ReadonlyMap<StageId, StateStore>): StateCodec[] {
  return plan.stages.flatMap(({ id, work }) => {
    const store = stores.get(id);
    if (store === undefined || work.kind !== 'computation') return [];
    const { computation } = work;
    return new StateCodec(store, 'codec' in computation ? computation.codec : undefined);
  });
}

/** How the state of one stage is written: the author's way, as members of a class, or as any message. */
const form = { own: 1, members: 2, value: 3 } as const;

/**
 * The states of one stage as bytes and back. A state of the class that new keys get keeps its class: its own
 * members are written, and come back on the class's prototype. Private `#members` cannot be seen from outside;
 * such a state needs a codec of its own.
 */
export class StateCodec {
  private known: { readonly prototype: object | undefined } | undefined;

  constructor(
    readonly store: StateStore,
    private readonly codec: HiddenStateCodec | undefined,
  ) {}

  /** @throws TypeError when a state cannot be written */
  write(out: ByteWriter, encoder: MessageEncoder, state: unknown): void {
    if (this.codec !== undefined) {
      const bytes = this.codec.encode(state as never);
      if (!(bytes instanceof Uint8Array)) throw new TypeError('the codec of the state must return bytes');
      out.u8(form.own).u32(bytes.length).bytes(bytes);
    } else if (this.isInstance(state)) {
      out.u8(form.members);
      encoder.value(out, { ...state }, 0);
    } else {
      out.u8(form.value);
      encoder.value(out, state, 0);
    }
  }

  read(decoder: MessageDecoder): unknown {
    const written = decoder.u8();
    if (written === form.own) return this.codec?.decode(decoder.bytes32());
    const value = decoder.value();
    if (written === form.members && this.prototype !== undefined)
      Object.setPrototypeOf(value, this.prototype);
    return value;
  }

  /** The class of new states, if it is one of the author's; found out when it is first needed. */
  private get prototype(): object | undefined {
    if (this.known !== undefined) return this.known.prototype;
    const sample = this.store.sample();
    const prototype =
      typeof sample === 'object' && sample !== null ? (Object.getPrototypeOf(sample) as object | null) : null;
    // Members are all there is to see of other classes; those derived from a class of the language hold more.
    const plain = prototype === null || prototype === Object.prototype || derivesFromBuiltIn(prototype);
    this.known = { prototype: plain ? undefined : prototype };
    return this.known.prototype;
  }

  private isInstance(state: unknown): state is object {
    return (
      this.prototype !== undefined &&
      typeof state === 'object' &&
      state !== null &&
      Object.getPrototypeOf(state) === this.prototype
    );
  }
}
