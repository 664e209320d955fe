import { fileURLToPath } from 'node:url';
import { decodeExternalMessage, encodeExternalMessage, type ExternalMessage } from '@wallaroo/protocol';
import { expect } from 'chai';
import { run, stopAll } from '../../../test-e2e/support/process.js';
import { externalChannel, refusingAddress, type TcpServer } from '../../tools/test/support/tcp-server.js';

const command = fileURLToPath(new URL('../bin/cluster_shrinker.js', import.meta.url));

const accepted = encodeExternalMessage({ type: 'shrinkErrorResponse', body: 'Shrinking by 2 workers!' });
const refused = encodeExternalMessage({ type: 'shrinkErrorResponse', body: 'Invalid shrink targets!' });
const eligible = encodeExternalMessage({
  type: 'shrinkQueryResponse',
  body: { node_names: ['w1', 'w2'], node_count: 2 },
});

describe('cluster_shrinker', () => {
  let worker: TcpServer | undefined;

  afterEach(async () => {
    await stopAll();
    await worker?.close();
    worker = undefined;
  });

  async function result(args: readonly string[]) {
    const { code, stdout, stderr } = await run(command, args);
    return { code, stdout, stderr };
  }

  /** The outcome when the worker replies with these bytes, and what it was asked. */
  async function exchange(reply: Buffer | 'close', ...args: string[]) {
    worker = await externalChannel(reply);
    const outcome = await result(['--external', worker.address, ...args]);
    await worker.until(() => worker!.ended === 1);
    return { ...outcome, request: decodeExternalMessage(worker.streams[0]!, 4) };
  }

  function request(body: Partial<Extract<ExternalMessage, { type: 'shrinkRequest' }>['body']>) {
    return { type: 'shrinkRequest', body: { query: false, node_names: [], node_count: 0, ...body } };
  }

  it('asks who can leave', async () => {
    expect(await exchange(eligible, '--query')).to.deep.equal({
      code: 0,
      stdout: 'Eligible for shrink: Node count: 2, Nodes: |w1,w2,|\n',
      stderr: '',
      request: request({ query: true }),
    });
  });

  it('removes a number of workers', async () => {
    expect(await exchange(accepted, '--count', '2')).to.deep.equal({
      code: 0,
      stdout: 'Cluster shrink response: Shrinking by 2 workers!\n',
      stderr: '',
      request: request({ node_count: 2 }),
    });
  });

  it('removes workers by name, and exits with 1 when the cluster refuses', async () => {
    expect(await exchange(refused, '--workers', 'w1,w9')).to.deep.equal({
      code: 1,
      stdout: 'Cluster shrink response: Invalid shrink targets!\n',
      stderr: '',
      request: request({ node_names: ['w1', 'w9'] }),
    });
  });

  it('takes a count of 0 for none', async () => {
    const { request: asked } = await exchange(accepted, '-w', 'w1', '-c', '0');
    expect(asked).to.deep.equal(request({ node_names: ['w1'] }));
  });

  it('has short names for its options', async () => {
    worker = await externalChannel(eligible);
    const { code, stdout } = await result([`-qe=${worker.address}`, '--ponythreads=1']);
    expect({ code, stdout }).to.deep.equal({
      code: 0,
      stdout: 'Eligible for shrink: Node count: 2, Nodes: |w1,w2,|\n',
    });
  });

  const failures: readonly [what: string, reply: Buffer | 'close', message: string][] = [
    [
      'another message',
      encodeExternalMessage({ type: 'print', body: 'x' }),
      'Received incorrect external message type',
    ],
    ['a message that does not exist', Buffer.from([0, 0, 0, 2, 9, 9]), 'Received invalid message'],
    ['JSON that is cut off', Buffer.from('\0\0\0\x04\0\x05{"', 'latin1'), 'Received invalid message'],
    ['the end of the connection', 'close', 'Error reading header'],
    ['a length that no reply has', Buffer.from('HTTP/1.1'), 'Error reading header'],
  ];
  for (const [what, reply, message] of failures) {
    it(`fails on ${what}`, async () => {
      const { code, stdout, stderr } = await exchange(reply, '--query');
      expect({ code, stdout, stderr }).to.deep.equal({ code: 1, stdout: '', stderr: `${message}\n` });
    });
  }

  it('says that nobody listens', async () => {
    const address = await refusingAddress();
    expect(await result(['-e', address, '-q'])).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: `Failed to connect to ${address}\n`,
    });
  });

  for (const modes of [[], ['-c', '0'], ['-w', ''], ['-q', '-c1'], ['-q', '-w', 'w1'], ['-c1', '-w', 'w1']]) {
    it(`wants exactly one mode, not ${JSON.stringify(modes)}`, async () => {
      expect(await result(['--external', '127.0.0.1:1', ...modes])).to.deep.equal({
        code: 1,
        stdout: '',
        stderr: 'You must specify exactly one of --query, --count, or --workers\n',
      });
    });
  }

  it('explains itself with --help, and with 1 when the address is missing or none', async () => {
    const asked = await result(['--help']);
    expect(asked).to.include({ code: 0, stderr: '' });
    for (const option of ['-e, --external', '-q, --query', '-c, --count', '-w, --workers', '-h, --help']) {
      expect(asked.stdout).to.include(option);
    }
    expect(await result(['-h'])).to.deep.equal(asked);
    expect(await result(['--query'])).to.deep.equal({ ...asked, code: 1 });
    expect(await result(['--query', '--external', 'localhost'])).to.deep.equal({ ...asked, code: 1 });
  });

  const faults: readonly [args: string[], message: string][] = [
    [['--wokers', 'w1'], "Unknown option '--wokers'. Did you mean '--workers'?"],
    [['--nodes=w1'], "Unknown option '--nodes'. --help lists the options."],
    [['w1'], "Unexpected argument 'w1'. --help shows the usage."],
    [['--count', 'two'], "--count needs a whole number, but got 'two'"],
    [['--external'], '--external needs a value.'],
  ];
  for (const [args, message] of faults) {
    it(`refuses ${JSON.stringify(args)}`, async () => {
      expect(await result(args)).to.deep.equal({ code: 1, stdout: '', stderr: `${message}\n` });
    });
  }
});
