import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeConnectorFrame, wrapTwoPhase, type ConnectorMessage } from '@wallaroo/protocol';
import { expect } from 'chai';
import { ConnectorSink, nodeDisk, PeerFaultError, StreamFilesError, type Disk } from '../../src/index.js';
import { Peer } from '../support/peer.js';
import { TwoPhaseWorker } from '../support/two-phase-worker.js';

describe('a connector sink', () => {
  let folder: string;
  let sink: ConnectorSink;
  let worker: TwoPhaseWorker;

  const listen = async (options: { disk?: Disk; introductionTimeoutMs?: number } = {}) => {
    sink = await ConnectorSink.listen({
      address: { host: '127.0.0.1', port: 0 },
      directory: join(folder, 'out'),
      cookie: 'cookie',
      ...options,
    });
  };
  const output = (of = worker) => readFileSync(join(folder, 'out', `${of.stream}.out`), 'utf8');

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wallaroo-sink-'));
    worker = new TwoPhaseWorker('worker1');
    await listen();
  });

  afterEach(async () => {
    await sink.close();
    rmSync(folder, { recursive: true });
  });

  it('greets a worker, grants credits, and has nothing undecided', async () => {
    const peer = await Peer.connect(sink.address);
    peer.send({ type: 'hello', version: 'v0.0.1', cookie: 'cookie', program: 'app', instance: 'worker1' });
    expect(await peer.next('ok')).to.deep.equal({ type: 'ok', credits: 500 });
    const connected = once(sink, 'connected');
    peer.send({ type: 'notify', stream: 1n, name: 'app-w-worker1-id-1', pointOfReference: 0n });
    expect(await peer.next('notifyAck')).to.deep.equal({
      type: 'notifyAck',
      success: true,
      stream: 1n,
      pointOfReference: 0n,
    });
    expect(await connected).to.deep.equal([
      { name: 'app-w-worker1-id-1', worker: 'worker1', program: 'app' },
      0,
    ]);
    peer.send(wrapTwoPhase({ type: 'listUncommitted', request: 77778n }));
    expect(await peer.next('message')).to.deep.equal(
      wrapTwoPhase({ type: 'replyUncommitted', request: 77778n, transactions: [] }),
    );
    peer.destroy();
  });

  it('puts out what was committed, and nothing before', async () => {
    await worker.connect(sink.address.port);
    worker.output(Buffer.from('one '), Buffer.from('two '));
    const prepared = once(sink, 'prepared');
    const transaction = worker.prepare();
    expect(await worker.vote(transaction)).to.equal(true);
    expect((await prepared)[1]).to.equal(transaction);
    expect(output()).to.equal('');
    const committed = once(sink, 'committed');
    worker.decide(transaction, true);
    expect((await committed).slice(1)).to.deep.equal([transaction, { start: 0, end: 8 }]);
    expect(output()).to.equal('one two ');
    await worker.checkpoint();
    await worker.checkpoint(Buffer.from('three'));
    expect(await worker.settled()).to.deep.equal([]);
    expect(output()).to.equal('one two three');
  });

  it('forgets what was aborted, on the same connection', async () => {
    await worker.connect(sink.address.port);
    worker.output(Buffer.from('wrong'));
    const transaction = worker.prepare();
    await worker.answer('reply');
    worker.decide(transaction, false);
    expect(await worker.settled()).to.deep.equal([]);
    const next = new TwoPhaseWorker('worker1');
    next.peer = worker.peer;
    await next.checkpoint(Buffer.from('right'));
    await next.settled();
    expect(output()).to.equal('right');
  });

  it('votes no when bytes are missing, and recovers with the next connection', async () => {
    await worker.connect(sink.address.port);
    await worker.checkpoint(Buffer.from('one '));
    const votedNo = once(sink, 'votedNo');
    worker.peer.send({
      type: 'message',
      stream: 1n,
      id: 7n,
      eventTime: 0n,
      key: Buffer.alloc(0),
      bytes: Buffer.from('?'),
    });
    expect(await worker.vote(worker.prepare())).to.equal(false);
    expect((await votedNo)[2]).to.equal('output came for byte 7, the next one is 4');
    worker.peer.destroy();
    await worker.connect(sink.address.port);
    await worker.checkpoint(Buffer.from('two'));
    await worker.settled();
    expect(output()).to.equal('one two');
  });

  const moments: readonly [when: string, act: () => Promise<void>][] = [
    ['after output', async () => worker.output(Buffer.from('lost '))],
    [
      'behind phase 1, before the vote',
      async () => {
        worker.output(Buffer.from('lost '));
        worker.prepare();
      },
    ],
    [
      'behind the vote, with a checkpoint that did not complete',
      async () => {
        worker.output(Buffer.from('lost '));
        worker.prepare();
        await worker.answer('reply');
      },
    ],
    [
      'behind the vote, with a checkpoint that is complete',
      async () => {
        worker.output(Buffer.from('two '));
        await worker.vote(worker.prepare());
      },
    ],
    [
      'behind a commit',
      async () => {
        await worker.checkpoint(Buffer.from('two '));
      },
    ],
    [
      'behind an abort',
      async () => {
        worker.output(Buffer.from('lost '));
        const transaction = worker.prepare();
        await worker.answer('reply');
        worker.decide(transaction, false);
      },
    ],
  ];
  for (const [when, act] of moments) {
    for (const how of [
      'the connection breaks',
      'the connection ends',
      'the sink is closed and another begins',
    ] as const) {
      it(`has each committed byte once when ${how} ${when}`, async () => {
        await worker.connect(sink.address.port);
        await worker.checkpoint(Buffer.from('one '));
        await act();
        if (how === 'the connection breaks') worker.peer.socket.resetAndDestroy();
        else if (how === 'the connection ends') worker.peer.socket.end();
        else {
          await sink.close();
          await listen();
        }
        await worker.connect(sink.address.port);
        await worker.checkpoint(Buffer.from('three'));
        await worker.settled();
        expect(output()).to.equal(worker.decided.toString());
        expect(output()).to.match(/^one (two )?three$/);
      });
    }
  }

  it('answers the position up to which it has the bytes for good', async () => {
    await worker.connect(sink.address.port);
    await worker.checkpoint(Buffer.from('12345'));
    worker.output(Buffer.from('678'));
    worker.peer.destroy();
    expect(await worker.introduce(sink.address.port)).to.equal(5n);
    await worker.answer('replyUncommitted');
    worker.output(Buffer.from('678'));
    const transaction = worker.prepare();
    await worker.vote(transaction);
    worker.peer.destroy();
    expect(await worker.introduce(sink.address.port)).to.equal(8n);
    expect((await worker.answer('replyUncommitted')).transactions).to.deep.equal([transaction]);
  });

  it('lets the newer connection of a stream have it, and ends the older one', async () => {
    await worker.connect(sink.address.port);
    const old = worker.peer;
    worker.output(Buffer.from('lost'));
    await worker.connect(sink.address.port);
    expect(await old.rest()).to.deep.equal([{ type: 'error', text: 'replaced by a newer connection' }]);
    await worker.checkpoint(Buffer.from('kept'));
    await worker.settled();
    expect(output()).to.equal('kept');
  });

  it('lets one of many connections have the stream when they come at once', async () => {
    const workers = Array.from({ length: 8 }, () => new TwoPhaseWorker('worker1'));
    let survivors = workers.length;
    const oneLeft = new Promise<void>((resolve) =>
      sink.on('disconnected', () => --survivors === 1 && resolve()),
    );
    await Promise.all(workers.map((each) => each.connect(sink.address.port).catch(() => undefined)));
    await oneLeft;
    const survived = await Promise.all(
      workers.map(async (each, index) => {
        try {
          await each.checkpoint(Buffer.from(`${index}`));
          await each.settled();
          return [`${index}`];
        } catch {
          return [];
        }
      }),
    );
    expect(survived.flat()).to.deep.equal([output()]);
  });

  it('keeps the streams of several workers apart', async () => {
    const other = new TwoPhaseWorker('worker2');
    await worker.connect(sink.address.port);
    await other.connect(sink.address.port);
    worker.output(Buffer.from('from 1'));
    await other.checkpoint(Buffer.from('from 2'));
    await other.settled();
    expect(output()).to.equal('');
    expect(output(other)).to.equal('from 2');
    other.peer.destroy();
    await worker.vote(worker.prepare());
    expect(await worker.settled()).to.have.length(1);
  });

  it('tells which workers have left', async () => {
    await worker.connect(sink.address.port);
    const left = once(sink, 'workersLeft');
    worker.send({ type: 'workersLeft', request: 7n, workers: ['worker2', 'worker3'] });
    expect(await left).to.deep.equal([['worker2', 'worker3']]);
  });

  const hello = {
    type: 'hello',
    version: 'v0.0.1',
    cookie: 'cookie',
    program: 'app',
    instance: 'worker1',
  } as const;
  const notify = { type: 'notify', stream: 1n, name: 'app-w-worker1-id-1', pointOfReference: 0n } as const;
  const data = {
    type: 'message',
    stream: 1n,
    id: 0n,
    eventTime: 0n,
    key: Buffer.alloc(0),
    bytes: Buffer.from('x'),
  } as const;
  const list = wrapTwoPhase({ type: 'listUncommitted', request: 1n });
  const faults: readonly [what: string, messages: readonly ConnectorMessage[], text: RegExp][] = [
    ['of another version', [{ ...hello, version: 'v0.0.2' }], /^Unknown protocol version: v0\.0\.2$/],
    ['with another cookie, and does not tell its own', [{ ...hello, cookie: 'x' }], /^Bad cookie$/],
    ['that says hello twice', [hello, hello], /^Invalid message: hello$/],
    ['that has not said hello', [notify], /^Invalid message: notify$/],
    ['that opens stream 0', [hello, { ...notify, stream: 0n }], /^Invalid message: notify$/],
    ['that opens two streams', [hello, notify, { ...notify, stream: 2n }], /^Invalid message: notify$/],
    ['that sends output for no stream', [hello, data], /^Bad protocol FSM state$/],
    ['that asks before it names its stream', [hello, list], /^Bad protocol FSM state$/],
    [
      'that sends output for another stream',
      [hello, notify, { ...data, stream: 2n }],
      /^Bad\/unregistered stream_id 2$/,
    ],
    [
      'that sends output for a position beyond all files',
      [hello, notify, { ...data, id: 2n ** 60n }],
      /^no position in a file/,
    ],
    ['that answers', [hello, { type: 'ok', credits: 1 }], /^Invalid message: ok$/],
    ['that acknowledges', [hello, { type: 'ack', credits: 1, positions: [] }], /^Invalid message: ack$/],
    [
      'that votes',
      [hello, notify, wrapTwoPhase({ type: 'reply', transaction: 't', commit: true })],
      /^Invalid message: reply$/,
    ],
    [
      'that commits what was not prepared',
      [hello, notify, wrapTwoPhase({ type: 'phase2', transaction: 't', commit: true })],
      /^t was never prepared$/,
    ],
    [
      'that prepares no range',
      [hello, notify, wrapTwoPhase({ type: 'phase1', transaction: 't', ranges: [] })],
      /one range/,
    ],
    [
      'that prepares a range that ends before it begins',
      [
        hello,
        notify,
        wrapTwoPhase({ type: 'phase1', transaction: 't', ranges: [{ stream: 1n, start: 2n, end: 1n }] }),
      ],
      /one range/,
    ],
    [
      'whose two-phase message is none',
      [hello, notify, { ...data, stream: 0n, bytes: Buffer.from([200]) }],
      /no message has the tag 200/,
    ],
  ];
  for (const [what, messages, text] of faults) {
    it(`ends the connection of a worker ${what}`, async () => {
      const peer = await Peer.connect(sink.address);
      const disconnected = once(sink, 'disconnected');
      peer.send(...messages);
      const last = (await peer.rest()).at(-1);
      expect(last).to.have.property('type', 'error');
      expect((last as { text: string }).text).to.match(text);
      expect((await disconnected)[1]).to.be.instanceOf(Error);
    });
  }

  for (const [what, bytes] of [
    ['no message', Buffer.from('00000001ff', 'hex')],
    ['a frame of no bytes', Buffer.from('00000000', 'hex')],
    ['a frame beyond the limit', Buffer.from('ffffffff', 'hex')],
  ] as const) {
    it(`ends a connection on which ${what} comes, after what came before`, async () => {
      await worker.connect(sink.address.port);
      await worker.checkpoint(Buffer.from('one'));
      worker.peer.socket.write(bytes);
      expect((await worker.peer.rest()).map(({ type }) => type)).to.deep.equal(['error']);
      expect(output()).to.equal('one');
    });
  }

  it('reads frames in whatever pieces they come', async () => {
    const peer = await Peer.connect(sink.address);
    worker.peer = peer;
    const bytes = Buffer.concat(
      [
        hello,
        notify,
        data,
        wrapTwoPhase({ type: 'phase1', transaction: 't', ranges: [{ stream: 1n, start: 0n, end: 1n }] }),
      ].map(encodeConnectorFrame),
    );
    for (const byte of bytes) {
      peer.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await peer.next('ok');
    await peer.next('notifyAck');
    expect(await worker.answer('reply')).to.have.property('commit', true);
  });

  it('ends a connection that does not introduce itself', async () => {
    await sink.close();
    await listen({ introductionTimeoutMs: 10 });
    const peer = await Peer.connect(sink.address);
    peer.send(hello);
    expect((await peer.rest()).at(-1)).to.deep.equal({ type: 'error', text: 'no introduction in time' });
  });

  it('promises nothing that the disk does not keep, and goes on when it does again', async () => {
    await sink.close();
    let full = false;
    await listen({
      disk: {
        ...nodeDisk,
        replace: async (path, content) => {
          if (full) throw new Error('no space left on device');
          return nodeDisk.replace(path, content);
        },
      },
    });
    await worker.connect(sink.address.port);
    await worker.checkpoint(Buffer.from('one '));
    await worker.settled();
    full = true;
    worker.output(Buffer.from('lost'));
    worker.prepare();
    expect(await worker.peer.rest()).to.deep.equal([{ type: 'error', text: 'no space left on device' }]);
    full = false;
    await worker.connect(sink.address.port);
    await worker.checkpoint(Buffer.from('two'));
    await worker.settled();
    expect(output()).to.equal('one two');
  });

  it('refuses a stream whose files were changed', async () => {
    await worker.connect(sink.address.port);
    await worker.checkpoint(Buffer.from('one'));
    await worker.settled();
    worker.peer.destroy();
    await once(sink, 'disconnected');
    rmSync(join(folder, 'out', `${worker.stream}.out`));
    const disconnected = once(sink, 'disconnected');
    await worker.introduce(sink.address.port).catch(() => undefined);
    expect((await disconnected)[1]).to.be.instanceOf(StreamFilesError);
  });

  it('takes no option that workers would refuse', async () => {
    const options = { address: { host: '127.0.0.1', port: 0 }, directory: folder, cookie: '', credits: 1 };
    const error = await ConnectorSink.listen(options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(TypeError);
    const fault = new PeerFaultError('x');
    expect([fault.name, fault.code]).to.deep.equal(['PeerFaultError', 'PEER_FAULT']);
  });
});
