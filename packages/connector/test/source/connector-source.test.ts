import { once } from 'node:events';
import { nothingSeen, streamIdOf } from '@wallaroo/protocol';
import { expect } from 'chai';
import {
  ClosedError,
  ConnectorSource,
  PeerRefusedError,
  RecordOrderError,
  RecordTooLongError,
  type ConnectorSourceOptions,
  type ReplayableStream,
  type StreamRecord,
} from '../../src/index.js';
import { FakeWorker, type Peer } from '../support/peer.js';

/** Records 1 to `count`; stays open behind them when `live`. */
function counting(
  name: string,
  count: number,
  live = false,
): ReplayableStream & { replays: (bigint | undefined)[] } {
  const replays: (bigint | undefined)[] = [];
  return {
    name,
    replays,
    async *replay(after, signal): AsyncGenerator<StreamRecord> {
      replays.push(after);
      for (let id = (after ?? 0n) + 1n; id <= count; id++) yield { id, bytes: Buffer.from(`record ${id}`) };
      if (live && !signal.aborted) await once(signal, 'abort');
    },
  };
}

async function open(peer: Peer, after: bigint = nothingSeen): Promise<bigint> {
  const { stream } = await peer.next('notify');
  peer.send({ type: 'notifyAck', success: true, stream, pointOfReference: after });
  return stream;
}

async function ids(peer: Peer, count: number): Promise<number[]> {
  const got: number[] = [];
  while (got.length < count) got.push(Number((await peer.next('message')).id));
  return got;
}

function ack(peer: Peer, stream: bigint, pointOfReference: bigint, credits = 0): void {
  peer.send({ type: 'ack', credits, positions: [{ stream, pointOfReference }] });
}

describe('a connector source', () => {
  let worker: FakeWorker;
  let sources: ConnectorSource[];

  const start = (options: Partial<ConnectorSourceOptions> = {}) => {
    const source = new ConnectorSource({
      addresses: [worker.address],
      cookie: 'cookie',
      program: 'program',
      instance: 'instance',
      reconnectDelayMs: { min: 1, max: 5 },
      refusedRetryMs: 1,
      ...options,
    });
    sources.push(source);
    return source.start();
  };

  beforeEach(async () => {
    worker = await FakeWorker.listen();
    sources = [];
  });

  afterEach(async () => {
    for (const source of sources) source.destroy();
    await worker.stop();
  });

  it('introduces itself, opens a stream, sends it and waits for the acknowledgement of its end', async () => {
    const source = start();
    const done = source.addStream(counting('numbers', 3));
    const peer = await worker.connection();
    expect(await peer.next('hello')).to.deep.equal({
      type: 'hello',
      version: '0.0.1',
      cookie: 'cookie',
      program: 'program',
      instance: 'instance',
    });
    peer.send({ type: 'ok', credits: 10 });
    const stream = streamIdOf('numbers');
    expect(await peer.next('notify')).to.deep.equal({
      type: 'notify',
      stream,
      name: 'numbers',
      pointOfReference: 0n,
    });
    peer.send({ type: 'notifyAck', success: true, stream, pointOfReference: nothingSeen });
    expect(await peer.next('message')).to.deep.equal({
      type: 'message',
      stream,
      id: 1n,
      eventTime: 0n,
      key: Buffer.alloc(0),
      bytes: Buffer.from('record 1'),
    });
    expect(await ids(peer, 2)).to.deep.equal([2, 3]);
    expect(await peer.next('eos')).to.deep.equal({ type: 'eos', stream });
    const acked: bigint[] = [];
    source.on('acked', (_, id) => acked.push(id));
    ack(peer, stream, 2n);
    ack(peer, stream, 3n);
    await done;
    expect(acked).to.deep.equal([2n, 3n]);
    await source.close();
    expect(await peer.rest()).to.deep.equal([]);
  });

  it('begins behind the position that the worker answers', async () => {
    const numbers = counting('numbers', 5);
    const done = start().addStream(numbers);
    const peer = await worker.greet(10);
    const stream = await open(peer, 3n);
    expect(await ids(peer, 2)).to.deep.equal([4, 5]);
    await peer.next('eos');
    ack(peer, stream, 5n);
    await done;
    expect(numbers.replays).to.deep.equal([3n]);
  });

  it('ends a stream that brings nothing new, and one that is empty', async () => {
    const source = start();
    const resumed = source.addStream(counting('resumed', 3));
    const peer = await worker.greet(10);
    const first = await open(peer, 3n);
    await peer.next('eos');
    ack(peer, first, 3n);
    await resumed;
    const empty = source.addStream(counting('empty', 0));
    const second = await open(peer);
    await peer.next('eos');
    ack(peer, second, nothingSeen);
    await empty;
  });

  it('pays a credit for each frame behind Hello, and sends nothing when it has none', async () => {
    const source = start();
    void source.addStream(counting('numbers', 5));
    const first = await worker.greet(3);
    await open(first);
    expect(await ids(first, 2)).to.deep.equal([1, 2]);
    first.send({ type: 'ack', credits: 2, positions: [] });
    expect(await ids(first, 2)).to.deep.equal([3, 4]);
    first.send({ type: 'restart', address: '' });
    expect(await first.rest()).to.deep.equal([]);
  });

  it('pays for Eos, too', async () => {
    const source = start();
    const done = source.addStream(counting('numbers', 2));
    const first = await worker.greet(3);
    await open(first);
    await ids(first, 2);
    first.send({ type: 'restart', address: '' });
    expect(await first.rest()).to.deep.equal([]);
    const second = await worker.greet(3);
    const stream = await open(second);
    await ids(second, 2);
    second.send({ type: 'ack', credits: 1, positions: [] });
    await second.next('eos');
    ack(second, stream, 2n);
    await done;
  });

  it('resends what was not acknowledged after a lost connection', async () => {
    const source = start();
    const done = source.addStream(counting('numbers', 6));
    const first = await worker.greet(100);
    const stream = await open(first);
    expect(await ids(first, 6)).to.deep.equal([1, 2, 3, 4, 5, 6]);
    ack(first, stream, 2n);
    await once(source, 'acked');
    const [, error] = await Promise.all([first.destroy(), once(source, 'disconnected')]);
    expect(error[1]).to.be.instanceOf(Error);
    const second = await worker.greet(100);
    const notify = await second.next('notify');
    expect(notify.pointOfReference).to.equal(2n);
    second.send({ type: 'notifyAck', success: true, stream, pointOfReference: 2n });
    expect(await ids(second, 4)).to.deep.equal([3, 4, 5, 6]);
    await second.next('eos');
    ack(second, stream, 6n);
    await done;
  });

  for (const moment of ['before Ok', 'before NotifyAck', 'while sending', 'after Eos'] as const) {
    it(`survives a connection that breaks ${moment}`, async () => {
      const source = start();
      const done = source.addStream(counting('numbers', 3));
      const first = await worker.connection();
      await first.next('hello');
      if (moment !== 'before Ok') {
        first.send({ type: 'ok', credits: moment === 'while sending' ? 2 : 100 });
        if (moment === 'before NotifyAck') await first.next('notify');
        else await open(first);
        if (moment === 'while sending') await ids(first, 1);
        if (moment === 'after Eos') {
          await ids(first, 3);
          await first.next('eos');
        }
      }
      first.destroy();
      const second = await worker.greet(100);
      const stream = await open(second);
      expect(await ids(second, 3)).to.deep.equal([1, 2, 3]);
      await second.next('eos');
      ack(second, stream, 3n);
      await done;
    });
  }

  it('follows a Restart to another address', async () => {
    const other = await FakeWorker.listen();
    try {
      const source = start();
      const done = source.addStream(counting('numbers', 2));
      const first = await worker.greet(100);
      await open(first);
      await ids(first, 2);
      first.send({ type: 'restart', address: `0.0.0.0:${other.address.port}` });
      const second = await other.greet(100);
      const stream = await open(second, 1n);
      expect(await ids(second, 1)).to.deep.equal([2]);
      await second.next('eos');
      ack(second, stream, 2n);
      await done;
    } finally {
      await other.stop();
    }
  });

  it('comes back to the first address when nobody is at that of the Restart', async () => {
    const gone = await FakeWorker.listen();
    const { port } = gone.address;
    await gone.stop();
    start();
    const first = await worker.greet(100);
    first.send({ type: 'restart', address: `127.0.0.1:${port}` });
    await worker.greet(100);
  });

  it('stays where it is after a Restart without an address, or with one that is none', async () => {
    start();
    const first = await worker.greet(100);
    first.send({ type: 'restart', address: '' });
    const second = await worker.greet(100);
    second.send({ type: 'restart', address: 'nowhere' });
    await worker.greet(100);
  });

  it('asks again for a stream that another connection holds', async () => {
    const source = start();
    let refusals = 0;
    source.on('refused', () => refusals++);
    const done = source.addStream(counting('numbers', 1));
    const peer = await worker.greet(100);
    for (let i = 0; i < 2; i++) {
      const { stream } = await peer.next('notify');
      peer.send({ type: 'notifyAck', success: false, stream, pointOfReference: 0n });
    }
    const stream = await open(peer);
    await ids(peer, 1);
    await peer.next('eos');
    ack(peer, stream, 1n);
    await done;
    expect(refusals).to.equal(2);
  });

  it('sends several streams side by side, and refuses one that is there already', async () => {
    const source = start();
    const done = [source.addStream(counting('a', 2)), source.addStream(counting('b', 2))];
    expect(() => source.addStream(counting('a', 2))).to.throw(TypeError);
    const peer = await worker.greet(100);
    const streams = [await open(peer)];
    const got: string[] = [];
    for (let ended = 0; ended < 2;) {
      const message = await peer.next('notify', 'message', 'eos');
      if (message.type === 'message') got.push(`${message.stream} ${message.id}`);
      if (message.type === 'eos') ended++;
      if (message.type !== 'notify') continue;
      streams.push(message.stream);
      peer.send({ type: 'notifyAck', success: true, stream: message.stream, pointOfReference: nothingSeen });
    }
    expect(streams).to.have.members([streamIdOf('a'), streamIdOf('b')]);
    expect(got).to.have.members(streams.flatMap((stream) => [`${stream} 1`, `${stream} 2`]));
    for (const stream of streams) ack(peer, stream, 2n);
    await Promise.all(done);
  });

  it('leaves what is not acknowledged when it is destroyed', async () => {
    const source = start();
    const done = source.addStream(counting('numbers', 2));
    const peer = await worker.greet(100);
    await open(peer);
    await ids(peer, 2);
    source.destroy();
    expect(await failureOf(done)).to.be.instanceOf(ClosedError);
    await peer.closed;
  });

  it('ends a live stream at close, behind what was sent, and resends that first when the connection breaks', async () => {
    const source = start();
    const live = counting('live', 3, true);
    const done = source.addStream(live);
    const first = await worker.greet(100);
    await open(first);
    await ids(first, 3);
    const closed = source.close();
    await first.next('eos');
    first.destroy();
    const second = await worker.greet(100);
    const stream = await open(second, 1n);
    expect(await ids(second, 2)).to.deep.equal([2, 3]);
    await second.next('eos');
    ack(second, stream, 3n);
    await closed;
    await done;
    expect(await second.rest()).to.deep.equal([]);
    expect(() => source.addStream(counting('late', 1))).to.throw(ClosedError);
  });

  it('closes without a word when there is nothing to end', async () => {
    const source = start();
    const peer = await worker.greet(100);
    await source.close();
    expect(await peer.rest()).to.deep.equal([]);
    await new ConnectorSource({ addresses: [worker.address], cookie: '' }).close();
  });

  it('tells why the worker refused it, and tries again', async () => {
    const source = start();
    const peer = await worker.connection();
    await peer.next('hello');
    peer.send({ type: 'error', text: 'Bad cookie: x, wanted: cookie' });
    const [address, error] = await once(source, 'disconnected');
    expect(address).to.deep.equal(worker.address);
    expect(error).to.be.instanceOf(PeerRefusedError).with.property('text', 'Bad cookie: x, wanted: cookie');
    await worker.greet(1);
  });

  it('gives up waiting for an Ok that does not come', async () => {
    const source = start({ connectTimeoutMs: 20 });
    await worker.connection();
    const [, error] = await once(source, 'disconnected');
    expect(String(error)).to.match(/did not answer in 20 ms/);
  });

  it('closes the connection of a worker that sends what it must not, or no message at all', async () => {
    const source = start();
    const first = await worker.greet(10);
    first.send({ type: 'eos', stream: 1n });
    expect(await first.rest()).to.deep.equal([{ type: 'error', text: 'Invalid message: eos' }]);
    const second = await worker.greet(10);
    second.socket.write(Buffer.from('00000001ff', 'hex'));
    expect(await second.rest()).to.deep.equal([{ type: 'error', text: 'no message has the tag 255' }]);
    const third = await worker.greet(10);
    third.socket.write(Buffer.from('ffffffff', 'hex'));
    expect((await third.rest())[0]).to.have.property('type', 'error');
    source.destroy();
  });

  const faults: readonly [
    what: string,
    records: readonly StreamRecord[],
    error: new (...args: never[]) => Error,
  ][] = [
    [
      'ids that do not increase',
      [
        { id: 2n, bytes: Buffer.from('a') },
        { id: 2n, bytes: Buffer.from('b') },
      ],
      RecordOrderError,
    ],
    ['an id that stands for nothing', [{ id: nothingSeen, bytes: Buffer.from('a') }], RecordOrderError],
    ['a record that is too long', [{ id: 1n, bytes: Buffer.alloc(16358) }], RecordTooLongError],
  ];
  for (const [what, records, expected] of faults) {
    it(`gives up a stream with ${what}, and no other`, async () => {
      const source = start();
      const failed = once(source, 'failed');
      const bad = source.addStream({
        name: 'bad',
        async *replay() {
          yield* records;
        },
      });
      const peer = await worker.greet(100);
      await open(peer);
      expect((await failed)[1]).to.be.instanceOf(expected);
      expect(await failureOf(bad)).to.be.instanceOf(expected);
      const good = source.addStream(counting('good', 1));
      if (records.length > 1) await peer.next('message');
      const stream = await open(peer);
      await ids(peer, 1);
      await peer.next('eos');
      ack(peer, stream, 1n);
      await good;
    });
  }

  it("brings what follows to a new life of the client from the worker's memory alone", async () => {
    const before = start();
    void before.addStream(counting('numbers', 3, true));
    const first = await worker.greet(100);
    await open(first);
    await ids(first, 3);
    before.destroy();
    const after = start();
    const done = after.addStream(counting('numbers', 4));
    const second = await worker.greet(100);
    const stream = await open(second, 2n);
    expect(await ids(second, 2)).to.deep.equal([3, 4]);
    await second.next('eos');
    ack(second, stream, 4n);
    await done;
  });
});

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}
