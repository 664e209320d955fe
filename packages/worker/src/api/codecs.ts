import type { Codec } from './codec.js';

/** The payload as it is. The message is a copy and may be kept. */
export const bytes: Codec<Buffer> = {
  decode: (source, start, end) => Buffer.from(source.subarray(start, end)),
  encode: (value) => value,
};

/** UTF-8 text. Bytes that are no UTF-8 become U+FFFD. */
export const utf8: Codec<string> = {
  decode: (source, start, end) => source.toString('utf8', start, end),
  encode: (value) => value,
};

/** One JSON document. What it decodes to is not checked: name the type you expect, or check it in a computation. */
export function json<T>(): Codec<T> {
  return {
    decode: (source, start, end) => JSON.parse(source.toString('utf8', start, end)) as T,
    encode: (value) => JSON.stringify(value),
  };
}
