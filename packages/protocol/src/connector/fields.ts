import { isUtf8 } from 'node:buffer';
import type { ByteReader } from '../byte-reader.js';
import { InvalidMessageError, type Field } from '../message-table.js';

/** Most bytes of a name, a text or a key. */
export const connectorTextBytesMax = 0xffff;

/** A whole number from 0 to 2^64 - 1. */
export const fieldU64: Field<bigint> = {
  write: (out, value) => {
    if (BigInt.asUintN(64, value) !== value) throw new InvalidMessageError(`${value} is no u64`);
    out.u64(value);
  },
  read: (from) => from.u64(),
};

/** A whole number from -2^63 to 2^63 - 1. */
export const fieldI64: Field<bigint> = {
  write: (out, value) => {
    if (BigInt.asIntN(64, value) !== value) throw new InvalidMessageError(`${value} is no i64`);
    out.u64(BigInt.asUintN(64, value));
  },
  read: (from) => BigInt.asIntN(64, from.u64()),
};

/** u16 byte length, then bytes. Read as a copy. */
export const fieldBytes16: Field<Buffer> = {
  write: (out, value) => void out.u16(checkedLength(value.length)).bytes(value),
  read: (from) => from.bytes(from.u16()),
};

/**
 * u16 byte length, then UTF-8. Bytes that are no UTF-8 are refused, not mended: two names that differ on the
 * wire must not become one.
 */
export const fieldText16: Field<string> = {
  write: (out, value) => void out.u16(checkedLength(Buffer.byteLength(value))).text(value),
  read: (from) => utf8(from, from.u16()),
};

/** All bytes to the end of the message, as a copy. */
export const fieldRest: Field<Buffer> = {
  write: (out, value) => void out.bytes(value),
  read: (from) => from.bytes(from.left),
};

/** u32 byte length, then UTF-8; one peer leaves the length out when the text is empty. */
export const fieldTextOrNothing: Field<string> = {
  write: (out, value) => void out.u32(checkedLength(Buffer.byteLength(value))).text(value),
  read: (from) => (from.left === 0 ? '' : utf8(from, checkedLength(from.u32()))),
};

function utf8(from: ByteReader, count: number): string {
  const bytes = from.bytes(count);
  if (!isUtf8(bytes)) throw new InvalidMessageError('a text that is not UTF-8');
  return bytes.toString('utf8');
}

function checkedLength(count: number): number {
  if (count > connectorTextBytesMax) {
    throw new InvalidMessageError(`a text of ${count} bytes, the limit is ${connectorTextBytesMax}`);
  }
  return count;
}
