import { expect } from 'chai';
import { crc32 } from '@wallaroo/protocol';
import { eventually } from '../support/changes.js';
import { Client, frame } from '../support/client.js';
import { Cluster, endClusters, names } from '../support/cluster.js';

/** A frame between workers: u32 length, u32 checksum of what follows, u8 kind, five u32 and u53, payload. */
function peerFrame(kind: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.of(kind), Buffer.alloc(24), payload]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body, 0));
  return frame(Buffer.concat([checksum, body]));
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
}

const kinds = { hello: 1, welcome: 2, ping: 4, control: 16, batch: 17 };

describe('hostile bytes on the ports between workers', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start({ workers: 2 });
  });
  after(endClusters);

  const attacks: Record<string, Buffer> = {
    'bytes that are no frame': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    'a length beyond all bounds': Buffer.from('ffffffff00000000', 'hex'),
    'a length that only members may send': Buffer.from('0001000100000000', 'hex'),
    'a frame too short for its header': frame('tiny'),
    'a frame of length zero': Buffer.alloc(4),
    'a frame whose checksum is wrong': flipped(peerFrame(kinds.hello, Buffer.from('hello')), 5),
    'a frame one bit of which has changed': flipped(peerFrame(kinds.hello, Buffer.from('hello')), 34),
    'a hello that says nothing': peerFrame(kinds.hello),
    'a hello full of garbage': peerFrame(kinds.hello, Buffer.alloc(1000, 0xff)),
    'a welcome that nobody asked for': peerFrame(kinds.welcome),
    'a ping before the greeting': peerFrame(kinds.ping),
    'messages before the greeting': peerFrame(kinds.batch, Buffer.alloc(100)),
    'orders before the greeting': peerFrame(kinds.control, Buffer.alloc(100)),
    'a kind that does not exist': peerFrame(99),
  };

  const ports = () =>
    cluster.members.flatMap((member) => [
      { member, channel: 'control', port: member.controlPort },
      { member, channel: 'data', port: member.dataPort },
    ]);
  const complaints = () =>
    ports().map(
      ({ member, channel }) =>
        member.textsWith(`${member.name} ${channel}: closed a connection from 127.0.0.1: `).length,
    );
  const lines = () => cluster.members.map((member) => member.texts.length);

  afterEach(async () => {
    const { members, numbers, sink } = cluster;
    for (const member of members) {
      await numbers.send(member, names('key', 20));
      await sink.waitForLines(numbers.total);
    }
    numbers.expectExact(sink.lines);
    for (const member of members) {
      expect((await member.status()).processing_messages).to.equal(true);
      expect(member.textsWith('unreachable')).to.deep.equal([]);
    }
  });

  for (const [what, bytes] of Object.entries(attacks)) {
    it(`${what}: the connection is closed, with one line`, async () => {
      const [before, linesBefore] = [complaints(), lines()];
      await Promise.all(
        ports().map(async ({ port }) => {
          const client = await Client.connect(port);
          await client.write(bytes);
          await client.closed;
        }),
      );
      const expected = before.map((count) => count + 1);
      await eventually(() => complaints().join() === expected.join(), 'a line for each');
      expect(lines()).to.deep.equal(linesBefore.map((count) => count + 2));
    });
  }

  it('a frame that is cut, by an end or a reset: nothing worth a line', async () => {
    const before = lines();
    const hello = peerFrame(kinds.hello, Buffer.alloc(100));
    for (const cut of [1, 3, 4, 8, 33, 100]) {
      await Promise.all(
        ports().flatMap(({ port }) =>
          (['end', 'reset'] as const).map(async (ending) => {
            const client = await Client.connect(port);
            await client.write(hello.subarray(0, cut));
            await client[ending]();
          }),
        ),
      );
    }
    expect(lines()).to.deep.equal(before);
  });

  it('silence, and a frame that never ends: closed after a while, with one line', async () => {
    const before = complaints();
    await Promise.all(
      ports().flatMap(({ port }) =>
        [Buffer.alloc(0), peerFrame(kinds.hello, Buffer.alloc(100)).subarray(0, 50)].map(async (bytes) => {
          const client = await Client.connect(port);
          await client.write(bytes);
          await client.closed;
        }),
      ),
    );
    await eventually(
      () => complaints().join() === before.map((count) => count + 2).join(),
      'two lines at each port',
    );
    for (const { texts } of cluster.members) {
      expect(texts.filter((text) => text.includes('it has not greeted within 5000 ms'))).to.have.length(4);
    }
  });
});
