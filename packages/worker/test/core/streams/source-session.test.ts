import { encodeConnectorFrame, nothingSeen, wrapTwoPhase, type ConnectorMessage } from '@wallaroo/protocol';
import { expect } from 'chai';
import { DecodeError } from '../../../src/index.js';
import { SourceSession } from '../../../src/core/streams/source-session.js';
import { SourceStreams } from '../../../src/core/streams/source-streams.js';

/** A source with clients, whose every frame and checkpoint the test decides. */
class Bench {
  readonly delivered: string[] = [];
  /** What the cluster has of streams that this worker does not hold. */
  readonly elsewhere = new Map<bigint, bigint>();
  /** Streams that this worker may not have. */
  readonly taken = new Set<bigint>();
  /** Answers of the cluster that the test has not let through. */
  readonly held: (() => void)[] = [];
  holds = false;
  readonly streams: SourceStreams;

  constructor(
    readonly resilience = false,
    readonly credits = { max: 100, refill: 0 },
  ) {
    this.streams = new SourceStreams({
      resilience,
      claim: (id, answer) => {
        this.held.push(() =>
          answer(this.taken.has(id) ? undefined : (this.elsewhere.get(id) ?? nothingSeen)),
        );
        if (!this.holds) this.answer();
      },
      release: (id, position) => void this.elsewhere.set(id, position),
    });
  }

  answer(): void {
    for (const answer of this.held.splice(0)) answer();
  }

  client(): Client {
    return new Client(this);
  }

  /** A client that has been let in. */
  greeted(): Client {
    const client = this.client();
    client.send(hello());
    expect(client.take()).to.deep.equal([{ type: 'ok', credits: this.credits.max }]);
    return client;
  }
}

class Client {
  private readonly got: ConnectorMessage[] = [];
  closed = false;
  readonly session: SourceSession;

  constructor(bench: Bench) {
    this.session = new SourceSession({
      cookie: 'cookie',
      address: () => '127.0.0.1:7000',
      maxCredits: bench.credits.max,
      refillCredits: bench.credits.refill,
      resilience: bench.resilience,
      streams: bench.streams,
      send: (message) => {
        expect(this.closed, 'nothing is sent on a closed connection').to.equal(false);
        this.got.push(message);
      },
      close: () => (this.closed = true),
      deliver: (bytes, start, end) => {
        const text = bytes.toString('latin1', start, end);
        if (text === 'bad') throw new DecodeError('bad is no message');
        bench.delivered.push(text);
      },
      warn: () => undefined,
    });
  }

  send(...messages: readonly ConnectorMessage[]): void {
    for (const message of messages) this.sendFrame(encodeConnectorFrame(message));
  }

  sendFrame(frame: Buffer): void {
    // In the middle of a buffer, as they come.
    const bytes = Buffer.concat([Buffer.alloc(3, 0xff), frame.subarray(4), Buffer.alloc(3, 0xff)]);
    this.session.receive(bytes, 3, bytes.length - 3);
  }

  /** What has come since the last time. */
  take(): ConnectorMessage[] {
    return this.got.splice(0);
  }

  expectError(text: string): void {
    expect(this.take()).to.deep.equal([{ type: 'error', text }]);
    expect(this.closed).to.equal(true);
  }
}

const hello = (over: Partial<Extract<ConnectorMessage, { type: 'hello' }>> = {}): ConnectorMessage => ({
  type: 'hello',
  version: '0.0.1',
  cookie: 'cookie',
  program: 'p',
  instance: 'i',
  ...over,
});
const notify = (stream: bigint, pointOfReference = 0n): ConnectorMessage => ({
  type: 'notify',
  stream,
  name: `stream ${stream}`,
  pointOfReference,
});
const message = (stream: bigint, id: bigint, text = `${id}`, key = ''): ConnectorMessage => ({
  type: 'message',
  stream,
  id,
  eventTime: -5n,
  key: Buffer.from(key),
  bytes: Buffer.from(text),
});
const eos = (stream: bigint): ConnectorMessage => ({ type: 'eos', stream });
const granted = (stream: bigint, pointOfReference: bigint) => ({
  type: 'notifyAck',
  success: true,
  stream,
  pointOfReference,
});
const refused = (stream: bigint, pointOfReference: bigint) => ({
  ...granted(stream, pointOfReference),
  success: false,
});
const ack = (credits: number, ...positions: readonly (readonly [bigint, bigint])[]) => ({
  type: 'ack',
  credits,
  positions: positions.map(([stream, pointOfReference]) => ({ stream, pointOfReference })),
});

describe('a client of a connector source', () => {
  describe('before it is let in', () => {
    for (const [what, sent, error] of [
      ['another version', hello({ version: 'v0.0.1' }), 'Unknown protocol version: v0.0.1'],
      ['another cookie', hello({ cookie: 'biscuit' }), 'Bad cookie: biscuit, wanted: cookie'],
      ['Notify', notify(1n), 'Bad protocol FSM state'],
      ['a Message', message(1n, 1n), 'Bad protocol FSM state'],
      ['Eos', eos(1n), 'Bad protocol FSM state'],
    ] as const) {
      it(`is turned away with ${what}`, () => {
        const client = new Bench().client();
        client.send(sent);
        client.expectError(error);
      });
    }

    it('may be any program', () => {
      const client = new Bench().client();
      client.send(hello({ program: '', instance: 'what ever' }));
      expect(client.take()).to.deep.equal([{ type: 'ok', credits: 100 }]);
    });
  });

  describe('makes mistakes', () => {
    const position = { stream: 1n, pointOfReference: 1n };
    for (const [what, sent, error] of [
      ['a second Hello', hello(), 'Bad protocol FSM state'],
      ['Ok', { type: 'ok', credits: 1 }, 'Invalid message: ok'],
      ['NotifyAck', { type: 'notifyAck', success: true, ...position }, 'Invalid message: notify_ack'],
      ['Ack', { type: 'ack', credits: 1, positions: [position] }, 'Invalid message: ack'],
      ['Restart', { type: 'restart', address: '' }, 'Invalid message: restart'],
      ['WorkersLeft', { type: 'workersLeft', request: 1n, workers: [] }, 'Invalid message: workers_left'],
      ['a Message of an unknown stream', message(7n, 8n), 'Bad/unregistered stream_id 7 with message_id 8'],
      [
        'what sinks are told',
        wrapTwoPhase({ type: 'listUncommitted', request: 1n }),
        'Bad/unregistered stream_id 0 with message_id 0',
      ],
      ['Eos of an unknown stream', eos(7n), 'Unable to decode message'],
    ] as const) {
      it(`and is let go with ${what}`, () => {
        const client = new Bench().greeted();
        client.send(sent);
        client.expectError(error);
      });
    }

    for (const [what, frame] of [
      ['an empty frame', '00000000'],
      ['an unknown tag', '000000012a'],
      ['a frame that ends too early', '00000005080000'],
      ['a frame with bytes behind its end', '0000000a0800000000000000070000'],
      ['a message without a whole head', '0000000305'],
      ['a key that is longer than its frame', `0000001d05${'00'.repeat(24)}00096162`],
    ] as const) {
      it(`and is let go with ${what}`, () => {
        const client = new Bench().greeted();
        client.sendFrame(Buffer.from(frame, 'hex'));
        client.expectError('Unable to decode message');
      });
    }

    it('and is let go with bytes that the decoder refuses', () => {
      const bench = new Bench();
      const client = bench.greeted();
      client.send(notify(1n), message(1n, 1n, 'good'), message(1n, 2n, 'bad'), message(1n, 3n, 'good'));
      expect(bench.delivered).to.deep.equal(['good']);
      expect(client.take()).to.deep.equal([
        granted(1n, nothingSeen),
        { type: 'error', text: 'Unable to decode message' },
      ]);
      // Whoever brings the stream again begins with what was refused.
      const other = bench.greeted();
      other.send(notify(1n));
      expect(other.take()).to.deep.equal([granted(1n, 1n)]);
    });

    it('and says so itself: its connection is closed without a word', () => {
      for (const client of [new Bench().client(), new Bench().greeted()]) {
        client.send({ type: 'error', text: 'I do not like you' });
        expect(client.take()).to.deep.equal([]);
        expect(client.closed).to.equal(true);
      }
    });
  });

  describe('opens streams', () => {
    it('from the beginning, when nothing is known of them, whatever it proposes', () => {
      const client = new Bench().greeted();
      client.send(notify(1n, 0n), notify(2n, 55n));
      expect(client.take()).to.deep.equal([granted(1n, nothingSeen), granted(2n, nothingSeen)]);
    });

    it('once', () => {
      const client = new Bench().greeted();
      client.send(notify(1n), notify(1n, 9n));
      expect(client.take()).to.deep.equal([granted(1n, nothingSeen), refused(1n, 9n)]);
      client.send(message(1n, 1n));
      expect(client.closed, 'the stream is open as before').to.equal(false);
    });

    it('unless another client has them', () => {
      const bench = new Bench();
      const [one, two] = [bench.greeted(), bench.greeted()];
      one.send(notify(1n));
      two.send(notify(1n, 9n), notify(2n));
      expect(two.take()).to.deep.equal([refused(1n, 9n), granted(2n, nothingSeen)]);
    });

    it('that were left, behind the last message', () => {
      const bench = new Bench();
      const [one, two] = [bench.greeted(), bench.greeted()];
      one.send(notify(1n), message(1n, 5n), message(1n, 7n));
      one.session.closed();
      two.send(notify(1n));
      expect(two.take()).to.deep.equal([granted(1n, 7n)]);
      two.send(message(1n, 5n), message(1n, 7n), message(1n, 8n));
      expect(bench.delivered).to.deep.equal(['5', '7', '8']);
    });

    it('unless another worker has them', () => {
      const bench = new Bench();
      bench.taken.add(1n);
      const client = bench.greeted();
      client.send(notify(1n, 9n));
      expect(client.take()).to.deep.equal([refused(1n, 9n)]);
      bench.taken.clear();
      bench.elsewhere.set(1n, 77n);
      client.send(notify(1n));
      expect(client.take()).to.deep.equal([granted(1n, 77n)]);
    });

    it('when the cluster has answered: no message before', () => {
      const bench = new Bench();
      bench.holds = true;
      const [one, two] = [bench.greeted(), bench.greeted()];
      one.send(notify(1n));
      expect(one.take()).to.deep.equal([]);
      bench.answer();
      expect(one.take()).to.deep.equal([granted(1n, nothingSeen)]);
      two.send(notify(2n), message(2n, 1n));
      two.expectError('Bad/unregistered stream_id 2 with message_id 1');
      // The answer comes to nobody: somebody else may have the stream.
      bench.answer();
      expect([...bench.elsewhere]).to.deep.equal([[2n, nothingSeen]]);
    });

    it('not when it has been asked to end them', () => {
      const client = new Bench(true).greeted();
      client.send(notify(1n), eos(1n), notify(1n, 9n));
      expect(client.take()).to.deep.equal([granted(1n, nothingSeen), refused(1n, 9n)]);
    });
  });

  it('sends messages of several streams in turns, with numbers of 64 bits: each id once', () => {
    const bench = new Bench();
    const client = bench.greeted();
    // They differ in one half each.
    const streams = [0x1_0000_0002n, 0x2_0000_0002n, 0x1_0000_0003n];
    bench.elsewhere.set(streams[2]!, 2n ** 63n);
    for (const stream of streams) client.send(notify(stream));
    const ids = [5n, 0xffff_ffffn, 0x1_0000_0000n, 0xffff_ffffn, 0x1_0000_0001n, 2n ** 63n, 2n ** 64n - 2n];
    for (const id of ids) client.send(...streams.map((stream, n) => message(stream, id, `${n}: ${id}`)));
    expect(bench.delivered.filter((text) => text.startsWith('1'))).to.deep.equal(
      [5n, 0xffff_ffffn, 0x1_0000_0000n, 0x1_0000_0001n, 2n ** 63n, 2n ** 64n - 2n].map((id) => `1: ${id}`),
    );
    expect(bench.delivered.filter((text) => text.startsWith('2'))).to.deep.equal([`2: ${2n ** 64n - 2n}`]);
    client.session.closed();
    for (const stream of streams) expect(bench.elsewhere.get(stream)).to.equal(2n ** 64n - 2n);
  });

  it('sends messages: each id once, without their keys; an empty one is none', () => {
    const bench = new Bench();
    const client = bench.greeted();
    client.send(notify(1n), notify(2n));
    client.send(message(1n, 0n, 'first'), message(1n, 0n, 'again'), message(1n, 10n, 'second', 'key'));
    client.send(message(2n, 3n, 'other'), message(1n, 9n, 'late'), message(1n, 11n, ''));
    client.send(message(1n, 11n, 'again'), message(1n, 12n, 'third'));
    expect(bench.delivered).to.deep.equal(['first', 'second', 'other', 'third']);
  });

  describe('has credits', () => {
    it('that come back when few are left: each frame costs one', () => {
      const client = new Bench(false, { max: 4, refill: 1 }).greeted();
      client.send(notify(1n), message(1n, 1n));
      expect(client.take()).to.deep.equal([granted(1n, nothingSeen)]);
      client.send(message(1n, 2n));
      expect(client.take()).to.deep.equal([ack(3)]);
      client.send(message(1n, 2n), eos(1n));
      expect(client.take()).to.deep.equal([ack(0, [1n, 2n])]);
      client.send(notify(1n));
      expect(client.take()).to.deep.equal([ack(3), granted(1n, 2n)]);
    });

    it('that are never less than none', () => {
      const client = new Bench(false, { max: 1, refill: 0 }).greeted();
      client.send(notify(1n), message(1n, 1n), message(1n, 2n));
      expect(client.take()).to.deep.equal([ack(1), granted(1n, nothingSeen), ack(1), ack(1)]);
    });

    it('that come back with each checkpoint that counts', () => {
      const client = new Bench(true).greeted();
      client.session.refill();
      expect(client.take()).to.deep.equal([]);
      client.send(notify(1n), message(1n, 1n));
      client.session.refill();
      expect(client.take()).to.deep.equal([granted(1n, nothingSeen), ack(2)]);
    });
  });

  describe('is told what is safe', () => {
    it('without resilience only at the end of a stream, which anybody may bring from there on', () => {
      const bench = new Bench();
      const client = bench.greeted();
      client.send(notify(1n), message(1n, 4n), eos(1n), notify(2n), eos(2n), notify(1n));
      expect(client.take()).to.deep.equal([
        granted(1n, nothingSeen),
        ack(0, [1n, 4n]),
        granted(2n, nothingSeen),
        ack(0, [2n, nothingSeen]),
        granted(1n, 4n),
      ]);
    });

    it('when a checkpoint counts: up to where it was cut', () => {
      const bench = new Bench(true);
      const [one, two] = [bench.greeted(), bench.greeted()];
      one.send(notify(1n), notify(2n), notify(3n), message(1n, 4n), message(2n, 1n));
      two.send(notify(4n), message(4n, 8n));
      const cut = bench.streams.cut();
      one.send(message(1n, 5n));
      one.take();
      two.take();
      bench.streams.committed(cut);
      expect(one.take()).to.deep.equal([ack(6, [1n, 4n], [2n, 1n])]);
      expect(two.take()).to.deep.equal([ack(2, [4n, 8n])]);
      bench.streams.committed(cut);
      expect(one.take()).to.deep.equal([ack(0, [1n, 4n], [2n, 1n])]);
    });

    it('of the end of a stream when a checkpoint counts that was cut behind it', () => {
      const bench = new Bench(true);
      const client = bench.greeted();
      client.send(notify(1n), message(1n, 4n), notify(2n));
      const before = bench.streams.cut();
      client.send(eos(1n), eos(2n));
      const behind = bench.streams.cut();
      client.take();
      bench.streams.committed(before);
      client.send(notify(1n));
      expect(client.take()).to.deep.equal([ack(5, [1n, 4n]), refused(1n, 0n)]);
      bench.streams.committed(behind);
      expect(client.take()).to.deep.equal([ack(1, [1n, 4n], [2n, nothingSeen])]);
      client.send(notify(1n), notify(2n));
      expect(client.take()).to.deep.equal([granted(1n, 4n), granted(2n, nothingSeen)]);
    });

    it('nothing more of a stream that it has ended', () => {
      const client = new Bench(true).greeted();
      client.send(notify(1n), eos(1n), message(1n, 1n));
      expect(client.take().at(-1)).to.deep.equal({
        type: 'error',
        text: 'Bad/unregistered stream_id 1 with message_id 1',
      });
    });
  });

  describe('leaves its streams', () => {
    const left = (resilience: boolean) => {
      const bench = new Bench(resilience);
      const client = bench.greeted();
      client.send(notify(1n), message(1n, 4n));
      return { bench, client };
    };

    it('to the whole cluster at once, without resilience', () => {
      const { bench, client } = left(false);
      client.session.closed();
      expect([...bench.elsewhere]).to.deep.equal([[1n, 4n]]);
    });

    it('to the whole cluster when a checkpoint has all of them', () => {
      const { bench, client } = left(true);
      const early = bench.streams.cut();
      client.send(message(1n, 5n));
      client.session.closed();
      bench.streams.committed(early);
      expect([...bench.elsewhere]).to.deep.equal([]);
      const late = bench.streams.cut();
      bench.streams.committed(late);
      expect([...bench.elsewhere]).to.deep.equal([[1n, 5n]]);
      expect(bench.streams.cut()).to.deep.equal([]);
    });

    it('to the whole cluster at once, when a checkpoint has had all of them', () => {
      const { bench, client } = left(true);
      bench.streams.committed(bench.streams.cut());
      client.session.closed();
      expect([...bench.elsewhere]).to.deep.equal([[1n, 4n]]);
    });

    it('to the next client here, before that', () => {
      const { bench, client } = left(true);
      client.session.closed();
      const cut = bench.streams.cut();
      const next = bench.greeted();
      next.send(notify(1n));
      expect(next.take()).to.deep.equal([granted(1n, 4n)]);
      bench.streams.committed(cut);
      expect([...bench.elsewhere]).to.deep.equal([]);
    });
  });

  describe('when everything goes back', () => {
    it('is asked to connect again, and goes on behind the checkpoint', () => {
      const bench = new Bench(true);
      const client = bench.greeted();
      client.send(notify(1n), message(1n, 4n), notify(2n));
      const cut = bench.streams.cut();
      client.send(message(1n, 5n), message(2n, 1n));
      client.take();
      client.session.restart('127.0.0.1:7100');
      bench.streams.forget();
      for (const [id, lastSeen] of cut) bench.elsewhere.set(id, lastSeen);
      expect(client.take()).to.deep.equal([{ type: 'restart', address: '127.0.0.1:7100' }]);
      expect(client.closed).to.equal(true);
      client.session.closed();
      const next = bench.greeted();
      next.send(notify(1n), notify(2n), message(1n, 5n));
      expect(next.take()).to.deep.equal([granted(1n, 4n), granted(2n, nothingSeen)]);
      expect(bench.delivered).to.deep.equal(['4', '5', '1', '5']);
    });

    it('is told nothing if it has not been let in', () => {
      const client = new Bench(true).client();
      expect(client.session.begun).to.equal(false);
      client.session.restart('127.0.0.1:7100');
      expect(client.take()).to.deep.equal([]);
      expect(client.closed).to.equal(true);
    });
  });
});
