import { expect } from 'chai';
import {
  application,
  bufferDecoder,
  computation,
  computationMulti,
  DecodeError,
  framedTcpSource,
  source,
  stateComputation,
  stateComputationMulti,
  stdoutSink,
  UserCodeError,
  writerEncoder,
  type Computation,
  type Encoder,
} from '../../../src/index.js';
import { drive } from '../../../src/testing.js';

interface Settings {
  readonly onError?: 'stop' | 'skip';
  readonly stage?: Computation<string, string>;
  readonly keyBy?: (text: string) => string;
  readonly encoder?: Encoder<string>;
}

const decode = bufferDecoder((payload) => {
  if (payload.length === 0) throw new RangeError('no bytes');
  return payload.toString();
});
const pass = computation('pass', (text: string) => text);

function driven({
  onError = 'stop',
  stage = pass,
  keyBy = (text) => text,
  encoder = (text) => text,
}: Settings) {
  return drive(
    application(
      { name: 'test', onError },
      source('texts', framedTcpSource({ decoder: decode }))
        .keyBy(keyBy)
        .to(stage)
        .toSink(stdoutSink({ encoder })),
    ),
  );
}

function fails(): never {
  throw new Error('oh no');
}

describe('an exception in a function of the application', () => {
  const cases: [string, Settings, RegExp][] = [
    [
      'a computation',
      { stage: computation('bad', fails) },
      /Pipeline 'texts': computation 'bad', key 'poison', failed on "poison": Error: oh no/,
    ],
    [
      'a computation of several outputs',
      { stage: computationMulti('bad', fails) },
      /computation 'bad', key 'poison'/,
    ],
    [
      'a state computation',
      { stage: stateComputation('bad', () => ({}), fails) },
      /computation 'bad', key 'poison'/,
    ],
    [
      'a state computation of several outputs',
      { stage: stateComputationMulti('bad', () => ({}), fails) },
      /computation 'bad'/,
    ],
    ['a new state', { stage: stateComputation('bad', fails, (text: string) => text) }, /computation 'bad'/],
    ['a key extractor', { keyBy: fails }, /keyBy after texts failed on "poison"/],
    ['a key that is no text', { keyBy: () => 5 as never }, /keyBy after texts.*must be a text, not number/],
    ['an encoder', { encoder: fails }, /encoder of sink 'stdout', key 'poison'/],
    [
      'an encoder of another type',
      { encoder: () => 5 as never },
      /encoder of sink 'stdout'.*text or bytes, not number/,
    ],
    ['an encoder that writes', { encoder: writerEncoder(fails) }, /encoder of sink 'stdout'/],
    [
      'outputs that are no list',
      { stage: computationMulti('bad', () => 'abc') },
      /array or another iterable object, not string/,
    ],
  ];
  for (const [what, settings, message] of cases) {
    it(`stops the worker with its place: ${what}`, () => {
      const driver = driven(settings);
      expect(() => driver.put('texts', 'poison')).to.throw(UserCodeError, message);
    });

    it(`is skipped, counted and logged if the application says so: ${what}`, () => {
      const driver = driven({ ...settings, onError: 'skip' });
      driver.put('texts', 'poison', 'poison');
      expect(driver.skipped).to.equal(2);
      expect(driver.text()).to.equal('');
      expect(driver.log.map(({ text }) => text)).to.have.length(1);
      expect(driver.log[0]!.text).to.match(message);
    });
  }

  it('between two outputs of a generator lets the first one through', () => {
    const stage = computationMulti('bad', function* (text: string) {
      yield `${text} 1`;
      fails();
    });
    const driver = driven({ stage, onError: 'skip' });
    driver.put('texts', 'a');
    expect(driver.values()).to.deep.equal(['a 1']);
    expect(driver.skipped).to.equal(1);
  });

  it('leaves no half message of an encoder that writes', () => {
    const encoder = writerEncoder((text: string, out) => {
      out.text('half');
      if (text === 'poison') fails();
    });
    const driver = driven({ encoder, onError: 'skip' });
    driver.put('texts', 'a', 'poison', 'b');
    expect(driver.messages().map(String)).to.deep.equal(['half', 'half']);
  });

  it('shows long messages shortened, and any kind of message', () => {
    const show = (value: unknown) => {
      const driver = driven({ stage: computation('bad', fails) as never, keyBy: () => 'k' });
      try {
        driver.put('texts', value);
      } catch (error) {
        return (error as Error).message;
      }
      throw new Error('not thrown');
    };
    expect(show('x'.repeat(10_000)).length).to.be.lessThan(400);
    expect(show(Buffer.alloc(10_000)).length).to.be.lessThan(400);
    const circular: { self?: unknown } = {};
    circular.self = circular;
    expect(show(circular)).to.include('[object Object]');
    expect(show(10n)).to.include('10n');
    expect(show(Symbol('s'))).to.include('Symbol(s)');
  });

  it('is logged at most once a second, with the number of those between', () => {
    const driver = driven({ stage: computation('bad', fails), onError: 'skip' });
    for (let i = 0; i < 50; i++) driver.put('texts', 'poison');
    driver.advance(1000);
    driver.put('texts', 'poison');
    expect(driver.log).to.have.length(2);
    expect(driver.log[1]!.text).to.include('and 49 more');
  });
});

describe('bytes that the decoder refuses', () => {
  it('are the fault of their sender: the error names the source', () => {
    const driver = driven({});
    expect(() => driver.receive('texts', '')).to.throw(
      DecodeError,
      /Unable to decode message at texts source: no bytes/,
    );
  });

  it('are skipped and counted if the application says so', () => {
    const driver = driven({ onError: 'skip' });
    driver.receive('texts', '');
    driver.receive('texts', 'good');
    expect(driver.skipped).to.equal(1);
    expect(driver.text()).to.equal('good');
  });

  it('are not confused with an exception behind the decoder', () => {
    const driver = driven({ stage: computation('bad', fails) });
    expect(() => driver.receive('texts', 'good')).to.throw(UserCodeError);
  });
});
