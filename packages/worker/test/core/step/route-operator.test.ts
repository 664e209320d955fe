import { expect } from 'chai';
import fc from 'fast-check';
import {
  application,
  computation,
  generatorSource,
  source,
  stateComputation,
  stdoutSink,
  type Application,
  type ApplicationOptions,
} from '../../../src/index.js';
import { InvalidBatchError } from '../../../src/core/codec/message-decoder.js';
import { Engine } from '../../../src/core/engine/engine.js';
import { InvariantError } from '../../../src/core/invariant.js';
import { frameHeaderBytes } from '../../../src/core/link/frame.js';
import { OutgoingBatch } from '../../../src/core/link/outgoing-batch.js';
import { slotOf } from '../../../src/core/slots/hash.js';
import { dealSlots } from '../../../src/core/slots/table.js';
import { UserCodeError } from '../../../src/core/step/user-code.js';
import type { StageId } from '../../../src/core/topology/plan.js';
import { planApplication } from '../../../src/core/topology/planner.js';

const slots = 8;
const none: ReadonlySet<number> = new Set();

interface Worker {
  readonly engine: Engine;
  readonly log: string[];
  /** What its sinks have got, line by line. */
  readonly lines: () => string[];
  /** Frames for each other worker that nobody has received. */
  readonly outgoing: Buffer[][];
}

/** Workers whose frames a test carries from one to another. */
class Cluster {
  readonly workers: readonly Worker[];

  constructor(
    readonly app: Application,
    count: number,
    readonly owners = dealSlots(slots, count),
  ) {
    this.workers = Array.from({ length: count }, (_, here) => this.worker(here, count));
  }

  push(worker: number, message: unknown): void {
    const { engine } = this.workers[worker]!;
    engine.inlets.get('words')!.push(message);
    engine.endTurn();
  }

  /** Carries frames until none is left. @returns how many there were */
  carry(): number {
    let carried = 0;
    for (let any = true; any;) {
      any = false;
      for (const { outgoing } of this.workers) {
        outgoing.forEach((frames, to) => {
          for (const frame of frames.splice(0)) {
            any = true;
            carried++;
            const { engine } = this.workers[to]!;
            expect(engine.receiveBatch(frame, frameHeaderBytes, frame.length)).to.equal(true);
            engine.endTurn();
          }
        });
      }
    }
    return carried;
  }

  private worker(here: number, count: number): Worker {
    const written: Buffer[] = [];
    const log: string[] = [];
    const engine = new Engine(planApplication(this.app), {
      worker: `w${here}`,
      clock: { now: () => 0 },
      log: { write: (_severity, _category, text) => void log.push(text) },
      output: () => ({ write: (bytes) => written.push(Buffer.from(bytes)) > 0 }),
      turnOpened: () => undefined,
    });
    const outgoing: Buffer[][] = Array.from({ length: count }, () => []);
    const batches = outgoing.map((frames, to) =>
      to === here ? undefined : new OutgoingBatch(engine.newEncoder(), (frame) => void frames.push(frame)),
    );
    engine.routing.assign(this.owners, here, batches);
    const lines = () => Buffer.concat(written).toString().split('\n').slice(0, -1);
    return { engine, log, lines, outgoing };
  }
}

const words = () =>
  source('words', generatorSource<unknown>({ initialValue: () => '', apply: () => null as unknown }));
const count = () =>
  stateComputation(
    'count',
    () => ({ count: 0 }),
    (word: unknown, state) => `${String(word)}=${++state.count}`,
  );
const out = (name = 'out') => stdoutSink<unknown>({ name, encoder: (text) => `${String(text)}\n` });

const counting = (options: Partial<ApplicationOptions> = {}) =>
  application({ name: 'test', slots, ...options }, words().keyBy(String).to(count()).toSink(out()));

/** A word whose slot belongs to this worker of two. */
function wordOf(worker: number, number = 0): string {
  for (let i = 0, found = 0; ; i++) {
    if (slotOf(`${i}`, slots) % 2 === worker && found++ === number) return `${i}`;
  }
}

describe('messages that are partitioned between workers', () => {
  it('are processed where their key lives, in the order in which one worker sent them', () => {
    const word = fc.constantFrom('a', 'b', 'c', 'd', '', '__proto__', '漢');
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ worker: fc.nat(2), word }) },
      { weight: 1, arbitrary: fc.constant('carry' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const cluster = new Cluster(counting(), 3);
        const totals = new Map<string, number>();
        for (const one of steps) {
          if (one === 'carry') cluster.carry();
          else {
            cluster.push(one.worker, one.word);
            totals.set(one.word, (totals.get(one.word) ?? 0) + 1);
          }
        }
        cluster.carry();
        for (const [name, total] of totals) {
          const owner = cluster.workers[cluster.owners[slotOf(name, slots)]!]!;
          const lines = owner.lines().filter((line) => line.startsWith(`${name}=`));
          expect(lines).to.deep.equal(Array.from({ length: total }, (_, i) => `${name}=${i + 1}`));
          for (const worker of cluster.workers) {
            const state = worker.engine.stores.get('count' as StageId)!.peek(name);
            expect(state).to.deep.equal(worker === owner ? { count: total } : undefined);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('never leave a worker that owns every slot', () => {
    const cluster = new Cluster(counting(), 2, Array<number>(slots).fill(0));
    for (let i = 0; i < 50; i++) cluster.push(0, `${i}`);
    expect(cluster.carry()).to.equal(0);
    expect(cluster.workers[0]!.lines()).to.have.length(50);
  });

  it('are gathered: one frame for a turn, not for a message', () => {
    const cluster = new Cluster(counting(), 2);
    const { engine } = cluster.workers[0]!;
    for (let i = 0; i < 100; i++) engine.inlets.get('words')!.push(wordOf(1));
    engine.endTurn();
    expect(cluster.carry()).to.equal(1);
    expect(cluster.workers[1]!.lines()).to.have.length(100);
  });

  it('enter behind the keyBy that they have passed, with their key, and are partitioned again', () => {
    const mark = (name: string) => computation(name, (text: unknown) => `${String(text)} ${name}`);
    const app = application(
      { name: 'test', slots },
      words()
        .to(mark('before'))
        .keyBy((text) => String(text).split(' ')[0]!)
        .to(mark('between'))
        .keyBy((text) => `${slots - Number(String(text).split(' ')[0]!)}`)
        .to(mark('behind'))
        .toSink(out()),
    );
    const cluster = new Cluster(app, 2);
    const sent = Array.from({ length: slots }, (_, i) => `${i}`);
    for (const word of sent) cluster.push(0, word);
    expect(cluster.carry()).to.be.greaterThan(1);
    const got = cluster.workers.flatMap((worker) => worker.lines());
    expect(got).to.have.members(sent.map((word) => `${word} before between behind`));
    const finalKey = (line: string) => `${slots - Number(line.split(' ')[0]!)}`;
    cluster.workers.forEach((worker, here) => {
      for (const line of worker.lines()) expect(slotOf(finalKey(line), slots) % 2).to.equal(here);
    });
  });

  it('reach every reader behind the place where they enter', () => {
    const shared = words().keyBy(String);
    const app = application(
      { name: 'test', slots },
      shared.to(computation('first', (text: unknown) => `${String(text)} first`)).toSink(out('one')),
      shared.to(computation('second', (text: unknown) => `${String(text)} second`)).toSink(out('two')),
    );
    const cluster = new Cluster(app, 2);
    cluster.push(0, wordOf(1));
    cluster.carry();
    expect(cluster.workers[1]!.lines()).to.have.members([`${wordOf(1)} first`, `${wordOf(1)} second`]);
  });

  it('come together from all workers behind collect', () => {
    const app = application({ name: 'test', slots }, words().collect().to(count()).toSink(out()));
    const cluster = new Cluster(app, 2);
    for (const worker of [0, 1, 0, 1]) cluster.push(worker, 'x');
    cluster.carry();
    const lines = cluster.workers.map((worker) => worker.lines());
    expect(lines.filter((all) => all.length > 0)).to.deep.equal([['x=1', 'x=2', 'x=3', 'x=4']]);
  });

  it('that cannot be written stop the worker, with the place and the message', () => {
    const cluster = new Cluster(counting(), 2);
    const message = Object.assign(() => 1, { toString: () => wordOf(1) });
    expect(() => cluster.push(0, message)).to.throw(
      UserCodeError,
      /Pipeline 'words': message behind 'keyBy after words', key '\d+', failed on .*: TypeError: a function cannot leave/,
    );
  });

  it('that cannot be written are skipped where the application says so, and harm no other', () => {
    const cluster = new Cluster(counting({ onError: 'skip' }), 2);
    const bad = Object.assign(() => 1, { toString: () => wordOf(1) });
    const local = Object.assign(() => 1, { toString: () => wordOf(0) });
    for (const message of [wordOf(1), bad, wordOf(1), local]) cluster.push(0, message);
    cluster.carry();
    expect(cluster.workers[1]!.lines()).to.deep.equal([`${wordOf(1)}=1`, `${wordOf(1)}=2`]);
    expect(cluster.workers[0]!.lines()).to.deep.equal([`${wordOf(0)}=1`]);
    expect(cluster.workers[0]!.engine.skipped).to.equal(1);
  });

  it('may fail on the worker that they come to, whose error names their pipeline', () => {
    const app = application(
      { name: 'test', slots },
      words()
        .keyBy(String)
        .to(
          computation('fails', () => {
            throw new Error('not this one');
          }),
        )
        .toSink(out()),
    );
    const cluster = new Cluster(app, 2);
    cluster.push(0, wordOf(1));
    expect(() => cluster.carry()).to.throw(UserCodeError, /Pipeline 'words': computation 'fails', key '\d+'/);
  });

  it('are refused when the plan partitions nothing where they would enter', () => {
    const cluster = new Cluster(counting(), 2);
    const { engine } = cluster.workers[0]!;
    expect(() => engine.enter(0, 'k', 'word')).to.throw(InvalidBatchError, 'partitions nothing at stage 0');
    expect(() => engine.enter(99, 'k', 'word')).to.throw(InvalidBatchError);
  });
});

describe('messages for slots on their way', () => {
  const held = (worker: Worker, awaited: readonly number[]) => {
    const kept: [key: string, message: unknown][] = [];
    worker.engine.routing.expect(new Set(awaited), (_target, key, message) => kept.push([key, message]));
    return kept;
  };

  it('are held by the worker that awaits them, whether they are made there or come to it', () => {
    const cluster = new Cluster(counting(), 2);
    const [giver, taker] = [cluster.workers[0]!, cluster.workers[1]!];
    const moving = wordOf(0);
    const slot = slotOf(moving, slots);
    const owners = cluster.owners.map((owner, i) => (i === slot ? 1 : owner));
    taker.engine.routing.moving(owners, none);
    const kept = held(taker, [slot]);
    giver.engine.routing.moving(owners, new Set([slot]));
    cluster.push(1, moving);
    cluster.push(0, moving);
    const [frame] = giver.outgoing[1]!.splice(0);
    expect(taker.engine.receiveBatch(frame!, frameHeaderBytes, frame!.length)).to.equal(false);
    expect(kept).to.deep.equal([
      [moving, moving],
      [moving, moving],
    ]);
    expect(taker.lines()).to.deep.equal([]);
  });

  it('go to the new owner though their key still has state here', () => {
    const cluster = new Cluster(counting(), 2);
    const moving = wordOf(0);
    cluster.push(0, moving);
    const owners = cluster.owners.map((owner, i) => (i === slotOf(moving, slots) ? 1 : owner));
    for (const { engine } of cluster.workers) engine.routing.moving(owners, none);
    cluster.push(0, moving);
    cluster.carry();
    expect(cluster.workers.map((worker) => worker.lines())).to.deep.equal([[`${moving}=1`], [`${moving}=1`]]);
  });

  it('are processed by their new owner once the slots have moved', () => {
    const cluster = new Cluster(counting(), 2);
    const moving = wordOf(0);
    const owners = cluster.owners.map((owner, i) => (i === slotOf(moving, slots) ? 1 : owner));
    for (const { engine } of cluster.workers) {
      engine.routing.moving(owners, none);
      engine.routing.moved(owners);
    }
    cluster.push(0, moving);
    cluster.push(1, moving);
    cluster.carry();
    expect(cluster.workers.map((worker) => worker.lines())).to.deep.equal([
      [],
      [`${moving}=1`, `${moving}=2`],
    ]);
  });

  it('hold up no message for another slot', () => {
    const cluster = new Cluster(counting(), 2);
    const taker = cluster.workers[1]!;
    const slot = slotOf(wordOf(0), slots);
    taker.engine.routing.moving(
      cluster.owners.map((owner, i) => (i === slot ? 1 : owner)),
      none,
    );
    const kept = held(taker, [slot]);
    cluster.push(1, wordOf(1));
    expect([kept.length, taker.lines()]).to.deep.equal([0, [`${wordOf(1)}=1`]]);
  });

  it('are still processed by the worker that gives them up, until they are gone', () => {
    const cluster = new Cluster(counting(), 2);
    const giver = cluster.workers[0]!;
    const moving = wordOf(0);
    const slot = slotOf(moving, slots);
    cluster.push(1, moving);
    cluster.push(1, moving);
    const [frame] = cluster.workers[1]!.outgoing[0]!;
    const owners = cluster.owners.map((owner, i) => (i === slot ? 1 : owner));
    giver.engine.routing.moving(owners, new Set([slot]));
    expect(giver.engine.receiveBatch(frame!, frameHeaderBytes, frame!.length)).to.equal(true);
    giver.engine.endTurn();
    expect(giver.lines()).to.deep.equal([`${moving}=1`]);
    giver.engine.routing.gave();
    const late = cluster.workers[1]!.outgoing[0]![1]!;
    expect(() => giver.engine.receiveBatch(late, frameHeaderBytes, late.length)).to.throw(
      InvariantError,
      'only while it owns its slot',
    );
  });
});
