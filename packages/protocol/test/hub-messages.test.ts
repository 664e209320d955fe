import { expect } from 'chai';
import fc from 'fast-check';
import {
  decodeHubMessage,
  encodeHubMessage,
  hubBins,
  noMinimum,
  ShortInputError,
  type HubMessage,
} from '../src/index.js';
import { vectorsOf } from './vectors.js';

const vectors = vectorsOf<Record<string, unknown>>('hub');

const text = fc.string({ unit: 'binary', maxLength: 40 });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const metric = fc.record({
  name: text,
  category: fc.constantFrom('computation', 'start-to-end', 'node-ingress-egress', 'pipeline-ingestion'),
  worker: text,
  pipeline: text,
  id: fc.integer({ min: 0, max: 0xffff }),
  bins: fc.array(fc.maxSafeNat(), { minLength: hubBins, maxLength: hubBins }),
  min: u64,
  max: u64,
  period: u64,
  periodEnd: u64,
});
const anyMessage: fc.Arbitrary<HubMessage> = fc.oneof(
  fc.constant({ type: 'connect' } as const),
  fc.record({ type: fc.constant('join' as const), topic: text }),
  fc.record({ type: fc.constant('join' as const), topic: text, worker: text }),
  fc.record({ type: fc.constant('payload' as const), event: text, topic: text, metric }),
);

describe('hub messages', () => {
  for (const { name, bytes } of vectors) {
    it(`reads the vector ${name} and writes the same bytes`, () => {
      expect(encodeHubMessage(decodeHubMessage(bytes, 4)).toString('hex')).to.equal(bytes.toString('hex'));
    });
  }

  it('reads a join with and without the name of a worker', () => {
    const [withName, without] = ['join', 'join-topic-only'].map((name) =>
      decodeHubMessage(vectors.find((vector) => vector.name === name)!.bytes, 4),
    );
    expect(withName).to.deep.equal({ type: 'join', topic: 'metrics:Word Count', worker: 'initializer' });
    expect(without).to.deep.equal({ type: 'join', topic: 'metrics:Word Count' });
  });

  it('reads a period without samples', () => {
    const vector = vectors.find(({ name }) => name === 'empty-period')!;
    const message = decodeHubMessage(vector.bytes, 4);
    if (message.type !== 'payload') throw new Error(`read a ${message.type}`);
    expect(message.metric).to.include({
      name: 'count word',
      category: 'computation',
      worker: 'initializer',
      pipeline: 'Split and Count',
      id: 3,
      min: noMinimum,
      max: 0n,
      period: 2_000_000_000n,
    });
    expect(message.metric.bins).to.deep.equal(new Array(hubBins).fill(0));
  });

  it('reads back what was written', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const encoded = encodeHubMessage(message);
        expect(encoded.readUInt32BE(0)).to.equal(encoded.length - 4);
        expect(decodeHubMessage(encoded, 4)).to.deep.equal(message);
      }),
    );
  });

  it('finds every message too short when its last byte is missing', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const encoded = encodeHubMessage(message);
        expect(() => decodeHubMessage(encoded, 4, encoded.length - 1)).to.throw(ShortInputError);
      }),
    );
  });

  it('refuses a type that does not exist', () => {
    expect(() => decodeHubMessage(Buffer.from([4]))).to.throw(RangeError, 'unknown hub message type 4');
  });

  it('meets random bytes with a message or one of its two errors', () => {
    const type = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(type, fc.uint8Array({ maxLength: 700 }), (first, bytes) => {
        try {
          decodeHubMessage(Buffer.from([first, ...bytes]));
        } catch (error) {
          if (!(error instanceof ShortInputError)) expect(error).to.be.instanceOf(RangeError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
