import type { Decoder } from '../../api/codec.js';
import { DecodeError } from '../../api/errors.js';
import type { Meter } from '../metrics/meter.js';
import type { Operator } from './operators.js';
import type { Turn } from './turn.js';
import type { StepContext } from './step-context.js';
import { shortened } from './user-code.js';

/** One message in this many is timed, and the first of every turn. */
const sampleEvery = 64;

export interface InletMeters {
  readonly decode: Meter;
  /** Messages that entered: `pipeline-ingestion`. */
  readonly ingestion: Meter;
  /** From the start of the turn to its end: `start-to-end` and `node-ingress-egress`. */
  readonly passage: readonly Meter[];
}

/** Where the messages of one source enter the engine. */
export class Inlet {
  private readonly decode: Decoder<unknown>;
  private untilSample = 0;

  constructor(
    /** The name of the pipeline. */
    readonly name: string,
    private readonly context: StepContext,
    decoder: Decoder<unknown> | undefined,
    private readonly first: Operator,
    readonly meters: InletMeters,
    private readonly turn: Turn,
  ) {
    this.decode = decoder ?? (() => fail(`the configuration of source '${name}' has no decoder`));
  }

  /** Processes a message to completion. @throws UserCodeError */
  push(message: unknown): void {
    if (!this.turn.open) this.turn.begin();
    const { context } = this;
    context.pipeline = this.name;
    this.meters.ingestion.count++;
    context.sampling = this.turn.timed && this.sampleNow();
    this.first.process(message, '');
  }

  /**
   * Decodes a frame and processes its message to completion.
   * @throws DecodeError when the decoder refuses the bytes; UserCodeError
   */
  receive(bytes: Buffer, start: number, end: number): void {
    if (!this.turn.open) this.turn.begin();
    const { context, meters } = this;
    context.pipeline = this.name;
    meters.ingestion.count++;
    context.sampling = this.turn.timed && this.sampleNow();
    const message = this.decoded(bytes, start, end);
    if (message != null) this.first.process(message, '');
  }

  /** The message of a frame; none when the decoder drops it. @throws DecodeError when the decoder refuses the bytes */
  private decoded(bytes: Buffer, start: number, end: number): unknown {
    const { context, meters } = this;
    meters.decode.count++;
    const startedAt = context.sampling ? context.clock.now() : 0;
    let message: unknown;
    try {
      message = this.decode(bytes, start, end);
    } catch (error) {
      this.undecodable(bytes, start, end, error);
      return undefined;
    }
    if (startedAt !== 0) meters.decode.sample(context.clock.now() - startedAt);
    return message;
  }

  /** The next message is timed. */
  sampleNext(): void {
    this.untilSample = 0;
  }

  private sampleNow(): boolean {
    if (this.untilSample-- > 0) return false;
    this.untilSample = sampleEvery - 1;
    return true;
  }

  private undecodable(bytes: Buffer, start: number, end: number, cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause);
    const payload = shortened(bytes.subarray(start, end));
    this.context.refused(
      new DecodeError(`Unable to decode message at ${this.name} source: ${why} (${payload})`, { cause }),
    );
  }
}

function fail(why: string): never {
  throw new TypeError(why);
}
