import { encodeExternalMessage, FrameSplitter, u32Frames } from '@wallaroo/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { eventually } from './support/changes.js';
import { Client, frame, frames } from './support/client.js';
import { start, stopAll } from './support/process.js';
import { CollectingSink } from './support/sink.js';
import { appPath, initialized, LaunchedWorker, launchWorker, workerBin } from './support/worker-process.js';

const MB = 1024 * 1024;

interface Attack {
  readonly port: 'framed' | 'lines' | 'web' | 'control' | 'data';
  readonly bytes: Uint8Array;
  readonly cuts: readonly number[];
  readonly ending: 'end' | 'reset' | 'hang';
}

/** Changes of valid bytes: flipped bits, something cut out, something repeated, a length of anything. */
const mutated = (valid: fc.Arbitrary<Buffer>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      valid,
      fc.array(
        fc.record({
          kind: fc.constantFrom('flip', 'cut', 'repeat', 'length', 'text'),
          at: fc.nat(10_000),
          size: fc.nat(64),
          value: fc.nat(0xffffffff),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    )
    .map(([bytes, changes]) =>
      changes.reduce((before, { kind, at: place, size, value }) => {
        const at = before.length === 0 ? 0 : place % before.length;
        const after = Buffer.from(before);
        if (kind === 'flip' && after.length > 0) after[at]! ^= 1 << (value % 8);
        if (kind === 'length' && at + 4 <= after.length) after.writeUInt32BE(value, at);
        if (kind === 'cut') return Buffer.concat([after.subarray(0, at), after.subarray(at + size)]);
        if (kind === 'repeat') return Buffer.concat([after.subarray(0, at + size), after.subarray(at)]);
        if (kind === 'text') {
          const forged = Buffer.from('\n1753000000.000000,ERROR,Forged,a line of the log\n');
          return Buffer.concat([after.subarray(0, at), forged, after.subarray(at)]);
        }
        return after;
      }, bytes),
    );

const evil = fc
  .array(fc.nat(1e6), { minLength: 1, maxLength: 20 })
  .map((numbers) => numbers.map((number) => JSON.stringify({ from: 'evil', number })));
const handshake = Buffer.from(
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
);
const webFrames = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 100 }), { maxLength: 5 })
  .map((payloads) =>
    Buffer.concat([
      handshake,
      ...payloads.map((payload) =>
        Buffer.concat([Buffer.of(0x81, 0x80 | payload.length, 0, 0, 0, 0), payload]),
      ),
    ]),
  );
const anything = fc.uint8Array({ maxLength: 3000, size: 'max' });
const rest = {
  cuts: fc.array(fc.nat(3000), { maxLength: 4 }),
  ending: fc.constantFrom('end' as const, 'reset' as const, 'hang' as const),
};
const anyAttack: fc.Arbitrary<Attack> = fc.oneof(
  fc.record({ port: fc.constantFrom('framed', 'lines', 'web', 'control', 'data'), bytes: anything, ...rest }),
  fc.record({ port: fc.constant('framed'), bytes: mutated(evil.map(frames)), ...rest }),
  fc.record({
    port: fc.constant('lines'),
    bytes: mutated(evil.map((texts) => Buffer.from(texts.join('\n')))),
    ...rest,
  }),
  fc.record({ port: fc.constant('web'), bytes: mutated(webFrames), ...rest }),
);

const requests = fc
  .array(
    fc.constantFrom(
      encodeExternalMessage({ type: 'partitionQuery' }),
      encodeExternalMessage({ type: 'stateEntityQuery' }),
      encodeExternalMessage({
        type: 'shrinkRequest',
        body: { query: true, node_names: ['x'], node_count: 1 },
      }),
    ),
    { minLength: 1, maxLength: 10 },
  )
  .map((messages) => Buffer.concat(messages));
const anyRequests = fc
  .oneof(anything, mutated(requests))
  // A text that asks for a shutdown, by whatever accident, gets it; one that is printed may look like anything.
  .filter((bytes) => !idsIn(bytes).some((id) => [1, 2, 3].includes(id)));

function idsIn(bytes: Uint8Array): number[] {
  const ids: number[] = [];
  const splitter = new FrameSplitter(u32Frames(16384), (chunk, start, end) => {
    if (end - start >= 2) ids.push(chunk.readUInt16BE(start));
  });
  try {
    splitter.push(Buffer.from(bytes));
  } catch {
    // The worker reads no further either.
  }
  return ids;
}

describe('hostile bytes', function () {
  this.timeout(120_000);
  let sink: CollectingSink;
  let worker: LaunchedWorker;
  const hanging: Client[] = [];

  before(async () => {
    sink = await CollectingSink.listen();
    const inputs = ['framed', 'lines', 'web'].map((name) => `${name}@127.0.0.1:0`).join(',');
    worker = await launchWorker({ app: 'guarded', args: ['--in', inputs, '--out', sink.address] });
  });
  afterEach(() => hanging.splice(0).forEach((client) => client.destroy()));
  after(async () => {
    await stopAll();
    await sink.close();
  });

  const portOf = (name: string) =>
    name === 'control'
      ? worker.controlPort
      : name === 'data'
        ? worker.dataPort
        : name === 'external'
          ? worker.externalPort
          : worker.port(name);
  /** @returns when the bytes are sent, and for connections that end in order when the worker has ended too */
  const attack = async (
    port: string,
    bytes: Uint8Array,
    cuts: readonly number[],
    ending: Attack['ending'],
  ) => {
    const client = await Client.connect(portOf(port));
    const places = [...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
    let from = 0;
    for (const to of places) {
      await client.write(bytes.subarray(from, to));
      from = to;
    }
    if (ending === 'end') await client.end();
    else if (ending === 'reset') await client.reset();
    else hanging.push(client);
    if (hanging.length > 100) hanging.shift()!.destroy();
  };
  /** A client that behaves, all the while. */
  const witness = async () => {
    const client = await Client.connect(worker.port('framed'));
    let sent = 0;
    const expected: string[] = [];
    return {
      say: async () => {
        const text = JSON.stringify({ from: 'good', number: ++sent });
        expected.push(text);
        await client.write(frame(text));
      },
      check: async () => {
        const good = () => sink.text.split('\n').filter((line) => line.includes('"good"'));
        const before = good().length - sent;
        await sink.until(() => good().length >= sent, `${sent} messages of the witness`);
        expect(before).to.be.at.most(0);
        expect(good()).to.deep.equal(expected);
        await client.end();
        sink.connections.forEach((connection) => connection.chunks.splice(0));
      },
    };
  };

  it('on sources, control and data ports cost their own connection, one line, and nothing else', async () => {
    const linesBefore = worker.lines.length;
    const good = await witness();
    let attacks = 0;
    let memory = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyAttack, { minLength: 10, maxLength: 10 }), async (group) => {
        attacks += group.length;
        await Promise.all([
          ...group.map(({ port, bytes, cuts, ending }) => attack(port, bytes, cuts, ending)),
          good.say(),
        ]);
        if (attacks === 1000) memory = worker.residentMemory;
      }),
      { numRuns: 300, endOnFailure: true },
    );
    await good.check();
    const lines = worker.lines.slice(linesBefore);
    expect(lines.length).to.be.within(1, attacks);
    for (const line of lines) expect(line).to.match(/^(?!1753000000)\d+\.\d{6},/);
    expect(worker.residentMemory - memory).to.be.lessThan(50 * MB);
  });

  it('on the external channel do not keep operators from their answers', async () => {
    const good = await witness();
    let memory = 0;
    let cases = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ bytes: anyRequests, ...rest }), { minLength: 10, maxLength: 10 }),
        async (group) => {
          await Promise.all([
            ...group.map(({ bytes, cuts, ending }) => attack('external', bytes, cuts, ending)),
            good.say(),
          ]);
          const operator = await Client.connect(worker.externalPort);
          await operator.write(encodeExternalMessage({ type: 'clusterStatusQuery' }));
          await operator.end();
          expect(operator.received.toString()).to.include('"processing_messages":true');
          if (++cases === 50) memory = worker.residentMemory;
        },
      ),
      { numRuns: 100, endOnFailure: true },
    );
    await good.check();
    for (const line of worker.lines) expect(line).to.match(/^(?!1753000000)\d+\.\d{6},/);
    expect(worker.residentMemory - memory).to.be.lessThan(50 * MB);
  });
});

describe('more connections than the system allows a process', () => {
  let sink: CollectingSink;
  afterEach(async () => {
    await stopAll();
    await sink.close();
  });

  it('are turned away, and the others are served', async () => {
    sink = await CollectingSink.listen();
    const worker = new LaunchedWorker(
      start('/bin/bash', [
        ...['-c', 'ulimit -n 60 && exec "$@"', 'bash', process.execPath, workerBin],
        ...['--application-module', appPath('guarded'), '--cluster-initializer', '--out', sink.address],
        ...['--in', 'framed@127.0.0.1:0,lines@127.0.0.1:0,web@127.0.0.1:0', '--external', '127.0.0.1:0'],
      ]),
    );
    await worker.waitForLine(initialized);
    const good = await Client.connect(worker.port('framed'));
    const ports = [worker.port('framed'), worker.port('web'), worker.externalPort, worker.controlPort];
    const flood = await Promise.all(
      ports.flatMap((port) => Array.from({ length: 40 }, () => Client.connect(port))),
    );
    await good.write(frame('{"from":"good","number":1}'));
    await sink.waitForText('"number":1');
    flood.forEach((client) => client.destroy());
    await eventually(async () => {
      const late = await Client.connect(worker.port('framed'));
      await late.write(frame('{"from":"late","number":2}'));
      await late.end();
      return sink.text.includes('"late"');
    }, 'a client that comes later');
    expect((await worker.stop()).code).to.equal(0);
  });
});
