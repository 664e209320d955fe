import { ByteWriter } from '../byte-writer.js';
import {
  fieldBoolean,
  fieldList,
  fieldStruct,
  fieldU32,
  messageTable,
  type MessageOf,
} from '../message-table.js';
import { fieldBytes16, fieldI64, fieldRest, fieldText16, fieldTextOrNothing, fieldU64 } from './fields.js';

/**
 * The connector protocol: what a source client says to a worker, and a worker to a sink, and the answers.
 *
 *     frame = u32 length, u8 tag, body
 *
 * Stream ids, message ids and points of reference have 64 bits, hence bigint. A point of reference is the id
 * of the last message that counts as received; {@link nothingSeen} when there is none.
 */
export const connectorMessages = messageTable({
  /** First on each connection, from the side that opened it. */
  hello: {
    tag: 0,
    fields: { version: fieldText16, cookie: fieldText16, program: fieldText16, instance: fieldText16 },
  },
  /** Answers `hello`. */
  ok: { tag: 1, fields: { credits: fieldU32 } },
  /** The sender closes the connection after it. */
  error: { tag: 2, fields: { text: fieldText16 } },
  notify: { tag: 3, fields: { stream: fieldU64, name: fieldText16, pointOfReference: fieldU64 } },
  notifyAck: { tag: 4, fields: { success: fieldBoolean, stream: fieldU64, pointOfReference: fieldU64 } },
  /** Ids of one stream only increase. An empty key is none. Event time: the client's clock, signed. */
  message: {
    tag: 5,
    fields: { stream: fieldU64, id: fieldU64, eventTime: fieldI64, key: fieldBytes16, bytes: fieldRest },
  },
  /** Grants credits, and tells how far streams are safe. */
  ack: {
    tag: 6,
    fields: {
      credits: fieldU32,
      positions: fieldList(fieldStruct({ stream: fieldU64, pointOfReference: fieldU64 }), 16),
    },
  },
  /** Connect again, to `HOST:PORT`; empty: to where you are. */
  restart: { tag: 7, fields: { address: fieldTextOrNothing } },
  eos: { tag: 8, fields: { stream: fieldU64 } },
  /** Stands in the protocol, but is sent inside of a `message` only: see `two-phase-messages.ts`. */
  workersLeft: { tag: 9, fields: { request: fieldU64, workers: fieldList(fieldText16, 2) } },
});

/** A union told apart by `type`. */
export type ConnectorMessage = MessageOf<typeof connectorMessages>;

/** What source clients say in `hello`, and workers demand. */
export const connectorSourceVersion = '0.0.1';

/** What workers say in `hello` to sinks. */
export const connectorSinkVersion = 'v0.0.1';

/** The point of reference of a stream of which nothing has been received. */
export const nothingSeen = 2n ** 64n - 1n;

/** Workers close a source's connection on which a longer frame comes. Bytes behind the length. */
export const connectorSourceFrameBytesMax = 16384;

/** The longest frame that our sinks accept unless told otherwise. Bytes behind the length. */
export const connectorSinkFrameBytesMax = 16 * 1024 * 1024;

/** Bytes of a `message` besides its key and its bytes. */
export const connectorMessageOverhead = 27;

/**
 * Appends the complete frame of a message.
 * @throws InvalidMessageError when a value does not fit its field; what was written then is no frame
 */
export function writeConnectorFrame(out: ByteWriter, message: ConnectorMessage): void {
  const start = out.length;
  out.u32(0);
  connectorMessages.write(out, message);
  out.patchU32(start, out.length - start - 4);
}

/**
 * The complete frame of a message.
 * @throws InvalidMessageError when a value does not fit its field
 */
export function encodeConnectorFrame(message: ConnectorMessage): Buffer {
  const out = new ByteWriter(message.type === 'message' ? 32 + message.bytes.length : 64);
  writeConnectorFrame(out, message);
  return out.toBuffer();
}
