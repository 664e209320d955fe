import { expect } from 'chai';
import {
  application,
  ApplicationError,
  computation,
  computationMulti,
  framedTcpSource,
  generatorSource,
  source,
  stateComputation,
  stdoutSink,
  utf8,
  type ClosedPipeline,
  type Computation,
  type SinkConfig,
} from '../../src/index.js';
import { drive } from '../../src/testing.js';

const texts = () => source('texts', framedTcpSource({ decoder: utf8.decode }));
const length = computation('length', (text: string) => text.length);
const show = stdoutSink<number>({ encoder: (n) => `${n}\n` });
/** What an author without types could write. */
const untyped = (value: unknown) => value as never;
const untypedTo = (pipeline: ClosedPipeline) =>
  (pipeline as unknown as { to(stage: unknown): void }).to(length);

describe('a pipeline', () => {
  it('is not changed by what is built on it', () => {
    const base = texts().to(length);
    base.to(computation('negate', (n: number) => -n));
    base.keyBy(String);
    const driver = drive(application('test', base.toSink(show)));
    driver.put('texts', 'abc');
    expect(driver.text()).to.equal('3\n');
  });

  it('gives every branch every message', () => {
    const base = texts();
    const long = base.to(computation('long', (text: string) => (text.length > 3 ? text.length : undefined)));
    const all = base.to(length);
    const driver = drive(
      application('test', long.toSink(stdoutSink({ name: 'long', encoder: String })), all.toSink(show)),
    );
    driver.put('texts', 'ab', 'abcd');
    expect(driver.values('long')).to.deep.equal([4]);
    expect(driver.values(show)).to.deep.equal([2, 4]);
  });

  it('infers the types of messages from end to end; wrong wiring does not compile', () => {
    const numbers = computation('to number', (text: string) => Number(text));
    const open = texts().to(numbers);
    // @ts-expect-error the messages are numbers by now
    open.to(length);
    // @ts-expect-error so is what a key is drawn from
    open.keyBy((n) => n.trim());
    // @ts-expect-error a key is a text
    open.keyBy((n) => n);
    // @ts-expect-error the sink takes texts
    open.toSink(stdoutSink({ encoder: (text: string) => text.trim() }));
    // @ts-expect-error an open pipeline is no part of an application
    const unfinished = () => application('test', open);
    expect(unfinished).to.throw(ApplicationError);
    const newSum = () => ({ total: 0 });
    // @ts-expect-error state of another shape
    stateComputation('sum', newSum, (n: number, state) => state.count + n);
    const merged = open.merge(texts());
    const either: Computation<string | number, string> = computation(
      'either',
      (value: string | number) => `${value}`,
    );
    merged.to(either);
    // @ts-expect-error half of the messages are texts
    merged.to(computation('half', (n: number) => n));
    const letters = texts().to(computationMulti('letters', (text: string) => [...text]));
    letters.toSink(stdoutSink({ encoder: (letter: string) => letter }));
  });

  it('accepts a class as state', () => {
    class Sum {
      total = 0;
      add(n: number) {
        return (this.total += n);
      }
    }
    const sum = stateComputation('sum', Sum, (n: number, state) => state.add(n));
    const driver = drive(application('test', texts().to(length).to(sum).toSink(show)));
    driver.put('texts', 'a', 'bc');
    expect(driver.values()).to.deep.equal([1, 3]);
  });
});

describe('state', () => {
  it('may be made by a built-in class', () => {
    const seen = stateComputation('seen', Map<string, number>, (text: string, counts) => {
      counts.set(text, (counts.get(text) ?? 0) + 1);
      return counts.size;
    });
    const driver = drive(application('test', texts().to(seen).toSink(show)));
    driver.put('texts', 'a', 'a', 'b');
    expect(driver.values()).to.deep.equal([1, 1, 2]);
  });
});

describe('a mistake in an application', () => {
  const cases: [string, () => unknown, RegExp][] = [
    [
      'an open pipeline',
      () => application('a', untyped(texts().to(length))),
      /open after computation 'length'/,
    ],
    ['no pipeline', () => application('a'), /no pipeline/],
    ['something else than a pipeline', () => application('a', untyped(42)), /must end with toSink/],
    [
      'a name that is no file name',
      () => application('a/b', texts().to(length).toSink(show)),
      /'a\/b' cannot be a name/,
    ],
    [
      'slots that are no power of two',
      () => application({ name: 'a', slots: 1000 }, texts().to(length).toSink(show)),
      /power of two.*1000/,
    ],
    [
      'an unknown onError',
      () => application({ name: 'a', onError: untyped('ignore') }, texts().to(length).toSink(show)),
      /'stop' or 'skip'.*'ignore'/,
    ],
    [
      'a stage after the sinks',
      () => untypedTo(texts().to(length).toSink(show)),
      /computation 'length'.*can't add stages/,
    ],
    [
      'a bare function as computation',
      () => texts().to(untyped((text: string) => text)),
      /After source 'texts'.*computation\(name/,
    ],
    [
      'a key extractor that is no function',
      () => texts().keyBy(untyped('key')),
      /After source 'texts'.*keyBy/,
    ],
    ['no sinks', () => texts().toSinks([]), /at least one sink/],
    ['a sink that is none', () => texts().to(length).toSink(untyped({})), /After computation 'length'.*sink/],
    [
      'a merge with a closed pipeline',
      () => texts().merge(untyped(texts().to(length).toSink(show))),
      /After source 'texts'/,
    ],
    [
      'a merge of a keyed and an unkeyed side',
      () =>
        texts()
          .keyBy((text) => text)
          .merge(texts()),
      /keyBy after source 'texts'.*is not \(source 'texts'\)/,
    ],
    [
      'a source without a name',
      () => source('', generatorSource({ initialValue: () => 1, apply: () => null })),
      /cannot be a name/,
    ],
    ['a source without configuration', () => source('a', untyped({})), /source 'a'.*configuration/],
    ['a computation without a name', () => computation('', () => 1), /needs a name/],
    [
      'state that cannot be made',
      () => stateComputation('sum', untyped({}), () => 1),
      /'sum'.*neither a function nor a class/,
    ],
    [
      'a header of nine bytes',
      () => framedTcpSource({ decoder: utf8.decode, headerLength: 9 }),
      /1 to 8, not 9/,
    ],
  ];
  for (const [what, make, message] of cases) {
    it(`is told with its place: ${what}`, () => {
      expect(make).to.throw(ApplicationError, message);
    });
  }
});

// Kept for the compiler: a sink for more types than the messages have is fine.
export const wide: ClosedPipeline = texts().toSink(
  stdoutSink({ encoder: (value: string | number) => String(value) }),
);
export const widened: SinkConfig<string> = stdoutSink<string | number>({ encoder: String });
