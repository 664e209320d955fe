import { expect } from 'chai';
import fc from 'fast-check';
import {
  application,
  computation,
  computationMulti,
  generatorSource,
  source,
  stateComputation,
  stateComputationMulti,
  stdoutSink,
} from '../../../src/index.js';
import { Engine } from '../../../src/core/engine/engine.js';
import { planApplication } from '../../../src/core/topology/planner.js';
import { drive } from '../../../src/testing.js';

const words = () =>
  source('words', generatorSource({ initialValue: () => '', apply: () => null as string | null }));
const count = stateComputation(
  'count',
  () => ({ count: 0 }),
  (word: string, state) => `${word}=${++state.count}`,
);
const out = () => stdoutSink<string>({ encoder: (text) => `${text}\n` });

describe('the engine', () => {
  it('keeps a state for each key and gives outputs in the order of their inputs', () => {
    const driver = drive(
      application(
        'test',
        words()
          .keyBy((word) => word)
          .to(count)
          .toSink(out()),
      ),
    );
    driver.put('words', 'a', 'b', 'a');
    expect(driver.text()).to.equal('a=1\nb=1\na=2\n');
    expect(driver.state('count', 'a')).to.deep.equal({ count: 2 });
    expect(driver.state('count', 'c')).to.equal(undefined);
    expect(driver.keys('count')).to.deep.equal(['a', 'b']);
  });

  it('agrees with a plain count for any words', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', '', '__proto__', 'constructor', '漢')), (input) => {
        const driver = drive(
          application(
            'test',
            words()
              .keyBy((word) => word)
              .to(count)
              .toSink(out()),
          ),
        );
        driver.put('words', ...input);
        const totals = new Map<string, number>();
        const expected = input.map((word) => {
          totals.set(word, (totals.get(word) ?? 0) + 1);
          return `${word}=${totals.get(word)}`;
        });
        expect(driver.values()).to.deep.equal(expected);
      }),
    ));

  it('drops undefined and null, alone and among several outputs, and nothing else', () => {
    const values = [undefined, null, 0, '', false, NaN];
    const each = computation('each', (i: number) => values[i]);
    const all = computationMulti('all', () => values);
    const numbers = source('numbers', generatorSource({ initialValue: () => 0, apply: (n) => n + 1 }));
    const sink = (name: string) => stdoutSink<unknown>({ name, encoder: () => 'x' });
    const driver = drive(
      application('test', numbers.to(each).toSink(sink('each')), numbers.to(all).toSink(sink('all'))),
    );
    driver.put('numbers', 0, 1, 2, 3, 4, 5);
    expect(driver.values('each')).to.deep.equal([0, '', false, NaN]);
    expect(driver.values('all')).to.have.length(24);
  });

  it('takes several outputs from arrays, sets and generators', () => {
    const kinds = {
      array: (word: string) => [...word],
      set: (word: string) => new Set(word),
      generator: function* (word: string) {
        yield* word;
      },
      nothing: () => undefined,
    };
    for (const [kind, compute] of Object.entries(kinds)) {
      const driver = drive(application('test', words().to(computationMulti(kind, compute)).toSink(out())));
      driver.put('words', 'abc');
      expect(driver.values(), kind).to.deep.equal(kind === 'nothing' ? [] : ['a', 'b', 'c']);
    }
  });

  it('shares one state among all messages behind collect', () => {
    const total = stateComputationMulti(
      'total',
      () => ({ n: 0 }),
      (word: string, state) => [word, String(++state.n)],
    );
    const driver = drive(
      application(
        'test',
        words()
          .keyBy((word) => word)
          .collect()
          .to(total)
          .toSink(out()),
      ),
    );
    driver.put('words', 'a', 'b');
    expect(driver.values()).to.deep.equal(['a', '1', 'b', '2']);
    expect(driver.keys('total')[0]).to.match(/^collect-key-\d+$/);
  });

  it('sends every message to every sink', () => {
    const driver = drive(
      application(
        'test',
        words().toSinks([
          stdoutSink({ name: 'one', encoder: (w) => w }),
          stdoutSink({ name: 'two', encoder: (w) => Buffer.from(w) }),
        ]),
      ),
    );
    driver.put('words', 'a', 'b');
    expect(driver.text('one')).to.equal('ab');
    expect(driver.text('two')).to.equal('ab');
  });

  it('writes once per turn, and earlier only when a batch is full', () => {
    const batches: number[] = [];
    const engine = new Engine(planApplication(application('test', words().toSink(out()))), {
      worker: 'w',
      clock: { now: () => 0 },
      log: { write: () => undefined },
      output: () => ({ write: (bytes) => batches.push(bytes.length) > 0 }),
      turnOpened: () => undefined,
    });
    const inlet = engine.inlets.get('words')!;
    for (let i = 0; i < 1000; i++) inlet.push('word');
    expect(batches).to.deep.equal([]);
    engine.endTurn();
    expect(batches).to.deep.equal([5000]);
    inlet.push('x'.repeat(100_000));
    expect(batches).to.deep.equal([5000, 100_001]);
    engine.endTurn();
    expect(batches).to.have.length(2);
  });

  it('keeps the order of an encoder that returns text for some messages and bytes for others', () => {
    const mixed = stdoutSink<string>({ encoder: (word) => (word.length > 1 ? Buffer.from(word) : word) });
    const written: string[] = [];
    const engine = new Engine(planApplication(application('test', words().toSink(mixed))), {
      worker: 'w',
      clock: { now: () => 0 },
      log: { write: () => undefined },
      output: () => ({ write: (bytes) => written.push(bytes.toString()) > 0 }),
      turnOpened: () => undefined,
    });
    for (const word of ['a', 'bb', 'c', '', 'dd', 'e']) engine.inlets.get('words')!.push(word);
    engine.endTurn();
    expect(written).to.deep.equal(['abbcdde']);
  });

  it('never overwrites a batch that the sink still holds', () => {
    const held: Buffer[] = [];
    const engine = new Engine(planApplication(application('test', words().toSink(out()))), {
      worker: 'w',
      clock: { now: () => 0 },
      log: { write: () => undefined },
      output: () => ({
        write: (bytes) => {
          held.push(bytes);
          return held.length % 2 === 0;
        },
      }),
      turnOpened: () => undefined,
    });
    const inlet = engine.inlets.get('words')!;
    for (const word of ['a', 'b', 'c']) {
      inlet.push(word);
      engine.endTurn();
    }
    expect(held[0]!.toString()).to.equal('a\n');
    expect(held[2]!.toString()).to.equal('c\n');
  });
});

describe('the meters', () => {
  it('do not time what came before somebody listened', () => {
    const engine = new Engine(planApplication(application('test', words().toSink(out()))), {
      worker: 'w1',
      clock: { now: () => 5 },
      log: { write: () => undefined },
      output: () => ({ write: () => true }),
      turnOpened: () => undefined,
    });
    const inlet = engine.inlets.get('words')!;
    for (let i = 0; i < 1000; i++) inlet.push('a');
    engine.endTurn();
    for (const meter of engine.meters) meter.startPeriod();
    engine.timed = true;
    inlet.push('a');
    engine.endTurn();
    for (const meter of engine.meters) meter.settle();
    const passed = engine.meters.find(({ category }) => category === 'start-to-end')!;
    expect(passed.histogram.bins.reduce((a, b) => a + b)).to.equal(1);
  });

  it('count every message exactly and time some', () => {
    let now = 1;
    let turns = 0;
    const split = computationMulti('split', (word: string) => [...word]);
    const engine = new Engine(
      planApplication(
        application(
          'test',
          words()
            .to(split)
            .keyBy((c) => c)
            .to(count)
            .toSink(out()),
        ),
      ),
      {
        worker: 'w1',
        clock: { now: () => (now += 1000) },
        log: { write: () => undefined },
        output: () => ({ write: () => true }),
        turnOpened: () => turns++,
      },
    );
    engine.timed = true;
    const inlet = engine.inlets.get('words')!;
    for (let turn = 0; turn < 10; turn++) {
      for (let i = 0; i < 100; i++) inlet.push('abc');
      engine.endTurn();
    }
    for (const meter of engine.meters) meter.settle();
    expect(turns).to.equal(10);
    const sums = Object.fromEntries(
      engine.meters.map(({ category, name, histogram }) => [
        `${category} ${name}`,
        histogram.bins.reduce((a, b) => a + b),
      ]),
    );
    expect(sums).to.deep.equal({
      'computation Decode Time in generator Source': 0,
      'computation split': 1000,
      'computation count': 3000,
      'pipeline-ingestion words source': 1000,
      'start-to-end words': 1000,
      'node-ingress-egress w1': 1000,
    });
    const histogram = engine.meters.find(({ name }) => name === 'count')!.histogram;
    expect([histogram.min, histogram.max]).to.deep.equal([1000, 1000]);
  });
});
