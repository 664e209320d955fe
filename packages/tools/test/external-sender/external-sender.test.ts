import { fileURLToPath } from 'node:url';
import { encodeExternalMessage, type ExternalMessage } from '@wallaroo/protocol';
import { expect } from 'chai';
import { run, stopAll } from '../../../../test-e2e/support/process.js';
import { externalChannel, refusingAddress, type TcpServer } from '../support/tcp-server.js';

const command = fileURLToPath(new URL('../../bin/external_sender.js', import.meta.url));

interface Query {
  readonly type: string;
  readonly request: number;
  readonly reply: ExternalMessage;
  readonly text: string;
  readonly json: string;
}

const partitions = {
  state_partitions: { '98': { initializer: ['1', '2'] } },
  stateless_partitions: { '12': { worker1: ['3'] } },
};
const partitionCounts = {
  state_partitions: { '98': { initializer: 10 } },
  stateless_partitions: {},
};

function answeredByJson(type: string, request: number, heading: string, reply: ExternalMessage): Query {
  const json = JSON.stringify(reply.body);
  return { type, request, reply, text: `${heading}\n${json}\n`, json: `${json}\n` };
}

const queries: readonly Query[] = [
  answeredByJson('partition-query', 7, 'Partition Distribution:', {
    type: 'partitionQueryResponse',
    body: partitions,
  }),
  answeredByJson('partition-count-query', 12, 'Partition Distribution (counts):', {
    type: 'partitionCountQueryResponse',
    body: partitionCounts,
  }),
  {
    type: 'cluster-status-query',
    request: 9,
    reply: {
      type: 'clusterStatusQueryResponse',
      body: { worker_count: 2, worker_names: ['initializer', 'worker1'], processing_messages: true },
    },
    text: 'Cluster Status:\nProcessing messages: true, Worker count: 2, Workers: |initializer,worker1,|\n',
    json: '{"worker_count":2,"worker_names":["initializer","worker1"],"processing_messages":true}\n',
  },
  {
    type: 'cluster-status-query',
    request: 9,
    reply: { type: 'clusterStatusQueryResponseNotInitialized' },
    text: 'Cluster Status:\nCluster not yet initialized\nProcessing messages: false\n',
    json: '{"processing_messages": false}\n',
  },
  {
    type: 'source-ids-query',
    request: 14,
    reply: { type: 'sourceIdsQueryResponse', body: { source_ids: ['111', '222'] } },
    text: 'Source Ids:111,222\n',
    json: '{"source_ids":["111","222"]}\n',
  },
  answeredByJson('state-entity-query', 17, 'State Entity Distribution:', {
    type: 'stateEntityQueryResponse',
    body: { '98': ['A', 'say "B"', 'Ü'] },
  }),
  answeredByJson('stateless-partition-query', 19, 'Stateless Partition Distribution:', {
    type: 'statelessPartitionQueryResponse',
    body: { '12': { initializer: ['1'] } },
  }),
  answeredByJson('state-entity-count-query', 21, 'State Entity Count:', {
    type: 'stateEntityCountQueryResponse',
    body: { '98': 2 },
  }),
  answeredByJson('stateless-partition-count-query', 23, 'Stateless Partition Count:', {
    type: 'statelessPartitionCountQueryResponse',
    body: { '12': { initializer: 10 } },
  }),
  answeredByJson('cluster-state-entity-count-query', 25, 'Cluster State Entity Count:', {
    type: 'clusterStateEntityCountQueryResponse',
    body: { initializer: { '98': { '1': 2 } } },
  }),
];

const commands: readonly [type: string | undefined, sent: ExternalMessage][] = [
  [undefined, { type: 'print', body: 'hello' }],
  ['print', { type: 'print', body: 'hello' }],
  ['Rotate-Log', { type: 'rotateLog', body: 'hello' }],
  ['CLEAN-SHUTDOWN', { type: 'cleanShutdown', body: 'hello' }],
  ['boundary-count-status', { type: 'reportStatus', body: 'boundary-count-status' }],
];

describe('external_sender', () => {
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

  async function exchange(reply: Buffer | 'close' | 'none', ...args: string[]) {
    worker = await externalChannel(reply);
    const outcome = await result(['--external', worker.address, ...args]);
    await worker.until(() => worker!.ended === 1);
    return { ...outcome, sent: worker.streams[0]!.toString('hex') };
  }

  for (const { type, request, reply, text, json } of queries) {
    const sent = `00000002${request.toString(16).padStart(4, '0')}`;
    it(`prints the answer ${reply.type} as text and as JSON`, async () => {
      const bytes = encodeExternalMessage(reply);
      expect(await exchange(bytes, '--type', type)).to.deep.equal({
        code: 0,
        stdout: `Connected...\n${text}`,
        stderr: '',
        sent,
      });
      await worker!.close();
      expect(await exchange(bytes, '-jt', type)).to.deep.equal({ code: 0, stdout: json, stderr: '', sent });
    });
  }

  for (const [type, message] of commands) {
    it(`sends ${type ?? 'a print when no type is given'} and does not wait`, async () => {
      const args = type === undefined ? [] : ['-t', type];
      expect(await exchange('none', ...args, '--message', 'hello')).to.deep.equal({
        code: 0,
        stdout: 'Connected...\n',
        stderr: '',
        sent: encodeExternalMessage(message).toString('hex'),
      });
    });
  }

  it('sends an empty text when there is no message, and prints nothing with --json', async () => {
    expect(await exchange('none', '--json', '-t', 'clean-shutdown')).to.deep.equal({
      code: 0,
      stdout: '',
      stderr: '',
      sent: '000000020003',
    });
  });

  it('reads a list of keys that is longer than 16 KiB', async () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `key-${i}`);
    const reply = encodeExternalMessage({ type: 'stateEntityQueryResponse', body: { '98': keys } });
    const { code, stdout } = await exchange(reply, '-j', '-t', 'state-entity-query');
    expect(code).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.equal({ '98': keys });
  });

  const failures: readonly [what: string, reply: Buffer | 'close', message: string][] = [
    [
      'a request instead of an answer',
      encodeExternalMessage({ type: 'print', body: 'x' }),
      'Received unhandled external message type',
    ],
    [
      'the answer to another query',
      encodeExternalMessage({ type: 'sourceIdsQueryResponse', body: { source_ids: [] } }),
      'Received unhandled external message type',
    ],
    ['a message that does not exist', Buffer.from([0, 0, 0, 2, 9, 9]), 'Received invalid message'],
    ['the end of the connection', 'close', 'Error reading header'],
    ['a length that no reply has', Buffer.from('HTTP/1.1'), 'Error reading header'],
  ];
  for (const [what, reply, message] of failures) {
    it(`fails on ${what}`, async () => {
      const { code, stdout, stderr } = await exchange(reply, '--type', 'partition-query', '--json');
      expect({ code, stdout, stderr }).to.deep.equal({ code: 1, stdout: '', stderr: `${message}\n` });
    });
  }

  it('says that nobody listens', async () => {
    expect(await result(['-e', await refusingAddress(), '-m', 'x'])).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: 'Failed to connect\n',
    });
  });

  const faults: readonly [args: string[], message: RegExp][] = [
    [['-e', 'localhost'], /^Error sending\.\n--external: 'localhost' is not an address: there is no colon/],
    [[], /^Error sending\.\n--external HOST:PORT is required\.\n$/],
    [
      ['-e', ':1', '-t', 'partition-qery'],
      /^Unknown --type 'partition-qery'. Did you mean 'partition-query'\?\n$/,
    ],
    [['-e', ':1', '-t', 'everything'], /^Unknown --type 'everything'. --help lists the types.\n$/],
    [['--mesage', 'x'], /^Unknown option '--mesage'. Did you mean '--message'\?\n$/],
    [['hello'], /^Unexpected argument 'hello'. --help shows the usage.\n$/],
  ];
  for (const [args, message] of faults) {
    it(`refuses ${JSON.stringify(args)}`, async () => {
      const { code, stdout, stderr } = await result(args);
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
      expect(stderr).to.match(message);
    });
  }

  it('explains its options and every type with --help', async () => {
    const { code, stdout, stderr } = await result(['--help', '--ponynoblock']);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    for (const option of ['-e, --external', '-t, --type', '-m, --message', '-j, --json', '-h, --help']) {
      expect(stdout).to.include(option);
    }
    for (const { type } of queries) expect(stdout).to.include(type);
    for (const [type] of commands) expect(stdout).to.include(type?.toLowerCase() ?? 'print');
  });
});
