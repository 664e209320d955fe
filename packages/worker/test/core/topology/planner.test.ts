import { expect } from 'chai';
import {
  application,
  computation,
  generatorSource,
  source,
  stateComputation,
  stdoutSink,
  type ClosedPipeline,
} from '../../../src/index.js';
import { explainMermaid, explainText } from '../../../src/core/topology/explain.js';
import { planApplication } from '../../../src/core/topology/planner.js';

const numbers = (name = 'numbers') =>
  source(name, generatorSource({ initialValue: () => 1, apply: (n) => n + 1 }));
const add = computation('add', (n: number) => n + 1);
const double = computation('double', (n: number) => n * 2);
const sum = stateComputation(
  'sum',
  () => ({ total: 0 }),
  (n: number, state) => (state.total += n),
);
const most = stateComputation(
  'most',
  () => ({ most: 0 }),
  (n: number, state) => (state.most = Math.max(n, state.most)),
);
const print = () => stdoutSink<number>({ encoder: (n) => `${n}\n` });

const stepsOf = (...pipelines: ClosedPipeline[]) =>
  planApplication(application('test', ...pipelines)).steps.map(({ stages }) => stages.join(' | '));

describe('the planner', () => {
  it('coalesces computations that need no partitioning into the step of their source', () => {
    expect(stepsOf(numbers().to(add).to(double).toSink(print()))).to.deep.equal([
      'numbers | add | double | sink stdout',
    ]);
  });

  it('begins a new step behind keyBy, and draws the key in the step before', () => {
    expect(stepsOf(numbers().to(add).keyBy(String).to(sum).to(double).toSink(print()))).to.deep.equal([
      'numbers | add | keyBy after add',
      'sum | double | sink stdout',
    ]);
  });

  it('keeps the key over several state computations: they share a step', () => {
    expect(stepsOf(numbers().keyBy(String).to(sum).to(most).toSink(print()))).to.deep.equal([
      'numbers | keyBy after numbers',
      'sum | most | sink stdout',
    ]);
  });

  it('begins a new step behind collect', () => {
    expect(stepsOf(numbers().collect().to(sum).toSink(print()))).to.deep.equal([
      'numbers | collect after numbers',
      'sum | sink stdout',
    ]);
  });

  it('collects in front of a state computation that has no key', () => {
    expect(stepsOf(numbers().to(sum).toSink(print()))).to.deep.equal([
      'numbers | collect after numbers',
      'sum | sink stdout',
    ]);
  });

  it('gives each collect a constant key of its own: a text and a number of 128 bits', () => {
    const plan = planApplication(
      application('test', numbers().collect().to(sum).collect().to(most).toSink(print())),
    );
    const keys = plan.stages.flatMap(({ work }) => (work.kind === 'collect' ? [work.key] : []));
    expect(new Set(keys).size).to.equal(2);
    for (const key of keys) expect(key).to.match(/^collect-key-\d{30,39}$/);
  });

  it('makes one stage of what branches share', () => {
    const shared = numbers().to(add);
    const steps = stepsOf(shared.to(double).toSink(print()), shared.keyBy(String).to(sum).toSink(print()));
    expect(steps).to.deep.equal([
      'numbers | add | double | sink stdout | keyBy after add',
      'sum | sink stdout 2',
    ]);
  });

  it('begins a step where streams meet', () => {
    const left = numbers('left').keyBy(String);
    const right = numbers('right').keyBy(String);
    expect(stepsOf(left.merge(right).to(sum).toSink(print()))).to.deep.equal([
      'left | keyBy after left',
      'right | keyBy after right',
      'merge of keyBy after left and keyBy after right | sum | sink stdout',
    ]);
  });

  it('numbers a computation that stands at two positions', () => {
    expect(stepsOf(numbers().to(add).to(add).toSink(print()))).to.deep.equal([
      'numbers | add | add#2 | sink stdout',
    ]);
  });

  it('counts positions from the decoder on, and remembers where messages come from', () => {
    const left = numbers('left').to(add);
    const plan = planApplication(
      application('test', left.merge(numbers('right')).to(double).toSink(print())),
    );
    const facts = Object.fromEntries(
      plan.stages.map(({ id, position, pipelines }) => [id, { position, pipelines }]),
    );
    expect(facts['add']).to.deep.equal({ position: 2, pipelines: ['left'] });
    expect(facts['double']).to.deep.equal({ position: 3, pipelines: ['left', 'right'] });
  });

  it('makes the same plan of the same application every time', () => {
    const make = () =>
      planApplication(
        application('test', numbers().keyBy(String).to(sum).collect().to(most).toSinks([print(), print()])),
      );
    expect(explainText(make())).to.equal(explainText(make()));
  });

  it('refuses two sources or two computations of one name, and two sinks', () => {
    const other = computation('add', (n: number) => n - 1);
    const named = () => stdoutSink<number>({ name: 'out', encoder: String });
    expect(() => stepsOf(numbers().to(add).to(other).toSink(print()))).to.throw(/computation 'add'/);
    expect(() => stepsOf(numbers().toSink(print()), numbers().toSink(print()))).to.throw(/source 'numbers'/);
    expect(() => stepsOf(numbers().toSinks([named(), named()]))).to.throw(/sinks are named 'out'/);
  });
});

describe('the explained plan', () => {
  const plan = planApplication(
    application('Sums "and" more', numbers().to(add).keyBy(String).to(sum).toSink(print())),
  );

  it('is readable as text', () => {
    expect(explainText(plan)).to.equal(
      [
        `Application 'Sums "and" more': 5 stages in 2 steps, 1024 slots, on error stop`,
        '',
        'Step 1: numbers',
        '  source numbers (generator) -> add',
        '  computation add -> keyBy after add',
        '  keyBy after add -> sum',
        '',
        'Step 2: sum',
        '  state computation sum -> sink stdout',
        '  sink stdout (stdout)',
      ].join('\n'),
    );
  });

  it('is a Mermaid chart with thick arrows where messages are partitioned', () => {
    const chart = explainMermaid(plan);
    expect(chart).to.match(/^flowchart LR\n/);
    expect(chart).to.include('s2["keyBy after add"]').and.include('s2 ==> s3').and.include('s0 --> s1');
  });
});
