import {
  connectorMessages,
  encodeConnectorFrame,
  unwrapTwoPhase,
  wrapTwoPhase,
  type ConnectorMessage,
  type TwoPhaseMessage,
} from '@wallaroo/protocol';
import { expect } from 'chai';
import { SinkSession } from '../../../src/runtime/sinks/connector/sink-session.js';

const name = 'app-w-w1-id-out';
const id = (checkpoint: number) => `${name}:c_id=${checkpoint}`;

/** A worker's side of a connector sink, whose every connection, frame and checkpoint the test decides. */
class Bench {
  private got: string[] = [];
  open = false;
  readonly session: SinkSession;

  constructor(resilience = true) {
    this.session = new SinkSession({
      cookie: 'cookie',
      application: 'app',
      worker: 'w1',
      sink: 'out',
      resilience,
      send: (frame) => {
        expect(this.open, 'nothing is sent on a closed connection').to.equal(true);
        this.got.push(textOf(connectorMessages.decode(frame.subarray(4))));
      },
      close: () => (this.open = false),
      warn: () => undefined,
    });
  }

  /** One to which the sink has promised a first checkpoint, with one message. */
  static promised(): Bench {
    const bench = new Bench();
    bench.introduce();
    bench.write('one');
    bench.prepare(1);
    bench.vote(1, true);
    return bench;
  }

  /** What was sent since the last time. */
  take(): string[] {
    return this.got.splice(0);
  }

  connect(): void {
    this.open = true;
    this.session.connected();
  }

  /** Connects, introduces the sink, and takes what was sent after that. */
  introduce(...undecided: readonly number[]): string[] {
    this.connect();
    this.take();
    this.say(ok(), notifyAck());
    this.reply({ type: 'replyUncommitted', request: 1n, transactions: undecided.map(id) });
    return this.take();
  }

  lose(): void {
    this.open = false;
    this.session.lost('gone');
  }

  say(...messages: readonly ConnectorMessage[]): void {
    for (const message of messages) {
      const frame = encodeConnectorFrame(message);
      this.session.receive(frame, 4, frame.length);
    }
  }

  reply(message: TwoPhaseMessage): void {
    this.say(wrapTwoPhase(message));
  }

  vote(checkpoint: number, commit: boolean): void {
    this.reply({ type: 'reply', transaction: id(checkpoint), commit });
  }

  write(text: string): void {
    this.session.write(Buffer.from(text));
  }

  /** Asks, and keeps what comes of it. */
  prepare(checkpoint: number, counted = 0): string[] {
    const results: string[] = [];
    this.session.prepare(checkpoint, counted, (failure) => results.push(failure ?? 'prepared'));
    return results;
  }
}

const ok = (credits = 500): ConnectorMessage => ({ type: 'ok', credits });
const notifyAck = (success = true): ConnectorMessage => ({
  type: 'notifyAck',
  success,
  stream: 1n,
  pointOfReference: 0n,
});

/** The messages of a worker, short. */
function textOf(message: ConnectorMessage): string {
  switch (message.type) {
    case 'hello':
      return `hello ${message.version} ${message.cookie} ${message.program} ${message.instance}`;
    case 'notify':
      return `notify ${message.stream} ${message.name} ${message.pointOfReference}`;
    case 'error':
      return `error ${message.text}`;
    case 'message':
      return message.stream === 0n
        ? twoPhaseText(unwrapTwoPhase(message))
        : `output ${message.stream} ${message.id} '${message.bytes.toString()}' key '${message.key.toString()}' time ${message.eventTime}`;
    default:
      return message.type;
  }
}

function twoPhaseText(message: TwoPhaseMessage): string {
  switch (message.type) {
    case 'listUncommitted':
      return `list ${message.request}`;
    case 'phase1': {
      const ranges = message.ranges.map(({ stream, start, end }) => `${stream}: ${start} to ${end}`);
      return `phase1 ${message.transaction.replace(name, 'N')} ${ranges.join()}`;
    }
    case 'phase2':
      return `phase2 ${message.transaction.replace(name, 'N')} ${message.commit}`;
    case 'workersLeft':
      return `workersLeft ${message.request} ${message.workers.join()}`;
    default:
      return message.type;
  }
}

const output = (offset: number, text: string) => `output 1 ${offset} '${text}' key '' time 0`;
const phase1 = (checkpoint: number, start: number, end: number) =>
  `phase1 N:c_id=${checkpoint} 1: ${start} to ${end}`;
const phase2 = (checkpoint: number, commit: boolean) => `phase2 N:c_id=${checkpoint} ${commit}`;

describe('a worker and its connector sink', () => {
  describe('are introduced', () => {
    it('by three messages at once, numbered by connection', () => {
      const bench = new Bench();
      bench.connect();
      const start = ['hello v0.0.1 cookie app w1', `notify 1 ${name} 0`];
      expect(bench.take()).to.deep.equal([...start, 'list 77778']);
      bench.lose();
      bench.connect();
      expect(bench.take()).to.deep.equal([...start, 'list 77779']);
    });

    it('before output goes out', () => {
      const bench = new Bench();
      bench.write('early ');
      bench.connect();
      bench.take();
      bench.say(ok(2), notifyAck());
      bench.write('output');
      expect(bench.take()).to.deep.equal([]);
      bench.reply({ type: 'replyUncommitted', request: 77778n, transactions: [] });
      expect(bench.take()).to.deep.equal([output(0, 'early '), output(6, 'output')]);
      bench.write('!');
      expect(bench.take()).to.deep.equal([output(12, '!')]);
    });

    for (const [what, answers, error] of [
      ['too few credits', [ok(1)], 'HEY, too few credits: 1'],
      ['no stream', [ok(), notifyAck(false)], 'Got NotifyAck success=false'],
      ['NotifyAck before Ok', [notifyAck()], 'Invalid message: notifyAck'],
      ['Ok twice', [ok(), ok()], 'Invalid message: ok'],
      [
        'a vote nobody asked for',
        [ok(), notifyAck(), wrapTwoPhase({ type: 'reply', transaction: id(1), commit: true })],
        'Invalid message: reply',
      ],
    ] as const) {
      it(`but not with ${what}`, () => {
        const bench = new Bench();
        bench.connect();
        bench.take();
        bench.say(...answers);
        expect(bench.take()).to.deep.equal([`error ${error}`]);
        expect(bench.open).to.equal(false);
      });
    }
  });

  describe('part when the sink sends', () => {
    const message: ConnectorMessage = {
      type: 'message',
      stream: 1n,
      id: 0n,
      eventTime: 0n,
      key: Buffer.alloc(0),
      bytes: Buffer.alloc(0),
    };
    for (const [sent, error] of [
      [{ type: 'hello', version: 'v0.0.1', cookie: '', program: '', instance: '' }, 'Invalid message: hello'],
      [{ type: 'notify', stream: 1n, name: 'n', pointOfReference: 0n }, 'Invalid message: notify'],
      [{ type: 'ack', credits: 1, positions: [] }, 'Invalid message: ack'],
      [{ type: 'eos', stream: 1n }, 'Invalid message: eos'],
      [{ type: 'error', text: 'why' }, 'Received ERROR msg: why'],
      [message, 'Bad stream_id 1'],
      [{ ...message, stream: 0n }, 'Unable to decode message'],
      [wrapTwoPhase({ type: 'phase2', transaction: id(1), commit: true }), 'Invalid message: phase2'],
    ] as const) {
      it(`${sent.type}: ${error}`, () => {
        const bench = new Bench();
        bench.introduce();
        bench.say(sent);
        expect(bench.take()).to.deep.equal([`error ${error}`]);
        expect(bench.open).to.equal(false);
      });
    }

    it('Restart, without a word', () => {
      const bench = new Bench();
      bench.introduce();
      bench.say({ type: 'restart', address: '' });
      expect(bench.take()).to.deep.equal([]);
      expect(bench.open).to.equal(false);
    });

    it('bytes that are no message', () => {
      const bench = new Bench();
      bench.introduce();
      bench.session.receive(Buffer.from([42]), 0, 1);
      expect(bench.take()).to.deep.equal(['error Unable to decode message']);
    });
  });

  describe('at a checkpoint', () => {
    it('agree on all output so far; nothing goes out until it counts', () => {
      const bench = new Bench();
      bench.introduce();
      bench.write('one ');
      const results = bench.prepare(1);
      bench.write('two ');
      expect(bench.take()).to.deep.equal([output(0, 'one '), phase1(1, 0, 4)]);
      expect(results).to.deep.equal([]);
      bench.vote(1, true);
      expect(results).to.deep.equal(['prepared']);
      bench.write('three');
      expect(bench.take()).to.deep.equal([]);
      bench.session.commit(1);
      expect(bench.take()).to.deep.equal([phase2(1, true), output(4, 'two '), output(8, 'three')]);
      bench.prepare(2, 1);
      expect(bench.take()).to.deep.equal([phase1(2, 4, 13)]);
    });

    it('agree also on nothing', () => {
      const bench = new Bench();
      bench.introduce();
      const results = bench.prepare(5);
      bench.vote(5, true);
      bench.session.commit(5);
      expect(bench.take()).to.deep.equal([phase1(5, 0, 0), phase2(5, true)]);
      expect(results).to.deep.equal(['prepared']);
    });

    it('need not be connected as long as there was no output at all', () => {
      const bench = new Bench();
      expect(bench.prepare(1)).to.deep.equal(['prepared']);
      bench.session.commit(1);
      bench.write('x');
      expect(bench.prepare(2, 1)).to.deep.equal(['the sink is not connected']);
      expect(bench.introduce()).to.deep.equal([output(0, 'x')]);
    });

    it('first finish the one before, if a barrier comes ahead of the word that it counts', () => {
      const bench = Bench.promised();
      bench.write('two');
      bench.take();
      bench.prepare(2, 1);
      expect(bench.take()).to.deep.equal([phase2(1, true), output(3, 'two'), phase1(2, 3, 6)]);
      bench.session.commit(1);
      expect(bench.take(), 'it is committed once').to.deep.equal([]);
    });

    for (const voted of [true, false]) {
      it(`abort one that was given up ${voted ? 'after' : 'before'} the vote, and send its output again`, () => {
        const bench = new Bench();
        bench.introduce();
        bench.write('one');
        const first = bench.prepare(1);
        if (voted) bench.vote(1, true);
        bench.write('two');
        bench.take();
        const second = bench.prepare(2, 0);
        expect(bench.take()).to.deep.equal([
          phase2(1, false),
          output(0, 'one'),
          output(3, 'two'),
          phase1(2, 0, 6),
        ]);
        // The answer to the first question, on its way when it was given up.
        if (!voted) bench.vote(1, true);
        expect(second).to.deep.equal([]);
        bench.vote(2, true);
        expect([first, second]).to.deep.equal([['prepared'], ['prepared']]);
        bench.session.commit(2);
        expect(bench.take()).to.deep.equal([phase2(2, true)]);
      });
    }

    it('part when the sink votes no; the output is sent again on the next connection', () => {
      const bench = new Bench();
      bench.introduce();
      bench.write('one');
      const results = bench.prepare(1);
      bench.take();
      bench.vote(1, false);
      expect(bench.take()).to.deep.equal([phase2(1, false)]);
      expect(results).to.deep.equal(['the sink voted against it']);
      expect(bench.open).to.equal(false);
      expect(bench.introduce()).to.deep.equal([output(0, 'one')]);
      const again = bench.prepare(2);
      bench.vote(2, true);
      expect(again).to.deep.equal(['prepared']);
    });
  });

  describe('when the connection is lost', () => {
    it('send again what is not committed', () => {
      const bench = Bench.promised();
      bench.session.commit(1);
      bench.write('two');
      bench.lose();
      bench.write('three');
      expect(bench.prepare(2, 1)).to.deep.equal(['the sink is not connected']);
      bench.connect();
      bench.lose();
      expect(bench.introduce()).to.deep.equal([output(3, 'two'), output(6, 'three')]);
    });

    it('before the vote, give up the checkpoint', () => {
      const bench = new Bench();
      bench.introduce();
      bench.write('one');
      const results = bench.prepare(1);
      bench.lose();
      expect(results).to.deep.equal(['gone']);
      // The sink had promised, and its answer was lost.
      expect(bench.introduce(1)).to.deep.equal([phase2(1, false), output(0, 'one')]);
    });

    it('after the vote, wait for what becomes of it', () => {
      const bench = Bench.promised();
      bench.write('two');
      bench.lose();
      bench.take();
      bench.connect();
      expect(bench.take()[1]).to.equal(`notify 1 ${name} 3`);
      bench.say(ok(), notifyAck());
      bench.reply({ type: 'replyUncommitted', request: 1n, transactions: [id(1)] });
      expect(bench.take()).to.deep.equal([]);
      bench.session.commit(1);
      expect(bench.take()).to.deep.equal([phase2(1, true), output(3, 'two')]);
    });

    it('after the vote, and it counts meanwhile', () => {
      const bench = Bench.promised();
      bench.lose();
      bench.session.commit(1);
      bench.write('two');
      expect(bench.introduce(1)).to.deep.equal([phase2(1, true), output(3, 'two')]);
    });

    it('after the vote, and it is given up meanwhile', () => {
      const bench = Bench.promised();
      bench.lose();
      expect(bench.prepare(2, 0)).to.deep.equal(['the sink is not connected']);
      expect(bench.introduce(1)).to.deep.equal([phase2(1, false), output(0, 'one')]);
    });

    it('after the vote, ask again if the sink does not remember', () => {
      const bench = Bench.promised();
      bench.write('two');
      bench.lose();
      expect(bench.introduce()).to.deep.equal([output(0, 'one'), phase1(1, 0, 3)]);
      bench.vote(1, true);
      bench.session.commit(1);
      expect(bench.take()).to.deep.equal([phase2(1, true), output(3, 'two')]);
    });
  });

  describe('when everything goes back', () => {
    it('go on behind the checkpoint: it is committed, and later ones are not', () => {
      for (const [undecided, decision] of [
        [[], []],
        [[7], [phase2(7, true)]],
        [[8], [phase2(8, false)]],
        [
          [7, 8],
          [phase2(7, true), phase2(8, false)],
        ],
      ] as const) {
        const bench = new Bench();
        bench.introduce();
        bench.write('what was made since');
        bench.prepare(8);
        bench.open = false;
        bench.session.restore(7, 100);
        expect(bench.session.offset).to.equal(100);
        bench.connect();
        expect(bench.take().at(-2)).to.equal(`notify 1 ${name} 100`);
        bench.say(ok(), notifyAck());
        bench.reply({ type: 'replyUncommitted', request: 1n, transactions: undecided.map(id) });
        expect(bench.take()).to.deep.equal(decision);
        bench.write('new');
        expect(bench.take()).to.deep.equal([output(100, 'new')]);
        bench.prepare(9, 7);
        expect(bench.take()).to.deep.equal([phase1(9, 100, 103)]);
      }
    });

    it('tell nobody of questions of before', () => {
      const bench = new Bench();
      bench.introduce();
      bench.write('x');
      const results = bench.prepare(8);
      bench.session.restore(7, 100);
      bench.introduce(8);
      bench.vote(8, true);
      expect(results).to.deep.equal([]);
    });
  });

  describe('at the end', () => {
    it('commit all', () => {
      const bench = new Bench();
      bench.introduce();
      bench.write('one');
      bench.prepare(4);
      bench.vote(4, true);
      bench.write('two');
      bench.take();
      let done = false;
      bench.session.finish(() => (done = true));
      expect(bench.take()).to.deep.equal([phase2(4, true), output(3, 'two'), phase1(5, 3, 6)]);
      expect([done, bench.session.keptBytes]).to.deep.equal([false, 3]);
      bench.vote(5, true);
      expect(bench.take()).to.deep.equal([phase2(5, true)]);
      expect([done, bench.session.keptBytes]).to.deep.equal([true, 0]);
    });

    it('commit all when they are connected again', () => {
      const bench = new Bench();
      bench.introduce();
      bench.write('one');
      bench.prepare(4);
      bench.lose();
      let done = false;
      bench.session.finish(() => (done = true));
      expect(bench.introduce(4)).to.deep.equal([phase2(4, false), output(0, 'one'), phase1(5, 0, 3)]);
      bench.lose();
      expect(bench.introduce()).to.deep.equal([output(0, 'one'), phase1(6, 0, 3)]);
      bench.vote(6, true);
      expect([done, bench.take()]).to.deep.equal([true, [phase2(6, true)]]);
    });

    it('have nothing to do when there is nothing', () => {
      let done = false;
      new Bench().session.finish(() => (done = true));
      expect(done).to.equal(true);
    });
  });

  it('the sink hears who has left the cluster, once it is there', () => {
    const bench = new Bench();
    bench.session.workersLeft(['w2', 'w3']);
    expect(bench.introduce()).to.deep.equal(['workersLeft 7 w2,w3']);
    bench.session.workersLeft(['w4']);
    expect(bench.take()).to.deep.equal(['workersLeft 7 w4']);
    bench.lose();
    expect(bench.introduce()).to.deep.equal([]);
  });

  it('without resilience only send: what was given to a connection that broke is not sent again', () => {
    const bench = new Bench(false);
    bench.write('one');
    expect(bench.session.waitingBytes).to.equal(3);
    expect(bench.introduce()).to.deep.equal([output(0, 'one')]);
    expect(bench.session.waitingBytes).to.equal(0);
    bench.write('two');
    bench.lose();
    bench.write('three');
    expect(bench.session.keptBytes).to.equal(5);
    bench.connect();
    bench.lose();
    let done = false;
    bench.session.finish(() => (done = true));
    expect(done).to.equal(false);
    expect(bench.introduce()).to.deep.equal([output(6, 'three')]);
    expect(done).to.equal(true);
  });
});
