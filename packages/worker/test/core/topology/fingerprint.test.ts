import { expect } from 'chai';
import {
  application,
  computation,
  generatorSource,
  source,
  stateComputation,
  stdoutSink,
  tcpSink,
  type ApplicationOptions,
  type ClosedPipeline,
} from '../../../src/index.js';
import { fingerprintOf, firstDifference } from '../../../src/core/topology/fingerprint.js';
import { planApplication } from '../../../src/core/topology/planner.js';

const numbers = (name = 'numbers') =>
  source(name, generatorSource({ initialValue: () => 1, apply: (n) => n + 1 }));
const add = () => computation('add', (n: number) => n + 1);
const double = () => computation('double', (n: number) => n * 2);
const sum = () =>
  stateComputation(
    'sum',
    () => ({ total: 0 }),
    (n: number, state) => (state.total += n),
  );
const print = () => stdoutSink<number>({ encoder: String });

const usual = () => [numbers().to(add()).to(double()).keyBy(String).to(sum()).toSink(print())];

function fingerprint(
  options: string | ApplicationOptions,
  pipelines: readonly ClosedPipeline[],
  resilience = true,
) {
  return fingerprintOf(planApplication(application(options, ...pipelines)), { resilience });
}

const ours = () => fingerprint('test', usual());

describe('the fingerprint of an application', () => {
  it('is the same for the same application, built anew', () => {
    expect(ours()).to.deep.equal(ours());
    expect(ours().text).to.match(/^[0-9a-f]{32}$/);
  });

  it('does not depend on what the functions do', () => {
    const other = [
      numbers()
        .to(computation('add', (n: number) => n + 100))
        .to(double())
        .keyBy((n) => `${n % 10}`)
        .to(sum())
        .toSink(print()),
    ];
    expect(fingerprint('test', other).text).to.equal(ours().text);
  });

  it('lists every fact in the order of the plan', () => {
    expect(ours().outline).to.deep.equal([
      "application 'test'",
      '1024 slots',
      'on error stop',
      'messages written by the worker',
      'resilience on',
      "source 'numbers' (generator) in step 'numbers' -> add",
      "computation 'add' in step 'numbers' -> double",
      "computation 'double' in step 'numbers' -> keyBy after double",
      "keyBy 'keyBy after double' in step 'numbers' -> sum",
      "state computation 'sum' in step 'sum' -> sink stdout",
      "sink 'sink stdout' (stdout) in step 'sum'",
    ]);
  });

  const others: readonly [what: string, () => ReturnType<typeof fingerprint>, difference: string][] = [
    ['name', () => fingerprint('other', usual()), "here application 'test', there application 'other'"],
    [
      'number of slots',
      () => fingerprint({ name: 'test', slots: 256 }, usual()),
      'here 1024 slots, there 256 slots',
    ],
    [
      'way with errors',
      () => fingerprint({ name: 'test', onError: 'skip' }, usual()),
      'here on error stop, there on error skip',
    ],
    ['resilience', () => fingerprint('test', usual(), false), 'here resilience on, there resilience off'],
    [
      'added stage',
      () =>
        fingerprint('test', [
          numbers()
            .to(add())
            .to(double())
            .to(computation('more', (n: number) => n))
            .keyBy(String)
            .to(sum())
            .toSink(print()),
        ]),
      "here computation 'double' in step 'numbers' -> keyBy after double, " +
        "there computation 'double' in step 'numbers' -> more",
    ],
    [
      'added pipeline',
      () => fingerprint('test', [...usual(), numbers('more').toSink(print())]),
      "here nothing more, there source 'more' (generator) in step 'more' -> sink stdout 2",
    ],
    [
      'order of stages',
      () => fingerprint('test', [numbers().to(double()).to(add()).keyBy(String).to(sum()).toSink(print())]),
      "here source 'numbers' (generator) in step 'numbers' -> add, " +
        "there source 'numbers' (generator) in step 'numbers' -> double",
    ],
    [
      'kind of sink',
      () =>
        fingerprint('test', [
          numbers()
            .to(add())
            .to(double())
            .keyBy(String)
            .to(sum())
            .toSink(tcpSink<number>({ name: 'stdout', encoder: String })),
        ]),
      "here sink 'sink stdout' (stdout) in step 'sum', there sink 'sink stdout' (TCP) in step 'sum'",
    ],
    [
      'kind of computation',
      () =>
        fingerprint('test', [
          numbers()
            .to(add())
            .to(double())
            .keyBy(String)
            .to(computation('sum', (n: number) => n))
            .toSink(print()),
        ]),
      "here state computation 'sum' in step 'sum' -> sink stdout, there computation 'sum' in step 'sum' -> sink stdout",
    ],
  ];
  for (const [what, theirs, difference] of others) {
    it(`differs for another ${what}, and the outline says so`, () => {
      expect(theirs().text).not.to.equal(ours().text);
      expect(firstDifference(ours().outline, theirs().outline)).to.equal(difference);
    });
  }

  it('tells of long applications only the start, and compares all of them', () => {
    const long = (last: string) => {
      let pipeline = numbers();
      for (let i = 0; i < 600; i++)
        pipeline = pipeline.to(computation(`computation ${i} ${'x'.repeat(40)}`, (n: number) => n));
      return fingerprint('test', [pipeline.to(computation(last, (n: number) => n)).toSink(print())]);
    };
    const [one, other] = [long('one'), long('other')];
    expect(one.outline.join('').length).to.be.lessThan(24 * 1024);
    expect(one.text).not.to.equal(other.text);
    expect(firstDifference(one.outline, other.outline)).to.equal('they differ beyond what a greeting tells');
  });
});
