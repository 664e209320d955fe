import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { encodeExternalMessage } from '@wallaroo/protocol';
import {
  application,
  computation,
  ConfigurationError,
  framedTcpSource,
  ListenError,
  runWorker,
  source,
  tcpSink,
  UnsentOutputError,
  UserCodeError,
  utf8,
  type RunOptions,
  type WorkerHandle,
} from '@wallaroo/worker';
import { expect } from 'chai';
import { eventually } from './support/changes.js';
import { Client, frame, frames, freePort, takenPort } from './support/client.js';
import { start, stopAll } from './support/process.js';
import { CollectingSink } from './support/sink.js';

const app = application(
  'embedded',
  source('text', framedTcpSource({ decoder: utf8.decode }))
    .to(
      computation('check', (text: string) => {
        if (text === 'boom') throw new RangeError('no');
        return text;
      }),
    )
    .toSink(tcpSink({ encoder: (text) => frame(text) })),
);

/** Everything of this process that could keep it alive and has to do with the network. */
const openHandles = () =>
  process.getActiveResourcesInfo().filter((resource) => /TCP|Pipe|GetAddrInfo|ConnectWrap/.test(resource))
    .length;

describe('runWorker', () => {
  let sink: CollectingSink;
  let lines: string[];
  let handlesBefore: number;

  const log = {
    line: (text: string) => void lines.push(text),
    write: (severity: string, category: string, text: string) =>
      void lines.push(`${severity},${category},${text}`),
  };
  const run = (options: RunOptions = {}) =>
    runWorker(app, { inputs: { text: '127.0.0.1:0' }, outputs: [sink.address], log, ...options });
  const portOf = (what: string, nth = 0) => {
    const found = lines.filter((line) => line.startsWith(`${what} listening on`))[nth];
    return Number(/:(\d+)$/.exec(found!)![1]);
  };
  /** @returns what the promise is rejected with */
  const rejection = (promise: Promise<unknown>): Promise<Error> =>
    promise.then(
      () => {
        throw new Error('it was not rejected');
      },
      (error: Error) => error,
    );

  beforeEach(async () => {
    lines = [];
    sink = await CollectingSink.listen();
    handlesBefore = openHandles();
  });
  afterEach(async () => {
    await stopAll();
    await sink.close();
  });
  const nothingIsLeft = () => eventually(() => openHandles() <= handlesBefore, 'the end of all handles');

  it('is ready when messages flow, and done when all that was read has come out', async () => {
    const worker = run({ external: '127.0.0.1:0' });
    await worker.ready;
    const client = await Client.connect(portOf('text source is'));
    await client.write(frames(['one', 'two']));
    await sink.waitForBytes(frames(['one', 'two']).length);
    const stopped = worker.stop();
    expect(await Promise.all([stopped, worker.stop(), worker.done])).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
    await client.closed;
    await sink.waitForEnd();
    expect(sink.received.equals(frames(['one', 'two']))).to.equal(true);
    expect(lines.at(-1)).to.equal('Connections: Finished shutdown procedure.');
    await nothingIsLeft();
  });

  it('leaves nothing behind of clients that hang on its ports', async () => {
    const worker = run({ external: '127.0.0.1:0' });
    await worker.ready;
    const ports = [
      portOf('text source is'),
      portOf('initializer external:'),
      portOf('initializer control:'),
      portOf('initializer data:'),
    ];
    const clients = await Promise.all(ports.map((port) => Client.connect(port)));
    await worker.stop();
    await Promise.all(clients.map((client) => client.closed));
    await nothingIsLeft();
  });

  it('tells operators its name, whatever that is', async () => {
    const name = 'the "first" \\ worker';
    const worker = run({ name, external: '127.0.0.1:0' });
    await worker.ready;
    const client = await Client.connect(portOf(`${name} external:`));
    await client.write(encodeExternalMessage({ type: 'clusterStatusQuery' }));
    await client.end();
    const status = JSON.parse(client.received.toString('utf8', 6)) as { worker_names: string[] };
    expect(status.worker_names).to.deep.equal([name]);
    await worker.stop();
  });

  it('stops when its signal is aborted', async () => {
    const controller = new AbortController();
    const worker = run({ signal: controller.signal });
    await worker.ready;
    controller.abort();
    await worker.done;
    await nothingIsLeft();
  });

  it('does not run with a signal that was aborted before, nor when it is stopped at once', async () => {
    for (const start of [
      () => run({ signal: AbortSignal.abort(), external: '127.0.0.1:0' }),
      () => {
        const worker = run({ external: '127.0.0.1:0' });
        void worker.stop();
        return worker;
      },
    ]) {
      const worker = start();
      await worker.done;
      await nothingIsLeft();
      expect(lines.join('\n')).to.not.include('successfully initialized');
    }
  });

  it('stops in the middle of its start, wherever that is', async () => {
    const places = ['external: listening', 'control: listening', 'data: listening', 'PHASE I:', 'PHASE II:'];
    for (const place of places) {
      lines = [];
      const running: { worker?: WorkerHandle } = {};
      const stoppingLog = {
        ...log,
        line: (text: string) => {
          lines.push(text);
          if (text.includes(place)) queueMicrotask(() => void running.worker?.stop());
        },
      };
      running.worker = run({ external: '127.0.0.1:0', log: stoppingLog });
      await running.worker.done;
      await nothingIsLeft().catch((error: Error) => {
        throw new Error(`stopped at '${place}': ${error.message}\n${lines.join('\n')}`);
      });
      const ends = lines.filter((line) => line === 'Connections: Finished shutdown procedure.');
      expect(ends, `stopped at '${place}'`).to.have.length(1);
    }
  });

  it('is done with the error of the application', async () => {
    const worker = run();
    await worker.ready;
    const client = await Client.connect(portOf('text source is'));
    await client.write(frames(['fine', 'boom', 'too late']));
    const error = await rejection(worker.done);
    expect(error).to.be.instanceOf(UserCodeError);
    expect(error.message).to.equal(`Pipeline 'text': computation 'check' failed on "boom": RangeError: no`);
    expect((error.cause as Error).message).to.equal('no');
    await sink.waitForEnd();
    expect(sink.received.equals(frame('fine'))).to.equal(true);
    await client.closed;
    await nothingIsLeft();
  });

  it('is done with the bytes that it could not send', async () => {
    const worker = run({ outputs: [`127.0.0.1:${await freePort()}`], stopPauseMs: 50 });
    await worker.ready;
    const client = await Client.connect(portOf('text source is'));
    await client.write(frame('for nobody'));
    await client.end();
    const error = await rejection(worker.stop());
    expect(error).to.be.instanceOf(UnsentOutputError);
    expect(error.message).to.match(/^Sink TCP: 14 bytes of output could not be sent: .* for 50 ms$/);
    await nothingIsLeft();
  });

  it('runs two workers in one process, one behind the other', async () => {
    const second = run({ name: 'second' });
    await second.ready;
    const first = run({ name: 'first', outputs: [`127.0.0.1:${portOf('text source is')}`] });
    await first.ready;
    const client = await Client.connect(portOf('text source is', 1));
    const texts = Array.from({ length: 1000 }, (_, i) => `text ${i}`);
    await client.write(frames(texts));
    await sink.waitForBytes(frames(texts).length);
    await first.stop();
    await second.stop();
    await sink.waitForEnd();
    expect(sink.received.equals(frames(texts))).to.equal(true);
    await client.closed;
    await nothingIsLeft();
  });

  for (const channel of ['external', 'control', 'data', 'source'] as const) {
    it(`is not ready when its ${channel} port is in use, and listens nowhere then`, async () => {
      const taken = await takenPort();
      const address = `127.0.0.1:${taken.port}`;
      handlesBefore = openHandles();
      const worker = run({
        external: '127.0.0.1:0',
        ...(channel === 'source' ? { inputs: { text: address } } : { [channel]: address }),
      });
      const [error, ended] = await Promise.all([rejection(worker.ready), rejection(worker.done)]);
      expect(error).to.be.instanceOf(ListenError);
      expect(ended).to.equal(error);
      expect(error.message).to.include(
        `${channel === 'source' ? 'text' : 'initializer'} ${channel}: unable to listen on (${address})`,
      );
      await nothingIsLeft();
      taken.close();
    });
  }

  it('waits for a sink that can not be reached with the first attempt only', async () => {
    const worker = run({ outputs: [`127.0.0.1:${await freePort()}`] });
    await worker.ready;
    await worker.stop();
    await nothingIsLeft();
  });

  it('refuses options that do not fit the application, before anything is opened', () => {
    expect(() => run({ inputs: { other: '127.0.0.1:0' } })).to.throw(
      ConfigurationError,
      `names a source 'other' that the application does not have`,
    );
    expect(() => run({ outputs: [] })).to.throw(ConfigurationError, `Sink 'TCP' has no address`);
    expect(() => run({ inputs: { text: 'nowhere' } })).to.throw(`'nowhere' is not an address`);
    expect(openHandles()).to.equal(handlesBefore);
  });

  it('needs no port but those of its sources', async () => {
    const worker = run({ inputs: {} });
    await worker.ready;
    expect(
      lines.filter((line) => line.includes('listening on')).map((line) => line.split(' ')[1]),
    ).to.deep.equal(['control:', 'data:']);
    const socket = connect(portOf('initializer control:'), '127.0.0.1');
    await once(socket, 'connect');
    socket.write('hello');
    await once(socket, 'close');
    await worker.stop();
    await nothingIsLeft();
  });

  it('keeps no process alive that has nothing else to do', async () => {
    const program = fileURLToPath(new URL('apps/embedded.ts', import.meta.url));
    const { code, stdout, stderr } = await start(process.execPath, ['--import', 'tsx', program]).finished();
    expect([code, stdout, stderr]).to.deep.equal([0, 'ended: ListenError\n', '']);
  });
});
