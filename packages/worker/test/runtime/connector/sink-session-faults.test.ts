import {
  connectorMessages,
  encodeConnectorFrame,
  twoPhaseStream,
  unwrapTwoPhase,
  wrapTwoPhase,
  type ConnectorMessage,
  type TwoPhaseMessage,
} from '@wallaroo/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { SinkSession } from '../../../src/runtime/sinks/connector/sink-session.js';

/** The output of the worker, whatever happens to it: message after message. */
const message = (number: number) => `${number} `;
const upTo = (count: number) => Array.from({ length: count }, (_, number) => message(number)).join('');

/** A connection: what one side has sent and the other one has not got yet. */
interface Wire {
  readonly toSink: ConnectorMessage[];
  readonly toWorker: ConnectorMessage[];
  /** The worker sends nothing more; what it has sent arrives. */
  ended: boolean;
}

/** A sink as the protocol has it. What it has promised and committed outlives it; all else goes with the connection. */
class Sink {
  committed = '';
  promised: { readonly transaction: string; readonly bytes: string } | undefined;
  private readonly decided = new Set<string>();
  /** Behind what is committed and promised. */
  private open = '';
  private gap = false;
  /** It has voted no on this connection. */
  private refused = false;
  refuses = false;

  /** A new connection. */
  begin(): void {
    this.open = '';
    this.gap = false;
    this.refused = false;
  }

  take(one: ConnectorMessage): ConnectorMessage[] {
    switch (one.type) {
      case 'hello':
        return [{ type: 'ok', credits: 100 }];
      case 'notify':
        return [{ type: 'notifyAck', success: true, stream: one.stream, pointOfReference: 0n }];
      case 'message':
        if (one.stream === twoPhaseStream) return this.decide(unwrapTwoPhase(one)).map(wrapTwoPhase);
        expect(this.promised, 'output while a transaction is undecided').to.equal(undefined);
        this.gap ||= Number(one.id) !== this.committed.length + this.open.length;
        // Until the worker hears that it has voted no.
        expect(this.gap && !this.refused, `output at ${one.id} leaves a gap`).to.equal(false);
        if (!this.gap) this.open += one.bytes.toString();
        return [];
      default:
        throw new Error(`the worker says ${one.type}`);
    }
  }

  private decide(one: TwoPhaseMessage): TwoPhaseMessage[] {
    switch (one.type) {
      case 'listUncommitted': {
        const transactions = this.promised === undefined ? [] : [this.promised.transaction];
        return [{ type: 'replyUncommitted', request: one.request, transactions }];
      }
      case 'phase1': {
        const { transaction } = one;
        expect(Number(one.ranges[0]!.start)).to.equal(
          this.decided.has(transaction) ? 0 : this.committed.length,
        );
        const commit = this.canPromise(transaction, Number(one.ranges[0]!.end));
        this.refused ||= !commit;
        if (commit && !this.decided.has(transaction)) {
          this.promised ??= { transaction, bytes: this.open };
          this.open = '';
        }
        return [{ type: 'reply', transaction, commit }];
      }
      case 'phase2': {
        const { promised } = this;
        if (promised?.transaction === one.transaction) {
          this.promised = undefined;
          if (!one.commit) return [];
          this.committed += promised.bytes;
          this.decided.add(one.transaction);
        } else if (one.commit) {
          expect([...this.decided], 'a commit of what was never promised').to.include(one.transaction);
        }
        return [];
      }
      default:
        throw new Error(`the worker says ${one.type}`);
    }
  }

  private canPromise(transaction: string, end: number): boolean {
    if (this.decided.has(transaction)) return end === this.committed.length;
    if (this.promised !== undefined) return this.promised.transaction === transaction;
    return !this.refuses && !this.gap && end === this.committed.length + this.open.length;
  }
}

interface Checkpoint {
  readonly checkpoint: number;
  /** How many messages the worker had made. */
  readonly made: number;
  readonly offset: number;
}

/** More than a run has to say at once. */
const messagesMax = 10_000;

const nothingYet: Checkpoint = { checkpoint: 0, made: 0, offset: 0 };

/** A worker, life after life, its cluster, and a sink. */
class World {
  readonly sink = new Sink();
  /** What counts; a worker that has died comes back to it. */
  counted = nothingYet;
  private session = this.newSession();
  private wire: Wire | undefined;
  made = 0;
  private newest = 0;
  /** Of this life: cut, and not known to have failed. */
  private cuts: (Checkpoint & { promised: boolean })[] = [];

  write(): void {
    this.session.write(Buffer.from(message(this.made++)));
  }

  /**
   * A checkpoint is cut, after another one that counts, has failed, or is given up. Whoever has it begun knows what
   * counts: the barrier says so, if nobody has yet.
   */
  cut(): void {
    const checkpoint = ++this.newest;
    const cut = { checkpoint, made: this.made, offset: this.session.offset, promised: false };
    this.cuts.push(cut);
    this.session.prepare(checkpoint, this.counted.checkpoint, (failure) => {
      if (failure === undefined) cut.promised = true;
      else this.cuts = this.cuts.filter((one) => one !== cut);
    });
  }

  /** The newest checkpoint, if all is promised, counts. One that another has followed does not count any more. */
  count(): void {
    const cut = this.cuts.at(-1);
    if (cut?.checkpoint === this.newest && cut.promised) this.counted = cut;
  }

  tell(): void {
    this.session.commit(this.counted.checkpoint);
  }

  connect(): void {
    if (this.wire !== undefined) return;
    this.wire = { toSink: [], toWorker: [], ended: false };
    this.sink.begin();
    this.session.connected();
  }

  lose(): void {
    if (this.wire === undefined) return;
    this.wire = undefined;
    this.session.lost('gone');
  }

  /** The worker dies, and comes back. */
  die(): void {
    this.wire = undefined;
    this.session = this.newSession();
    this.goBack();
  }

  /** All go back, the process stays. */
  goBack(): void {
    this.wire = undefined;
    this.cuts = [];
    this.made = this.counted.made;
    this.session.restore(this.counted.checkpoint, this.counted.offset);
  }

  /** @returns whether there was something on its way */
  toSink(): boolean {
    const { wire } = this;
    const one = wire?.toSink.shift();
    if (one !== undefined) wire!.toWorker.push(...this.sink.take(one));
    else if (wire?.ended) this.lose();
    return one !== undefined;
  }

  toWorker(): boolean {
    const one = this.wire?.toWorker.shift();
    if (one === undefined || this.wire!.ended) return false;
    const frame = encodeConnectorFrame(one);
    this.session.receive(frame, 4, frame.length);
    return true;
  }

  /** All that is on its way arrives, and all that follows. */
  flow(): void {
    for (let messages = 0; this.toSink() || this.toWorker(); messages++)
      if (messages > messagesMax) expect.fail('they have no end to what they say');
  }

  /** Nothing is in the way any more. */
  settle(): void {
    this.sink.refuses = false;
    for (let tries = 0; tries === 0 || this.wire === undefined; tries++) {
      if (tries > 10) expect.fail('no connection lasts');
      this.connect();
      this.flow();
    }
  }

  check(): void {
    const { committed } = this.sink;
    expect(upTo(this.counted.made).startsWith(committed), `committed: ${committed}`).to.equal(true);
  }

  private newSession(): SinkSession {
    return new SinkSession({
      cookie: 'cookie',
      application: 'app',
      worker: 'w1',
      sink: 'out',
      resilience: true,
      send: (frame) => this.wire!.toSink.push(connectorMessages.decode(frame.subarray(4))),
      close: () => (this.wire!.ended = true),
      warn: (text) => expect.fail(text),
    });
  }
}

const acts = {
  write: (world: World) => world.write(),
  cut: (world: World) => world.cut(),
  count: (world: World) => world.count(),
  tell: (world: World) => world.tell(),
  connect: (world: World) => world.connect(),
  lose: (world: World) => world.lose(),
  die: (world: World) => world.die(),
  'go back': (world: World) => world.goBack(),
  'to sink': (world: World) => void world.toSink(),
  'to worker': (world: World) => void world.toWorker(),
  'both ways': (world: World) => world.flow(),
  refuse: ({ sink }: World) => void (sink.refuses = true),
  agree: ({ sink }: World) => void (sink.refuses = false),
} as const;

const anyOf = (weight: number, ...names: readonly (keyof typeof acts)[]) => ({
  weight,
  arbitrary: fc.constantFrom(...names),
});
const step = fc.oneof(
  anyOf(8, 'to sink', 'to worker', 'both ways'),
  anyOf(5, 'write', 'cut', 'count', 'connect'),
  anyOf(2, 'tell', 'lose'),
  anyOf(1, 'die', 'go back', 'refuse', 'agree'),
);

describe('a worker and a connector sink', () => {
  it('commit each message once, and none before it counts, whatever breaks, dies or goes back', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const world = new World();
        world.goBack();
        for (const what of steps) {
          acts[what](world);
          world.check();
        }
        world.settle();
        world.tell();
        world.write();
        // The first may fail: the sink has not got what it had voted against.
        for (let tries = 0; tries < 2 && world.counted.made < world.made; tries++) {
          world.cut();
          world.settle();
          world.count();
          world.tell();
          world.settle();
        }
        expect(world.counted.made).to.equal(world.made);
        expect(world.sink.committed).to.equal(upTo(world.made));
        expect(world.sink.promised).to.equal(undefined);
      }),
      { numRuns: 2000 },
    )).timeout(60_000);
});
