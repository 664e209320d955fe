import type { ByteWriter } from '@wallaroo/protocol';
import type { Encoder } from '../../api/codec.js';
import type { Operator } from './operators.js';
import type { Outbox } from './outbox.js';
import type { StepContext } from './step-context.js';

/** The end of a pipeline: encodes messages into the outbox of one sink. */
export class EncodeOperator implements Operator {
  constructor(
    private readonly context: StepContext,
    private readonly what: string,
    private readonly encode: (value: unknown) => unknown,
    private readonly outbox: Outbox,
  ) {}

  process(message: unknown, key: string): void {
    let encoded: unknown;
    try {
      encoded = this.encode(message);
      if (encoded == null) return;
      if (typeof encoded !== 'string' && !(encoded instanceof Uint8Array)) {
        throw new TypeError(`the encoder must return text or bytes, not ${typeof encoded}`);
      }
    } catch (error) {
      return this.context.failed(this.what, key, message, error);
    }
    if (typeof encoded === 'string') this.outbox.text(encoded);
    else this.outbox.bytes(encoded as Uint8Array);
  }
}

/** As {@link EncodeOperator}, for encoders that write into the outbox themselves. */
export class WriteOperator implements Operator {
  constructor(
    private readonly context: StepContext,
    private readonly what: string,
    private readonly encodeInto: (value: unknown, out: ByteWriter) => void,
    private readonly outbox: Outbox,
  ) {}

  process(message: unknown, key: string): void {
    const { outbox } = this;
    try {
      this.encodeInto(message, outbox.beginMessage());
    } catch (error) {
      outbox.dropMessage();
      return this.context.failed(this.what, key, message, error);
    }
    outbox.endMessage();
  }
}

export function sinkOperator(
  context: StepContext,
  what: string,
  encoder: Encoder<unknown>,
  outbox: Outbox,
): Operator {
  return typeof encoder === 'function'
    ? new EncodeOperator(context, what, encoder, outbox)
    : new WriteOperator(context, what, encoder.encodeInto, outbox);
}
