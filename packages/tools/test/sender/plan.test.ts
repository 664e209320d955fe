import { parseArguments, UsageError } from '@wallaroo/command-line';
import { expect } from 'chai';
import { options } from '../../src/sender/options.js';
import { planOf } from '../../src/sender/plan.js';

function plan(...argv: string[]) {
  return planOf(parseArguments(options, argv).values);
}

const required = ['--host', '127.0.0.1:7010', '--messages', '10'];

describe('the plan of the sender', () => {
  it('has the defaults', () => {
    expect(plan(...required)).to.deep.equal({
      hosts: [{ host: '127.0.0.1', port: 7010 }],
      messages: 10,
      content: { kind: 'integers', startFrom: 0 },
      rate: { batchSize: 500, intervalNs: 5_000_000, varyBy: 0 },
      write: true,
    });
  });

  it('understands every option by its short name', () => {
    const rate = { batchSize: 7, intervalNs: 1000, varyBy: 3 };
    expect(plan('-ha:1,b:2', '-m1_000', '-s7', '-i', '1_000', '-j3', '-wuv41', '-p', 'key')).to.deep.equal({
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      messages: 1000,
      content: { kind: 'u64', startFrom: 41, partition: 'key' },
      rate,
      write: false,
    });
    expect(plan(...required, '-rf', 'a,b').content).to.deep.equal({
      kind: 'lines',
      recordBytes: 0,
      files: ['a', 'b'],
      repeat: true,
    });
    expect(plan(...required, '-yg9', '-f', 'a').content).to.include({ kind: 'fixed', recordBytes: 9 });
    expect(plan(...required, '-yz', '-f', 'a').content).to.include({ kind: 'framed' });
  });

  const noHost = "Must supply required '--host' argument, separated by ',' if supplying multiple hosts";
  const badHost = "'--host' arguments should be in format: '127.0.0.1:8080";
  const noMessages = "Must supply required '--messages' argument";
  const faults: readonly [argv: string[], faults: string[]][] = [
    [[], [noHost, noMessages]],
    [['--host=', '-m1'], [noHost]],
    [
      ['--host', '7010'],
      [badHost, noMessages],
    ],
    [['--host', 'a:1,b', '-m1'], [badHost]],
    [['--host', 'a:1,', '-m1'], [badHost]],
    [[...required, '-yzg9', '-f', 'a'], ["--msg-size and --variable-size can't be used together"]],
    [[...required, '--binary', '-f', 'a'], ['--binary requires either --msg-size or --variable-size']],
    [[...required, '--msg-size', '9', '-f', 'a'], ['--msg-size and --variable-size require --binary']],
    [[...required, '--binary', '--msg-size=0', '-f', 'a'], ['--msg-size must be at least 1']],
    [[...required, '--binary', '--variable-size'], ['--binary requires --file']],
    [[...required, '--file='], ['--file needs the name of a file']],
    [[...required, '--u64', '-f', 'a'], ["--file and --u64 can't be used together"]],
    [[...required, '--batch-size', '0'], ['--batch-size must be at least 1']],
  ];
  for (const [argv, expected] of faults) {
    it(`refuses ${JSON.stringify(argv)} and tells every fault`, () => {
      expect(() => plan(...argv))
        .to.throw(UsageError)
        .with.property('message', expected.join('\n'));
    });
  }
});
