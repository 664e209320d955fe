import { expect } from 'chai';
import fc from 'fast-check';
import {
  decodeExternalMessage,
  encodeExternalMessage,
  InvalidExternalMessageError,
  type ClusterStatus,
  type ExternalMessage,
  type ShrinkRequest,
} from '../src/index.js';

const name = fc.string({ maxLength: 8 });
const names = fc.array(name, { maxLength: 3 });
const count = fc.maxSafeNat();

const shrinkRequest: fc.Arbitrary<ShrinkRequest> = fc.record(
  { query: fc.boolean(), node_names: names, node_count: count, drain: fc.boolean() },
  { requiredKeys: ['query', 'node_names', 'node_count'] },
);

const clusterStatus: fc.Arbitrary<ClusterStatus> = fc.record(
  {
    worker_count: count,
    worker_names: names,
    processing_messages: fc.boolean(),
    unreachable: names,
    leaving: names,
    slots_to_move: count,
    migration: fc.record({
      slots_moved: count,
      slots_total: count,
      keys: count,
      bytes: count,
      seconds: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    }),
  },
  { requiredKeys: ['worker_count', 'worker_names', 'processing_messages'] },
);

function payloadOf(message: ExternalMessage): string {
  return encodeExternalMessage(message).toString('utf8', 6);
}

function read(id: number, payload: string): ExternalMessage {
  return decodeExternalMessage(Buffer.concat([Buffer.from([0, id]), Buffer.from(payload)]));
}

describe('members of external messages that may be left out', () => {
  it('stay out when they are, and come through when they are not', () => {
    const message: fc.Arbitrary<ExternalMessage> = fc.oneof(
      shrinkRequest.map((body) => ({ type: 'shrinkRequest' as const, body })),
      clusterStatus.map((body) => ({ type: 'clusterStatusQueryResponse' as const, body })),
    );
    fc.assert(
      fc.property(message, (sent) => {
        const got = decodeExternalMessage(encodeExternalMessage(sent), 4);
        expect(got).to.deep.equal(sent);
        expect(Object.keys(got.body as object)).to.have.members(Object.keys(sent.body as object));
      }),
    );
  });

  it('change no byte of a message without them', () => {
    const request = { query: false, node_names: ['w2', 'w3'], node_count: 2 };
    expect(payloadOf({ type: 'shrinkRequest', body: request })).to.equal(
      '{"query":false,"node_names":["w2","w3"],"node_count":2}',
    );
    const status = { worker_count: 2, worker_names: ['initializer', 'w2'], processing_messages: true };
    expect(payloadOf({ type: 'clusterStatusQueryResponse', body: status })).to.equal(
      '{"worker_count":2,"worker_names":["initializer","w2"],"processing_messages":true}',
    );
  });

  it('stand behind those that are always there', () => {
    const body = { drain: true, query: true, node_names: [], node_count: 1 };
    expect(payloadOf({ type: 'shrinkRequest', body })).to.equal(
      '{"query":true,"node_names":[],"node_count":1,"drain":true}',
    );
  });

  it('are written as if left out when they are undefined', () => {
    const body = { query: true, node_names: [], node_count: 1, drain: undefined };
    expect(payloadOf({ type: 'shrinkRequest', body: body as unknown as ShrinkRequest })).to.equal(
      '{"query":true,"node_names":[],"node_count":1}',
    );
  });

  it('do not come from a prototype', () => {
    const { body } = read(4, '{"query":true,"node_names":[],"node_count":1,"__proto__":{"drain":true}}');
    expect(body).to.deep.equal({ query: true, node_names: [], node_count: 1 });
  });

  const status = '"worker_count":1,"worker_names":["a"],"processing_messages":true';
  const invalid: readonly [what: string, id: number, payload: string][] = [
    ['drain that is a number', 4, '{"query":true,"node_names":[],"node_count":1,"drain":1}'],
    ['drain that is null', 4, '{"query":true,"node_names":[],"node_count":1,"drain":null}'],
    ['unreachable that is a text', 10, `{${status},"unreachable":"a"}`],
    ['leaving with a number in it', 10, `{${status},"leaving":["a",1]}`],
    ['a negative number of slots to move', 10, `{${status},"slots_to_move":-1}`],
    ['a migration that is a list', 10, `{${status},"migration":[]}`],
    ['a migration that is null', 10, `{${status},"migration":null}`],
  ];
  for (const [what, id, payload] of invalid) {
    it(`are refused: ${what}`, () => {
      expect(() => read(id, payload)).to.throw(InvalidExternalMessageError, /is missing or of another type/);
    });
  }
});
