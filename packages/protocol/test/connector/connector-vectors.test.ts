import { expect } from 'chai';
import {
  connectorMessages,
  encodeConnectorFrame,
  FrameSplitter,
  streamIdOf,
  u32Frames,
  unwrapTwoPhase,
  wrapTwoPhase,
  type ConnectorMessage,
  type TwoPhaseMessage,
} from '../../src/index.js';
import { valuesOf, vectorsOf } from '../vectors.js';

/** `decoded` as the file of vectors has it, in one shape for all types. */
interface Decoded {
  readonly type: string;
  readonly version: string;
  readonly cookie: string;
  readonly program_name: string;
  readonly instance_name: string;
  readonly initial_credits: number;
  readonly message: string;
  readonly stream_id: string;
  readonly stream_name: string;
  readonly point_of_ref: string;
  readonly notify_success: boolean;
  readonly message_id: string;
  readonly event_time: string;
  readonly key_utf8: string | null;
  readonly message_utf8?: string | null;
  readonly message_hex?: string;
  readonly credits: number;
  readonly acks: readonly (readonly [string, string])[];
  readonly address: string | null;
  readonly rtag: string;
  readonly leaving_workers: readonly string[];
  readonly txn_ids: readonly string[];
  readonly txn_id: string;
  readonly commit: boolean;
  readonly where_list: readonly (readonly [string, string, string])[];
}

function outer(decoded: Decoded): ConnectorMessage {
  switch (decoded.type) {
    case 'Hello':
      return {
        type: 'hello',
        version: decoded.version,
        cookie: decoded.cookie,
        program: decoded.program_name,
        instance: decoded.instance_name,
      };
    case 'Ok':
      return { type: 'ok', credits: decoded.initial_credits };
    case 'Error':
      return { type: 'error', text: decoded.message };
    case 'Notify':
      return {
        type: 'notify',
        stream: BigInt(decoded.stream_id),
        name: decoded.stream_name,
        pointOfReference: BigInt(decoded.point_of_ref),
      };
    case 'NotifyAck':
      return {
        type: 'notifyAck',
        success: decoded.notify_success,
        stream: BigInt(decoded.stream_id),
        pointOfReference: BigInt(decoded.point_of_ref),
      };
    case 'Message':
      return {
        type: 'message',
        stream: BigInt(decoded.stream_id),
        id: BigInt(decoded.message_id),
        eventTime: BigInt(decoded.event_time),
        key: Buffer.from(decoded.key_utf8 ?? ''),
        bytes: decoded.message_hex
          ? Buffer.from(decoded.message_hex, 'hex')
          : Buffer.from(decoded.message_utf8 ?? ''),
      };
    case 'Ack':
      return {
        type: 'ack',
        credits: decoded.credits,
        positions: decoded.acks.map(([stream, pointOfReference]) => ({
          stream: BigInt(stream),
          pointOfReference: BigInt(pointOfReference),
        })),
      };
    case 'Restart':
      return { type: 'restart', address: decoded.address ?? '' };
    case 'EosMessage':
      return { type: 'eos', stream: BigInt(decoded.stream_id) };
    case 'WorkersLeft':
      return { type: 'workersLeft', request: BigInt(decoded.rtag), workers: decoded.leaving_workers };
    default:
      throw new Error(`no connector message is called ${decoded.type}`);
  }
}

function inner(decoded: Decoded): TwoPhaseMessage {
  switch (decoded.type) {
    case 'ListUncommitted':
      return { type: 'listUncommitted', request: BigInt(decoded.rtag) };
    case 'ReplyUncommitted':
      return { type: 'replyUncommitted', request: BigInt(decoded.rtag), transactions: decoded.txn_ids };
    case 'TwoPCPhase1':
      return {
        type: 'phase1',
        transaction: decoded.txn_id,
        ranges: decoded.where_list.map(([stream, start, end]) => ({
          stream: BigInt(stream),
          start: BigInt(start),
          end: BigInt(end),
        })),
      };
    case 'TwoPCReply':
      return { type: 'reply', transaction: decoded.txn_id, commit: decoded.commit };
    case 'TwoPCPhase2':
      return { type: 'phase2', transaction: decoded.txn_id, commit: decoded.commit };
    case 'WorkersLeft':
      return { type: 'workersLeft', request: BigInt(decoded.rtag), workers: decoded.leaving_workers };
    default:
      throw new Error(`no message of two-phase commit is called ${decoded.type}`);
  }
}

function decodeFrame(bytes: Buffer): ConnectorMessage {
  const read: ConnectorMessage[] = [];
  new FrameSplitter(u32Frames(16384), (chunk, start, end) => {
    read.push(connectorMessages.decode(chunk, start, end));
  }).push(bytes);
  expect(read).to.have.length(1);
  return read[0]!;
}

const vectors = [
  ...vectorsOf<Decoded>('connector').map((vector) => ({ ...vector, isInner: false })),
  ...vectorsOf<Decoded>('connector-2pc').map((vector) => ({
    ...vector,
    isInner: 'inner_tag' in vector.decoded,
  })),
];

describe('connector messages of other implementations', () => {
  for (const { name, bytes, decoded, isInner } of vectors) {
    it(`reads ${name}`, () => {
      const message = decodeFrame(bytes);
      if (isInner) expect(unwrapTwoPhase(message)).to.deep.equal(inner(decoded));
      else expect(message).to.deep.equal(outer(decoded));
    });

    // One peer leaves the length of an empty address out. We read that, and write it as the others do.
    if (name === 'restart-bare') continue;
    it(`writes ${name} byte for byte`, () => {
      const message = isInner ? wrapTwoPhase(inner(decoded)) : outer(decoded);
      expect(encodeConnectorFrame(message).toString('hex')).to.equal(bytes.toString('hex'));
    });
  }

  it('has read all of them', () => {
    expect(vectors).to.have.length(38);
  });

  for (const { input, value } of valuesOf('stream_id')) {
    it(`gives the stream '${input}' the same id`, () => {
      expect(streamIdOf(input)).to.equal(BigInt(value));
    });
  }
});
