import { expect } from 'chai';
import {
  application,
  runWorker,
  source,
  type RunningSink,
  type RunningSource,
  type SinkConfig,
  type SourceConfig,
  type SourceContext,
} from '../../src/index.js';

const quiet = { line: () => undefined, write: () => undefined };

interface Ends {
  readonly source?: Partial<RunningSource>;
  readonly sink?: Partial<RunningSink>;
}

/** A worker whose source and sink behave in every way that interfaces of others may. */
function run(ends: Ends) {
  let context!: SourceContext<string>;
  const stopped: string[] = [];
  const input: SourceConfig<string> = {
    kind: 'test',
    open: (opened) => {
      context = opened;
      return {
        parallelism: 1,
        start: async () => undefined,
        mute: () => undefined,
        unmute: () => undefined,
        stop: async () => void stopped.push('source'),
        ...ends.source,
      };
    },
  };
  const output: SinkConfig<string> = {
    kind: 'test',
    encoder: (text) => text,
    open: () => ({
      unsentBytes: 0,
      start: async () => undefined,
      write: () => true,
      stop: async () => void stopped.push('sink'),
      ...ends.sink,
    }),
  };
  const worker = runWorker(application('test', source('in', input).toSink(output)), {
    log: quiet,
    stopPauseMs: 40,
  });
  return { worker, stopped, push: (text: string) => context.push(text) };
}

const fails = (): never => {
  throw new Error('as others may');
};
const rejection = (promise: Promise<void>) =>
  promise.then(
    () => undefined,
    (error: Error) => error.message,
  );

describe('a worker among sources and sinks of others', () => {
  it('ends in order when a sink throws at the end of a turn', async () => {
    const { worker, stopped, push } = run({ sink: { write: fails } });
    await worker.ready;
    push('a');
    expect(await rejection(worker.done)).to.equal('as others may');
    expect(stopped).to.deep.equal(['source', 'sink']);
  });

  it('stops the sinks although a source fails to stop, and tells of it', async () => {
    for (const stop of [fails, () => Promise.reject(new Error('as others may'))]) {
      const { worker, stopped } = run({ source: { stop } });
      await worker.ready;
      expect(await rejection(worker.stop())).to.equal('as others may');
      expect(stopped).to.deep.equal(['sink']);
    }
  });

  it('ends although a source or a sink never stops', async () => {
    const never = () => new Promise<void>(() => undefined);
    for (const ends of [{ source: { stop: never } }, { sink: { stop: never } }]) {
      const { worker } = run(ends);
      await worker.ready;
      await worker.stop();
    }
  });

  it('processes nothing that a source pushes after the end', async () => {
    const written: string[] = [];
    const { worker, push } = run({ sink: { write: (bytes) => written.push(bytes.toString()) > 0 } });
    await worker.ready;
    push('a');
    await worker.stop();
    push('b');
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).to.deep.equal(['a']);
  });

  it('may be stopped at any line of its start', async () => {
    const lines: string[] = [];
    const probe = runWorker(application('test', source('in', generator).toSink(nowhere)), {
      log: { line: (text) => lines.push(text), write: () => undefined },
    });
    await probe.ready;
    await probe.stop();
    for (const line of lines.slice(0, -1)) {
      const controller = new AbortController();
      const log = { line: (text: string) => text === line && controller.abort(), write: () => undefined };
      const worker = runWorker(application('test', source('in', generator).toSink(nowhere)), {
        log: log as never,
        signal: controller.signal,
      });
      // A line with a port of the first run does not come again.
      if (/:\d+$/.test(line)) void worker.stop();
      await worker.done;
    }
  });
});

const generator: SourceConfig<string> = {
  kind: 'test',
  open: () => ({
    parallelism: 1,
    start: async () => undefined,
    mute: () => undefined,
    unmute: () => undefined,
    stop: async () => undefined,
  }),
};
const nowhere: SinkConfig<string> = {
  kind: 'test',
  encoder: (text) => text,
  open: () => ({
    unsentBytes: 0,
    start: async () => undefined,
    write: () => true,
    stop: async () => undefined,
  }),
};
