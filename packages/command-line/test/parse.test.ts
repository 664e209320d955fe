import { expect } from 'chai';
import fc from 'fast-check';
import { helpOption, parseArguments, UsageError } from '../src/index.js';

const options = {
  'cluster-initializer': {
    kind: 'flag',
    short: 't',
    aliases: ['topology-initializer'],
    describe: 'form the cluster',
  },
  verbose: { kind: 'flag', short: 'X', describe: 'say more' },
  name: { kind: 'text', short: 'n', aliases: ['worker-name'], describe: 'the name' },
  workers: { kind: 'list', describe: 'names' },
  count: { kind: 'whole', short: 'w', describe: 'how many' },
  probability: { kind: 'decimal', describe: 'how likely' },
  control: { kind: 'address', short: 'c', describe: 'where' },
  hosts: { kind: 'addresses', describe: 'wherever' },
  help: helpOption,
} as const;

const nothing = parseArguments(options, []).values;

/** The values that differ from those of an empty command line. */
function given(...argv: string[]): Record<string, unknown> {
  const { values, rest } = parseArguments(options, argv);
  expect(rest, 'words left over').to.deep.equal([]);
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => value !== nothing[name as keyof typeof nothing]),
  );
}

function rest(...argv: string[]): readonly string[] {
  return parseArguments(options, argv).rest;
}

function failing(...argv: string[]) {
  return expect(() => parseArguments(options, argv)).to.throw(UsageError);
}

describe('parseArguments', () => {
  it('gives false for flags and undefined for all else that is not there', () => {
    expect(nothing).to.deep.equal({ 'cluster-initializer': false, verbose: false, help: false });
    expect(nothing.count).to.equal(undefined);
  });

  const forms: readonly [argv: string[], values: Record<string, unknown>][] = [
    [['--name', 'w1'], { name: 'w1' }],
    [['--name=w1'], { name: 'w1' }],
    [['-n', 'w1'], { name: 'w1' }],
    [['-n=w1'], { name: 'w1' }],
    [['-nw1'], { name: 'w1' }],
    [['--name='], { name: '' }],
    [['--name', ''], { name: '' }],
    [['-n='], { name: '' }],
    [['--name=a=b'], { name: 'a=b' }],
    [['-n=a=b'], { name: 'a=b' }],
    [['-na=b'], { name: 'a=b' }],
    [['--name=two\nlines'], { name: 'two\nlines' }],
    [['--name', '-'], { name: '-' }],
    [['--name=-x'], { name: '-x' }],
    [['--name=--count'], { name: '--count' }],
    [['-n=-x'], { name: '-x' }],
    [['--cluster-initializer'], { 'cluster-initializer': true }],
    [['-t'], { 'cluster-initializer': true }],
    [['-t=true'], { 'cluster-initializer': true }],
    [['--cluster-initializer=true'], { 'cluster-initializer': true }],
    [['-t', '--cluster-initializer=false'], {}],
    [['-tX'], { 'cluster-initializer': true, verbose: true }],
    [['-Xt=false'], { verbose: true }],
    [['-tXnw1'], { 'cluster-initializer': true, verbose: true, name: 'w1' }],
    [['-tn', 'w1'], { 'cluster-initializer': true, name: 'w1' }],
    [['-tn=w1'], { 'cluster-initializer': true, name: 'w1' }],
    [['-tw3'], { 'cluster-initializer': true, count: 3 }],
    [['-w', '3', '-t', '--name=x'], { count: 3, 'cluster-initializer': true, name: 'x' }],
    [['--workers', 'a,b , c,,'], { workers: ['a', 'b', 'c'] }],
    [['--probability', '0.25'], { probability: 0.25 }],
    [['--probability=-1e-3'], { probability: -0.001 }],
    [['--control', '127.0.0.1:12500'], { control: { host: '127.0.0.1', port: 12500 } }],
    [['-c:0'], { control: { host: '', port: 0 } }],
    [
      ['--hosts', '[::1]:1,b:2'],
      {
        hosts: [
          { host: '::1', port: 1 },
          { host: 'b', port: 2 },
        ],
      },
    ],
  ];
  for (const [argv, values] of forms) {
    it(`reads ${JSON.stringify(argv)}`, () => expect(given(...argv)).to.deep.equal(values));
  }

  const wholes: readonly [text: string, value: number][] = [
    ['0', 0],
    ['007', 7],
    ['10_000_000', 10_000_000],
    ['0xff', 255],
    ['0xFF_ff', 65535],
    ['0b101', 5],
    ['0b1_0', 2],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ];
  for (const [text, value] of wholes) {
    it(`reads ${text} as a whole number`, () => expect(given('-w', text)).to.deep.equal({ count: value }));
  }

  for (const text of [
    '',
    ' 1',
    'x',
    '1.5',
    '1e3',
    '_1',
    '1_',
    '1__0',
    '0x',
    '0b2',
    '-1',
    '9007199254740992',
  ]) {
    it(`refuses '${text}' as a whole number and names the option`, () => {
      failing(`--count=${text}`).with.property('message', `--count needs a whole number, but got '${text}'`);
    });
  }

  it('reads every whole number that is written with or without underscores', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const grouped = String(value).replace(/\B(?=(\d{3})+$)/g, '_');
        expect(given('--count', grouped)).to.deep.equal({ count: value });
        expect(given(`-w0x${value.toString(16)}`)).to.deep.equal({ count: value });
        expect(given(`-w=0b${value.toString(2)}`)).to.deep.equal({ count: value });
      }),
    );
  });

  it('lets the last of several win', () => {
    expect(given('--name', 'a', '-n', 'b', '--worker-name=c')).to.deep.equal({ name: 'c' });
    expect(given('--count=1', '-w2')).to.deep.equal({ count: 2 });
  });

  it('takes the names of older documents and tells which were used', () => {
    const parsed = parseArguments(options, ['--topology-initializer', '--worker-name', 'w1', '--count=1']);
    expect(parsed.values).to.deep.include({ 'cluster-initializer': true, name: 'w1', count: 1 });
    expect(parsed.aliasesUsed).to.deep.equal(['topology-initializer', 'worker-name']);
  });

  const faults: readonly [argv: string[], message: RegExp][] = [
    [['--name'], /^--name needs a value\.$/],
    [['-tn'], /^--name needs a value\.$/],
    [['--name', '-x'], /^--name needs a value\. A value that starts with '-' is written --name=-x$/],
    [['-n', '--count', '1'], /^--name needs a value\./],
    [['--worker-name'], /^--name needs a value\./],
    [['--verbose=yes'], /^--verbose takes no value, but got 'yes'$/],
    [['-X=1'], /^--verbose takes no value, but got '1'$/],
    [['--probability', 'often'], /^--probability needs a number, but got 'often'$/],
    [['--probability='], /^--probability needs a number, but got ''$/],
    [['--probability=Infinity'], /^--probability needs a number, but got 'Infinity'$/],
    [['--control', 'localhost'], /^--control: 'localhost' is not an address: there is no colon/],
    [['--hosts', 'a:1,b'], /^--hosts: 'b' is not an address/],
  ];
  for (const [argv, message] of faults) {
    it(`refuses ${JSON.stringify(argv)}`, () => {
      failing(...argv)
        .with.property('message')
        .that.matches(message);
    });
  }

  it('leaves what the table does not know, in its order', () => {
    expect(
      rest('first', '--in', 'A@:7010', '-t', '--out=:1', '-q', '-tq', 'last', '--name', 'n'),
    ).to.deep.equal(['first', '--in', 'A@:7010', '--out=:1', '-q', '-tq', 'last']);
  });

  it('takes no abbreviation, no other case, and no other dash', () => {
    const words = ['--nam=x', '--Name=x', '-N', '-', '--', '---name', '--=x'];
    expect(rest(...words)).to.deep.equal(words);
    expect(given('-name'), 'a short option with its value').to.deep.equal({ name: 'ame' });
  });

  it('goes on with options after --', () => {
    const parsed = parseArguments(options, ['--', '--name', 'n']);
    expect(parsed.rest).to.deep.equal(['--']);
    expect(parsed.values.name).to.equal('n');
  });

  it('drops the options of the Pony runtime, with their values', () => {
    expect(
      rest(
        '--ponythreads',
        '1',
        '--ponythreads=4',
        '--ponyminthreads',
        '2',
        '--ponymaxthreads=3',
        '--ponynoblock',
        '--ponypin',
        '--ponypinasio',
        'word',
      ),
    ).to.deep.equal(['word']);
    expect(given('--ponynoblock', '--name', 'n', '--ponythreads', '1', '-t')).to.deep.equal({
      name: 'n',
      'cluster-initializer': true,
    });
  });

  it('drops no word after a Pony option that is not its value', () => {
    expect(rest('--ponythreads', 'word', '--ponypin', '1')).to.deep.equal(['word', '1']);
  });

  it('reads back any text that is attached with =', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(given(`--name=${text}`)).to.deep.equal({ name: text });
        expect(given(`-n=${text}`)).to.deep.equal({ name: text });
      }),
    );
  });

  it('meets any words with values and a rest, or with its own error', () => {
    const word = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom('--name', '-n', '-t', '-tX', '--count=1', '-w', '--', '-', '--ponythreads', '1'),
      fc.string({ maxLength: 6 }).map((text) => `-${text}`),
      fc.string({ maxLength: 6 }).map((text) => `--${text}`),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
        try {
          expect(argv).to.include.members([...parseArguments(options, argv).rest]);
        } catch (error) {
          expect(error).to.be.instanceOf(UsageError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
