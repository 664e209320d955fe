import { expect } from 'chai';
import fc from 'fast-check';
import {
  connectorMessages,
  encodeConnectorFrame,
  FrameSplitter,
  InvalidMessageError,
  twoPhaseMessages,
  u32Frames,
  unwrapTwoPhase,
  wrapTwoPhase,
  type ConnectorMessage,
  type MessageTable,
  type TwoPhaseMessage,
} from '../../src/index.js';

const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const text = fc.string({ unit: 'binary', maxLength: 30 });
const bytes = fc.uint8Array({ maxLength: 60 }).map((value) => Buffer.from(value));

function of<Type extends string, T>(type: Type, fields: { [Name in keyof T]: fc.Arbitrary<T[Name]> }) {
  return fc.record(fields).map((values) => ({ type, ...values }));
}

const workersLeft = of('workersLeft', { request: u64, workers: fc.array(text, { maxLength: 4 }) });

const connectorMessage: fc.Arbitrary<ConnectorMessage> = fc.oneof(
  of('hello', { version: text, cookie: text, program: text, instance: text }),
  of('ok', { credits: u32 }),
  of('error', { text }),
  of('notify', { stream: u64, name: text, pointOfReference: u64 }),
  of('notifyAck', { success: fc.boolean(), stream: u64, pointOfReference: u64 }),
  of('message', {
    stream: u64,
    id: u64,
    eventTime: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    key: bytes,
    bytes,
  }),
  of('ack', {
    credits: u32,
    positions: fc.array(fc.record({ stream: u64, pointOfReference: u64 }), { maxLength: 4 }),
  }),
  of('restart', { address: text }),
  of('eos', { stream: u64 }),
  workersLeft,
);

const twoPhaseMessage: fc.Arbitrary<TwoPhaseMessage> = fc.oneof(
  of('listUncommitted', { request: u64 }),
  of('replyUncommitted', { request: u64, transactions: fc.array(text, { maxLength: 4 }) }),
  of('phase1', {
    transaction: text,
    ranges: fc.array(fc.record({ stream: u64, start: u64, end: u64 }), { maxLength: 4 }),
  }),
  of('reply', { transaction: text, commit: fc.boolean() }),
  of('phase2', { transaction: text, commit: fc.boolean() }),
  workersLeft,
);

function survives<Message>(table: MessageTable<Message>, input: Buffer): void {
  try {
    table.encode(table.decode(input));
  } catch (error) {
    expect(error).to.be.instanceOf(InvalidMessageError);
  }
}

const tables = [
  ['connector', connectorMessages as MessageTable<unknown>, connectorMessage as fc.Arbitrary<unknown>],
  ['two-phase', twoPhaseMessages as MessageTable<unknown>, twoPhaseMessage as fc.Arbitrary<unknown>],
] as const;

for (const [name, table, message] of tables) {
  describe(`${name} messages`, () => {
    it('are read as they were written', () =>
      fc.assert(
        fc.property(message, (sent) => {
          expect(table.decode(table.encode(sent))).to.deep.equal(sent);
        }),
        { numRuns: 500 },
      ));

    it('meet random bytes with a message or a protocol error', () =>
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(9), (input, tag) => {
          const offset = table === twoPhaseMessages ? 200 : 0;
          survives(table, Buffer.from(input));
          survives(table, Buffer.from([offset + tag, ...input]));
        }),
        { numRuns: 2000 },
      ));

    it('meet damaged messages with a message or a protocol error', () =>
      fc.assert(
        fc.property(
          message,
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }),
          fc.nat(),
          (sent, damage, cut) => {
            const input = table.encode(sent);
            for (const [at, value] of damage) input[at % input.length] = value;
            survives(table, input);
            survives(table, input.subarray(0, cut % (input.length + 1)));
          },
        ),
        { numRuns: 2000 },
      ));
  });
}

describe('connector frames', () => {
  it('are read as they were written, wherever the socket cuts the bytes', () =>
    fc.assert(
      fc.property(
        fc.array(connectorMessage, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 40 })),
        (sent, cuts) => {
          const got: ConnectorMessage[] = [];
          const splitter = new FrameSplitter(u32Frames(16384), (chunk, start, end) => {
            got.push(connectorMessages.decode(chunk, start, end));
          });
          let rest = Buffer.concat(sent.map(encodeConnectorFrame));
          for (const cut of cuts) {
            splitter.push(rest.subarray(0, cut));
            rest = rest.subarray(cut);
          }
          splitter.push(rest);
          expect(got).to.deep.equal(sent);
        },
      ),
    ));

  it('carry two-phase messages inside of stream 0', () =>
    fc.assert(
      fc.property(twoPhaseMessage, (sent) => {
        expect(unwrapTwoPhase(wrapTwoPhase(sent))).to.deep.equal(sent);
      }),
    ));

  it('hold no two-phase message on another stream', () => {
    const message = wrapTwoPhase({ type: 'listUncommitted', request: 1n });
    expect(() => unwrapTwoPhase({ ...message, stream: 1n } as ConnectorMessage)).to.throw(
      InvalidMessageError,
    );
    expect(() => unwrapTwoPhase({ type: 'ok', credits: 1 })).to.throw(InvalidMessageError);
  });
});

describe('connector messages', () => {
  const hostile: readonly [what: string, hex: string, why: RegExp][] = [
    [
      'more positions than the bytes can hold',
      '0600000001' + '00000002' + '00'.repeat(31),
      /a list of 2 in 31/,
    ],
    ['a count of positions beyond all bounds', '0600000001ffffffff', /a list of 4294967295 in 0/],
    [
      'more workers than the bytes can hold',
      '09' + '00'.repeat(8) + '00000002' + '000000',
      /a list of 2 in 3/,
    ],
    ['a name that is longer than the message', '0200ff61', /wanted 255 bytes/],
    ['a name that is no UTF-8', '020001ff', /not UTF-8/],
    ['an address that is longer than the limit', '0700010000', /a text of 65536 bytes/],
    ['a truth value that is neither', '0402' + '00'.repeat(16), /2 where 0 or 1/],
    ['no bytes', '', /no message has the tag -1/],
    ['an unknown tag', '0a', /no message has the tag 10/],
    ['a byte too many', '0100000001ff', /1 bytes too many/],
  ];
  for (const [what, hex, why] of hostile) {
    it(`refuse ${what}`, () => {
      expect(() => connectorMessages.decode(Buffer.from(hex, 'hex'))).to.throw(InvalidMessageError, why);
    });
  }

  it('refuse to be written with values that do not fit', () => {
    const long = 'x'.repeat(65536);
    const message = {
      type: 'message',
      stream: 1n,
      id: 1n,
      eventTime: 0n,
      key: Buffer.alloc(0),
      bytes: Buffer.alloc(0),
    } as const;
    for (const wrong of [
      { type: 'error', text: long },
      { type: 'restart', address: long },
      { type: 'eos', stream: -1n },
      { type: 'eos', stream: 2n ** 64n },
      { ...message, key: Buffer.from(long) },
      { ...message, eventTime: 2n ** 63n },
    ] as const) {
      expect(
        () => encodeConnectorFrame(wrong),
        JSON.stringify(wrong, (_, value: unknown) => String(value)).slice(0, 60),
      ).to.throw(InvalidMessageError);
    }
  });
});
