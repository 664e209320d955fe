import type { Encoder } from '../../api/codec.js';
import type { RunningSink, SinkConfig, SinkContext } from '../../api/sink.js';

import { OutputClosedError } from '../errors.js';

export interface StdoutSinkOptions<T> {
  readonly encoder: Encoder<T>;
  readonly name?: string;
}

/** Writes encoded messages to standard output, between the lines of the worker's log. */
export function stdoutSink<T>(options: StdoutSinkOptions<T>): SinkConfig<T> {
  return {
    kind: 'stdout',
    encoder: options.encoder,
    ...(options.name !== undefined && { name: options.name }),
    open: (context) => new StdoutSink(context),
  };
}

class StdoutSink implements RunningSink {
  unsentBytes = 0;
  private whenEmpty: (() => void) | undefined;

  constructor(private readonly context: SinkContext) {}

  async start(): Promise<void> {}

  write(bytes: Buffer): boolean {
    this.unsentBytes += bytes.length;
    process.stdout.write(bytes, (error) => {
      if (error) return this.context.fail(new OutputClosedError(error));
      this.unsentBytes -= bytes.length;
      this.context.drained();
      if (this.unsentBytes === 0) this.whenEmpty?.();
    });
    return false;
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.unsentBytes === 0) return;
    await new Promise<void>((resolve) => {
      this.whenEmpty = resolve;
      deadline.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
