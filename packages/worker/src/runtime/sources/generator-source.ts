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

/** Messages made inside every worker, as fast as they are processed. */
export function generatorSource<T>(options: GeneratorSourceOptions<T>): SourceConfig<T> {
  return { kind: 'generator', open: (context) => new GeneratorSource(context, options) };
}

class GeneratorSource<T> implements RunningSource {
  readonly parallelism = 1;
  private message: T | null | undefined;
  private started = false;
  private ended = false;
  private running = false;
  private scheduled = false;

  constructor(
    private readonly context: SourceContext<T>,
    private readonly options: GeneratorSourceOptions<T>,
  ) {}

  async start(): Promise<void> {}

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

  private slice(): void {
    const end = performance.now() + sliceMs;
    do {
      for (let i = 0; i < messagesBetweenClockReads; i++) {
        this.message = this.started ? this.options.apply(this.message as T) : this.options.initialValue();
        this.started = true;
        if (this.message == null) {
          this.ended = true;
          this.context.log('info', `${this.context.name} source has generated its last message`);
          return;
        }
        this.context.push(this.message);
        if (this.context.muted) return;
      }
    } while (performance.now() < end);
  }
}
