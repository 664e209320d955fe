import { appendFileSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import {
  application,
  computation,
  source,
  utf8,
  type RunningSink,
  type RunningSource,
  type SinkConfig,
  type SinkContext,
  type SourceConfig,
  type SourceContext,
} from '@wallaroo/worker';

/**
 * A source and a sink of the application's own, written against the public interfaces: lines that are appended
 * to one file come out, in capitals, in another. `fail source` and `fail sink` are lines that make them fail.
 */
export default function custom([input, output]: readonly string[]) {
  return application(
    'custom',
    source('file', fileSource(input!))
      .to(
        computation('capitals', (line) => {
          if (line.startsWith('boom')) throw new Error('no capitals for that');
          return line.toUpperCase();
        }),
      )
      .toSink(fileSink(output!)),
  );
}

function fileSource(path: string): SourceConfig<string> {
  return {
    kind: 'file',
    decoder: utf8.decode,
    open: (context) => new FileSource(context, path),
  };
}

class FileSource implements RunningSource {
  readonly parallelism = 1;
  private at = 0;
  private looking: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: SourceContext<string>,
    private readonly path: string,
  ) {}

  async start(): Promise<void> {
    this.context.log('info', `${this.context.name} source follows ${this.path}`);
    // A watcher of files would miss what comes before its first look.
    this.looking = setInterval(() => this.read(), 10);
  }

  mute(): void {
    // `context.muted` says it all.
  }

  unmute(): void {
    this.read();
  }

  async stop(): Promise<void> {
    clearInterval(this.looking);
    this.read();
  }

  private read(): void {
    const content = readFileSync(this.path);
    for (;;) {
      const end = content.indexOf(10, this.at);
      if (end < 0 || this.context.muted) return;
      const start = this.at;
      this.at = end + 1;
      const line = content.toString('utf8', start, end);
      if (line === 'fail source') this.context.fail(new Error('the file says fail'));
      // Both ways in: as bytes for the decoder, and as a message.
      else if (line.length % 2 === 0) this.context.receive(content, start, end);
      else this.context.push(line);
    }
  }
}

function fileSink(path: string): SinkConfig<string> {
  return {
    kind: 'file',
    name: 'capitals file',
    encoder: (line) => `${line}\n`,
    messageBoundaries: true,
    open: (context) => new FileSink(context, path),
  };
}

class FileSink implements RunningSink {
  readonly unsentBytes = 0;
  private file = -1;

  constructor(
    private readonly context: SinkContext,
    private readonly path: string,
  ) {}

  async start(): Promise<void> {
    writeFileSync(this.path, '');
    this.file = openSync(this.path, 'a');
  }

  write(bytes: Buffer, ends: readonly number[]): boolean {
    let start = 0;
    for (const end of ends) {
      const line = bytes.toString('utf8', start, end);
      start = end;
      if (line === 'FAIL SINK\n') this.context.fail(new Error('the sink read fail'));
      else appendFileSync(this.file, line);
    }
    return true;
  }

  async stop(): Promise<void> {
    appendFileSync(this.file, 'the end\n');
    closeSync(this.file);
  }
}
