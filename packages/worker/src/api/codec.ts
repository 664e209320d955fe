import { ByteWriter } from '@wallaroo/protocol';

/**
 * Turns the bytes of one frame into a message; `undefined` or `null` drops the frame.
 *
 * The payload is `bytes` from `start` to `end`, big frames and small ones alike in the buffer they were
 * received in. It is valid during the call only: copy what must live longer. Throw to refuse the bytes.
 */
export type Decoder<T> = (bytes: Buffer, start: number, end: number) => T | null | undefined;

/** A message in, its bytes out; text is written as UTF-8; `undefined` or `null` sends nothing. */
export type EncodeFunction<T> = (value: T) => string | Uint8Array | null | undefined;

/** An encoder that writes straight into the sink's buffer: the fastest form for small binary messages. */
export interface WriterEncoder<T> {
  readonly encodeInto: (value: T, out: ByteWriter) => void;
}

export type Encoder<T> = EncodeFunction<T> | WriterEncoder<T>;

/** What one format needs at a source and at a sink. */
export interface Codec<T> {
  readonly decode: Decoder<T>;
  readonly encode: Encoder<T>;
}

/**
 * A decoder from a plain function over the payload alone.
 * The buffer is a copy that the function may keep; this costs about 0.2 us for each frame.
 */
export function bufferDecoder<T>(decode: (payload: Buffer) => T | null | undefined): Decoder<T> {
  return (bytes, start, end) => decode(Buffer.from(bytes.subarray(start, end)));
}

/** An encoder that writes straight into the sink's buffer. What it writes in one call is one message. */
export function writerEncoder<T>(encodeInto: (value: T, out: ByteWriter) => void): WriterEncoder<T> {
  return { encodeInto };
}

/**
 * Puts a big-endian u32 byte length in front of each message of `encoder`, as framed receivers expect.
 * Where `encoder` has nothing to send nothing is sent; an empty message is an empty frame.
 */
export function framed<T>(encoder: Encoder<T>): WriterEncoder<T> {
  return typeof encoder === 'function' ? framedFunction(encoder) : framedWriter(encoder.encodeInto);
}

function framedWriter<T>(encodeInto: WriterEncoder<T>['encodeInto']): WriterEncoder<T> {
  return {
    encodeInto: (value, out) => {
      const header = out.length;
      out.u32(0);
      encodeInto(value, out);
      out.patchU32(header, out.length - header - 4);
    },
  };
}

function framedFunction<T>(encode: EncodeFunction<T>): WriterEncoder<T> {
  return {
    encodeInto: (value, out) => {
      const encoded = encode(value);
      if (encoded == null) return;
      if (typeof encoded === 'string') out.text32(encoded);
      else if (encoded instanceof Uint8Array) out.u32(encoded.length).bytes(encoded);
      else throw new TypeError(`the encoder must return text or bytes, not ${typeof encoded}`);
    },
  };
}

/** The bytes of one message, for tests and for programs that talk to a worker; empty if nothing is sent. */
export function encodeMessage<T>(encoder: Encoder<T>, value: T): Buffer {
  if (typeof encoder === 'function') return Buffer.from((encoder(value) ?? '') as Uint8Array);
  const out = new ByteWriter();
  encoder.encodeInto(value, out);
  return out.toBuffer();
}
