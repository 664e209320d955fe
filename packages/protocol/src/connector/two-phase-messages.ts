import {
  fieldBoolean,
  fieldList,
  fieldStruct,
  InvalidMessageError,
  messageTable,
  type MessageOf,
} from '../message-table.js';
import type { ConnectorMessage } from './connector-messages.js';
import { fieldText16, fieldU64 } from './fields.js';

/**
 * Two-phase commit between a worker and a connector sink. Each message travels as the bytes of a `message`
 * with stream 0 and id 0.
 *
 *     worker: listUncommitted      sink: replyUncommitted    once, at the start of each connection
 *     worker: phase1               sink: reply               is all up to here safe with you?
 *     worker: phase2                                         commit it, or forget it
 */
export const twoPhaseMessages = messageTable({
  listUncommitted: { tag: 201, fields: { request: fieldU64 } },
  /** What was prepared and has not been decided. */
  replyUncommitted: { tag: 202, fields: { request: fieldU64, transactions: fieldList(fieldText16, 2) } },
  /** A range is the bytes of a stream from `start` up to, not including, `end`. */
  phase1: {
    tag: 203,
    fields: {
      transaction: fieldText16,
      ranges: fieldList(fieldStruct({ stream: fieldU64, start: fieldU64, end: fieldU64 }), 24),
    },
  },
  reply: { tag: 204, fields: { transaction: fieldText16, commit: fieldBoolean } },
  phase2: { tag: 205, fields: { transaction: fieldText16, commit: fieldBoolean } },
  /** These workers have left the cluster and will not come back. */
  workersLeft: { tag: 206, fields: { request: fieldU64, workers: fieldList(fieldText16, 2) } },
});

/** A union told apart by `type`. */
export type TwoPhaseMessage = MessageOf<typeof twoPhaseMessages>;

/** The stream that carries two-phase commit. */
export const twoPhaseStream = 0n;

/** The stream on which a worker sends its output to a sink. */
export const outputStream = 1n;

/** @throws InvalidMessageError when a value does not fit its field */
export function wrapTwoPhase(message: TwoPhaseMessage): ConnectorMessage {
  return {
    type: 'message',
    stream: twoPhaseStream,
    id: 0n,
    eventTime: 0n,
    key: Buffer.alloc(0),
    bytes: twoPhaseMessages.encode(message),
  };
}

/** @throws InvalidMessageError when it is no `message` of stream 0 that holds one */
export function unwrapTwoPhase(message: ConnectorMessage): TwoPhaseMessage {
  if (message.type !== 'message' || message.stream !== twoPhaseStream) {
    throw new InvalidMessageError('no message of stream 0');
  }
  return twoPhaseMessages.decode(message.bytes);
}
