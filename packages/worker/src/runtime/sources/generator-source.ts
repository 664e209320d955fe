import { UserCodeError } from '../../core/step/user-code.js';
import type { RunningSource, SourceConfig, SourceContext } from '../../api/source.js';

export interface GeneratorSourceOptions<T> {
  /** The first message. */
  readonly initialValue: () => T;
  /** The message after this one; `undefined` or `null` ends the source. */
  readonly apply: (message: T) => T | null | undefined;
}

/** Work between two looks at the clock, and between two turns of the event loop. */
const messagesBetweenClockReads = 64;
const sliceMs = 1;

const atStart: { readonly started: boolean; readonly ended: boolean; readonly message: unknown } = {
  started: false,
  ended: false,
  message: undefined,
};

/** Messages made inside every worker, as fast as they are processed. */
export function generatorSource<T>(options: GeneratorSourceOptions<T>): SourceConfig<T> {
  return { kind: 'generator', open: (context) => new GeneratorSource(context, options) };
}

class GeneratorSource<T> implements RunningSource {
  readonly parallelism = 1;
  private message: T | null | undefined;
  private started = false;
  private ended = false;
  private stopped = false;
  private running = false;
  private scheduled = false;

  constructor(
    private readonly context: SourceContext<T>,
    private readonly options: GeneratorSourceOptions<T>,
  ) {}

  async start(): Promise<void> {}

  /** The message that was made last: the next one follows from it. */
  position(): Uint8Array {
    return this.context.pack({
      started: this.started,
      ended: this.ended && !this.stopped,
      message: this.message,
    });
  }

  restore(position: Uint8Array | undefined): void {
    const { started, ended, message } =
      position === undefined ? atStart : (this.context.unpack(position) as typeof atStart);
    this.started = started;
    this.message = message as T;
    this.ended = ended || this.stopped;
  }

  mute(): void {
    this.running = false;
  }

  unmute(): void {
    this.running = true;
    this.schedule();
  }

  async stop(): Promise<void> {
    this.running = false;
    this.ended = true;
    this.stopped = true;
  }

  private schedule(): void {
    if (this.scheduled || this.ended) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (!this.running || this.ended) return;
      try {
        this.slice();
      } catch (error) {
        this.ended = true;
        this.context.fail(this.placed(error));
        return;
      }
      this.schedule();
    });
  }

  private placed(error: unknown): Error {
    // Without its next message a generator cannot go on, so there is nothing to skip.
    return new UserCodeError(`Pipeline '${this.context.name}': generator`, this.message, { cause: error });
  }

  private next(): void {
    this.message = this.started ? this.options.apply(this.message as T) : this.options.initialValue();
    this.started = true;
    if (this.message == null) this.ended = true;
  }

  private slice(): void {
    const end = performance.now() + sliceMs;
    do {
      for (let i = 0; i < messagesBetweenClockReads; i++) {
        this.next();
        if (this.ended) {
          this.context.log('info', `${this.context.name} source has generated its last message`);
          return;
        }
        this.context.push(this.message as T);
        if (this.context.muted) return;
      }
    } while (performance.now() < end);
  }
}
