import { expect } from 'chai';
import { workerOptions } from '../../packages/worker/src/cli/options.js';
import { inBatches } from '../support/in-batches.js';
import { run, stopAll } from '../support/process.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { appPath, workerBin } from '../support/worker-process.js';

describe('wallaroo-worker, wrong command lines', () => {
  afterEach(async () => {
    await stopAll();
    removeTemporaryFolders();
  });

  const relay = ['--application-module', appPath('relay'), '--sink=stdout'];
  const connectors = ['--application-module', appPath('connectors'), '-t', '--out', '127.0.0.1:1'];
  /** @returns the one line that the worker writes before it ends with code 1 */
  const refusal = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(workerBin, args);
    expect([code, stdout], args.join(' ')).to.deep.equal([1, '']);
    expect(stderr, args.join(' ')).to.match(/^Error: [^\n]+\n$/);
    return stderr.slice('Error: '.length, -1);
  };
  const table = Object.entries(workerOptions);

  it('each option that lacks its value is named', async () => {
    await inBatches(
      table.filter(([, { kind }]) => kind !== 'flag'),
      async ([name]) => {
        expect(await refusal('-t', `--${name}`)).to.equal(`--${name} needs a value.`);
      },
    );
  });

  it('each option whose value can not be read is named, with the value', async () => {
    const bad = {
      whole: '12x',
      decimal: 'much',
      address: 'nowhere',
      addresses: '127.0.0.1:1,nowhere',
      flag: 'maybe',
    };
    await inBatches(
      table.filter(([, { kind }]) => kind !== 'text'),
      async ([name, { kind }]) => {
        const told = await refusal('-t', `--${name}=${bad[kind as keyof typeof bad]}`);
        expect(told).to.match(new RegExp(`^--${name}\\b`));
        expect(told).to.include(kind === 'addresses' ? 'nowhere' : bad[kind as keyof typeof bad]);
      },
    );
  });

  it('says how a value that begins with a dash is written', async () => {
    expect(await refusal('--name', '-t')).to.equal(
      "--name needs a value. A value that starts with '-' is written --name=-t",
    );
    expect(await refusal('-n')).to.equal('--name needs a value.');
  });

  const wrong: Record<string, [args: string[], told: string]> = {
    'without an application': [['-t'], 'You must provide the application with --application-module MODULE'],
    'with a name that a log of another worker would have': [
      [...relay, '--name', 'w1-0000000000000000', '--control', '127.0.0.1:1'],
      "--name: 'w1-0000000000000000' cannot be the name of a worker: with - and 16 hex digits at its end it would be taken for a log of another one.",
    ],
    'with no worker': [[...relay, '-t', '--worker-count', '0'], '--worker-count must be at least 1.'],
    'with an initializer that joins': [
      [...relay, '-t', '--join', '127.0.0.1:1', '-n', 'w'],
      '--cluster-initializer is an invalid command line argument when joining.  Joining worker cannot function as initializer.',
    ],
    'with a directory that ends in a slash': [
      [...relay, '-t', '--resilience-dir', '/tmp/'],
      '--resilience-dir must not end in /',
    ],
    'with a directory that is not there': [
      [...relay, '-t', '-r', '/tmp/not/there'],
      "Resilience directory: /tmp/not/there doesn't exist",
    ],
    'with a directory that is a file': [
      [...relay, '-t', '-r', appPath('relay')],
      `Resilience directory: ${appPath('relay')} doesn't exist`,
    ],
    'with another worker without a name': [[...relay], 'You must specify a worker name via --name/-n.'],
    'with a joining worker without a name': [
      [...relay, '--join', '127.0.0.1:1'],
      'You must specify a name for the worker via the -n parameter.',
    ],
    'with another worker that gives the count': [
      [...relay, '-n', 'w', '--worker-count', '2'],
      'Only supply --worker-count to cluster initializer or to joining worker.',
    ],
    'with another worker that gives the data address': [
      [...relay, '-n', 'w', '--data', '127.0.0.1:1'],
      'Only supply --data to cluster initializer.',
    ],
    'with an input of no format': [
      [...relay, '-t', '--in', 'in@127.0.0.1'],
      'Inputs must be in the `source_name@host:service` or `source_name@host:service:max_size` format!',
    ],
    'with an input of a connector source that has a part too few': [
      [...connectors, '--in', 'in@127.0.0.1:0:secret:100'],
      '`source_name@host:service:cookie:max_credits:refill_credits` format',
    ],
    'with an input of a connector source without a cookie': [
      [...connectors, '--in', 'in@127.0.0.1:0::100:10'],
      "--in: 'in@127.0.0.1:0::100:10': the cookie is empty",
    ],
    'with an input of a connector source without credits': [
      [...connectors, '--in', 'in@127.0.0.1:0:secret:0:0'],
      "MAX_CREDITS must be a whole number from 1 to 4294967295, not '0'",
    ],
    'with an input of a connector source with credits that are no number': [
      [...connectors, '--in', 'in@127.0.0.1:0:secret:many:0'],
      "MAX_CREDITS must be a whole number from 1 to 4294967295, not 'many'",
    ],
    'with an input of a connector source that is always refilled': [
      [...connectors, '--in', 'in@127.0.0.1:0:secret:100:100'],
      "REFILL_CREDITS must be a whole number from 0 to 99, less than MAX_CREDITS, not '100'",
    ],
    'with a cookie for a source of another kind': [
      [...relay, '-t', '--in', 'in@127.0.0.1:0:secret:100:10', '--out', '127.0.0.1:1'],
      "--in gives a cookie and credits to source 'in', whose kind is TCP. Write in@HOST:PORT or in@HOST:PORT:MAXSIZE.",
    ],
    'with a longest payload for a connector source': [
      [...connectors, '--in', 'in@127.0.0.1:0:100'],
      "--in gives a longest payload to source 'in', whose kind is Connector.",
    ],
    'with an input of an impossible port': [
      [...relay, '-t', '--in', 'in@127.0.0.1:70000'],
      "'in@127.0.0.1:70000'",
    ],
    'with an input for a source that is not there': [
      [...relay, '-t', '--in', 'other@127.0.0.1:0'],
      "--in names a source 'other' that the application does not have. Its sources: in.",
    ],
    'with an input without a name for two sources': [
      ['--application-module', appPath('keyed'), '-t', '--in', '127.0.0.1:0', '--out', '127.0.0.1:1'],
      '--in has an address without a name, but the application has 2 sources. Write NAME@HOST:PORT with one of: words, all.',
    ],
    'with a sink without an address': [
      ['--application-module', appPath('keyed'), '-t'],
      "Sink 'TCP' has no address. Give --out HOST:PORT",
    ],
    'with fewer addresses than sinks': [
      ['--application-module', appPath('relay'), '-t', '--sinks=3', '--out', '127.0.0.1:1,127.0.0.1:2'],
      '--out has 2 addresses for 3 sinks (TCP, TCP 2, TCP 3)',
    ],
  };

  for (const [how, [args, told]] of Object.entries(wrong)) {
    it(`${how}: says so and ends with code 1`, async () => {
      expect(await refusal(...args)).to.include(told);
    });
  }

  it('an option that nobody knows: told with the nearest known name, by a plain application', async () => {
    const plain = ['--application-module', appPath('guarded'), '-t', '--out', '127.0.0.1:1'];
    const cases = [
      [['--externl', '127.0.0.1:0'], `Unknown option '--externl'. Did you mean '--external'?`],
      [
        ['--cluster-initialiser'],
        `Unknown option '--cluster-initialiser'. Did you mean '--cluster-initializer'?`,
      ],
      [['--spike'], `Unknown option '--spike'. --help lists the options.`],
      [['--colour=red'], `Unknown option '--colour'. `],
      [['-tZ'], `Unknown option '-tZ'. `],
      [['extra'], `Unexpected argument 'extra'. --help shows the usage.`],
    ] as const;
    await inBatches(cases, async ([args, told]) => expect(await refusal(...plain, ...args)).to.include(told));
  });

  it('an application may refuse its own arguments', async () => {
    const folder = temporaryFolder({
      'app.mjs': `import { ApplicationError } from '@wallaroo/worker';
        export default ([colour]) => { throw new ApplicationError('there is no ' + colour); };`,
    });
    const told = await refusal('--application-module', `${folder}/app.mjs`, '-t', '--colour=red');
    expect(told).to.equal('there is no --colour=red');
  });
});

describe('wallaroo-worker --help', () => {
  it('lists every public option with its short form, and ends with code 0', async () => {
    for (const help of ['--help', '-h']) {
      const { code, stdout, stderr } = await run(workerBin, ['-t', help]);
      expect([code, stderr]).to.deep.equal([0, '']);
      for (const [name, option] of Object.entries(workerOptions)) {
        const hidden = 'hidden' in option && option.hidden;
        const shown = new RegExp(`(^|[ ,])--${name}\\b`, 'm').test(stdout);
        expect(shown, name).to.equal(!hidden);
        if (!hidden && 'short' in option)
          expect(stdout).to.match(new RegExp(`-${option.short}, +--${name}\\b`));
      }
      expect(stdout.split('\n').filter((line) => line.length > 120)).to.deep.equal([]);
    }
  });
});
