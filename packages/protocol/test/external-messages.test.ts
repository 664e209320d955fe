import { expect } from 'chai';
import fc from 'fast-check';
import {
  decodeExternalMessage,
  encodeExternalMessage,
  externalMessages,
  InvalidExternalMessageError,
  type ExternalMessage,
} from '../src/index.js';
import { vectorsOf } from './vectors.js';

interface Decoded {
  readonly id?: number;
  readonly payload_text?: string;
  readonly json?: unknown;
}

const vectors = vectorsOf<Decoded>('external').filter(({ decoded }) => decoded.id !== undefined);

function frame(id: number, payload: string): Buffer {
  const body = Buffer.from(payload);
  const bytes = Buffer.alloc(2 + body.length);
  bytes.writeUInt16BE(id);
  body.copy(bytes, 2);
  return bytes;
}

describe('external messages', () => {
  for (const { name, bytes, decoded } of vectors) {
    it(`reads the vector ${name} and writes the same bytes`, () => {
      const message = decodeExternalMessage(bytes, 4);
      expect(externalMessages[message.type].id).to.equal(decoded.id);
      if (decoded.json !== undefined) expect(message.body).to.deep.equal(decoded.json);
      else expect(message.body ?? '').to.equal(decoded.payload_text);
      expect(encodeExternalMessage(message).toString('hex')).to.equal(bytes.toString('hex'));
    });
  }

  it('has a vector for every message of the table', () => {
    const covered = new Set(vectors.map(({ decoded }) => decoded.id));
    for (const [type, { id }] of Object.entries(externalMessages)) expect(covered, type).to.include(id);
  });

  it('gives no id to two messages', () => {
    const ids = Object.values(externalMessages).map(({ id }) => id);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it('reads only the bytes between start and end', () => {
    const message: ExternalMessage = { type: 'print', body: 'grün' };
    const encoded = encodeExternalMessage(message);
    const surrounded = Buffer.concat([Buffer.from('before'), encoded.subarray(4), Buffer.from('after')]);
    expect(decodeExternalMessage(surrounded, 6, 6 + encoded.length - 4)).to.deep.equal(message);
  });

  it('takes JSON members in any order and drops those it does not know', () => {
    const payload = '{ "node_count": 2, "more": 1, "node_names": [], "query": false }';
    expect(decodeExternalMessage(frame(4, payload)).body).to.deep.equal({
      query: false,
      node_names: [],
      node_count: 2,
    });
  });

  it('keeps names that need escaping in JSON', () => {
    const message: ExternalMessage = {
      type: 'stateEntityQueryResponse',
      body: { 'a"b': ['\\', '\u0000', '"', '🦘'], __proto: [] },
    };
    expect(decodeExternalMessage(encodeExternalMessage(message), 4)).to.deep.equal(message);
  });

  const invalid: readonly [what: string, bytes: Buffer][] = [
    ['no bytes', Buffer.alloc(0)],
    ['one byte', Buffer.from([0])],
    ['id 0', frame(0, '')],
    ['an id beyond the table', frame(27, '')],
    ['text where JSON belongs', frame(4, 'shrink')],
    ['JSON that is no object', frame(5, '[]')],
    ['null', frame(10, 'null')],
    ['a missing member', frame(5, '{"node_names":[]}')],
    [
      'a member of another type',
      frame(10, '{"worker_count":"2","worker_names":[],"processing_messages":true}'),
    ],
    ['a negative count', frame(22, '{"a":-1}')],
    ['a count with a fraction', frame(22, '{"a":1.5}')],
    ['a list with something else in it', frame(18, '{"a":["b",1]}')],
    ['an inherited member only', frame(15, '{"__proto__":{"source_ids":[]}}')],
  ];
  for (const [what, bytes] of invalid) {
    it(`refuses ${what}`, () => {
      expect(() => decodeExternalMessage(bytes)).to.throw(InvalidExternalMessageError);
    });
  }

  it('meets random bytes with a message or its own error, never with another', () => {
    const id = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 0xffff }));
    const payload = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.json().map(Buffer.from));
    fc.assert(
      fc.property(id, payload, (someId, bytes) => {
        const input = Buffer.concat([Buffer.from([someId >> 8, someId & 255]), bytes]);
        try {
          encodeExternalMessage(decodeExternalMessage(input));
        } catch (error) {
          expect(error).to.be.instanceOf(InvalidExternalMessageError);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('survives every single byte of every vector being another', () => {
    for (const { bytes } of vectors) {
      for (let at = 4; at < bytes.length; at++) {
        const damaged = Buffer.from(bytes);
        damaged[at] = damaged[at]! ^ 0x55;
        try {
          decodeExternalMessage(damaged, 4);
        } catch (error) {
          expect(error).to.be.instanceOf(InvalidExternalMessageError);
        }
      }
    }
  });
});
