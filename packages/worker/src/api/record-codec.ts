import type { ByteWriter } from '@wallaroo/protocol';
import type { Codec } from './codec.js';
import { ApplicationError, DecodeError } from './errors.js';

/**
 * Fixed binary records by a table of fields, big-endian, without padding:
 *
 *     const vote = record({ letter: ascii(1), votes: u32 });   // 5 bytes, Codec<{letter: string; votes: number}>
 *
 * The two functions of the codec are compiled from the table once, so that decoding makes one object
 * literal of a stable shape and touches each field once.
 */
export function record<Fields extends FieldTable>(fields: Fields): RecordCodec<RecordOf<Fields>> {
  const names = Object.keys(fields);
  for (const name of names) {
    if (!/^[A-Za-z_$][\w$]*$/.test(name) || name === '__proto__') {
      throw new ApplicationError(`record: '${name}' cannot be a field name; use letters, digits, _ and $`);
    }
  }
  let size = 0;
  const reads: string[] = [];
  const writes: string[] = [];
  for (const name of names) {
    const field = fields[name]!;
    if (field.read !== undefined) reads.push(`${name}: ${field.read(size)}`);
    writes.push(field.write(`value.${name}`));
    size += field.bytes;
  }
  const decode = compile<RecordCodec<RecordOf<Fields>>['decode']>(
    ['bytes', 'start', 'end'],
    `if (end - start !== ${size}) helpers.wrongSize(end - start, ${size});
     return { ${reads.join(', ')} };`,
  );
  const encodeInto = compile<(value: RecordOf<Fields>, out: ByteWriter) => void>(
    ['value', 'out'],
    writes.join('\n'),
  );
  return { decode, encode: { encodeInto }, size };
}

export interface RecordCodec<T> extends Codec<T> {
  /** @throws DecodeError when the bytes are no such record */
  readonly decode: (bytes: Buffer, start: number, end: number) => T;
  readonly encode: { readonly encodeInto: (value: T, out: ByteWriter) => void };
  /** Bytes of one record. */
  readonly size: number;
}

/** One kind of field: its width, and the code that reads it at an offset and that writes a value. */
export interface Field<T> {
  readonly bytes: number;
  /** JavaScript for the value at `start + offset` of `bytes`; without it the record has no such member. */
  readonly read?: (offset: number) => string;
  /** JavaScript that appends `value` to `out`. */
  readonly write: (value: string) => string;
  /** Carries the type only; never present. */
  readonly type?: T;
}

export type FieldTable = Readonly<Record<string, Field<unknown>>>;

/** A field that carries a number. */
export interface NumberField extends Field<number> {
  readonly read: (offset: number) => string;
}

/** The type of the records of a field table, or of a codec made from one. */
export type RecordOf<Source> =
  Source extends RecordCodec<infer T>
    ? T
    : {
        -readonly [Name in keyof Source as Source[Name] extends Field<void> ? never : Name]: ValueOf<
          Source[Name]
        >;
      };

type ValueOf<F> = F extends Field<infer T> ? T : never;

const byte = (offset: number) => `bytes[start + ${offset}]`;

export const u8: NumberField = { bytes: 1, read: byte, write: (value) => `out.u8(${value});` };

export const u16: NumberField = {
  bytes: 2,
  read: (at) => `((${byte(at)} << 8) | ${byte(at + 1)})`,
  write: (value) => `out.u16(${value});`,
};

export const i32: NumberField = { bytes: 4, read: readI32, write: (value) => `out.u32(${value});` };

export const u32: NumberField = {
  bytes: 4,
  read: (at) => `(${readI32(at)} >>> 0)`,
  write: (value) => `out.u32(${value});`,
};

/** 64 bits as a number: whole numbers up to 2^53 - 1. A larger one is a {@link DecodeError}. */
export const u53: NumberField = {
  bytes: 8,
  read: (at) => `helpers.u53(${readI32(at)} >>> 0, ${readI32(at + 4)} >>> 0)`,
  write: (value) => `out.u53(${value});`,
};

export const u64: Field<bigint> = {
  bytes: 8,
  read: (at) => `bytes.readBigUInt64BE(start + ${at})`,
  write: (value) => `out.u64(${value});`,
};

export const f32: NumberField = {
  bytes: 4,
  read: (at) => `helpers.f32(${[0, 1, 2, 3].map((i) => byte(at + i)).join(', ')})`,
  write: (value) => `out.f32(${value});`,
};

export const f64: NumberField = {
  bytes: 8,
  read: (at) => `helpers.f64(${readI32(at)}, ${readI32(at + 4)})`,
  write: (value) => `out.f64(${value});`,
};

/** Exactly `count` one-byte characters (Latin-1). A shorter text is an error when it is written. */
export function ascii(count: number): Field<string> {
  const codes = Array.from({ length: count }, (_, i) => i);
  return {
    bytes: count,
    // A call into the runtime costs more than building a short text here.
    read: (at) =>
      count <= 8
        ? `String.fromCharCode(${codes.map((i) => byte(at + i)).join(', ')})`
        : `bytes.latin1Slice(start + ${at}, start + ${at + count})`,
    write: (value) => `helpers.ascii(out, ${value}, ${count});`,
  };
}

/**
 * A field that always has one value, such as the type at the start of a record: other bytes are refused.
 *
 *     const order = record({ type: constant(u8, 1), account: u32 });   // type: 1
 */
export function constant<const Value extends number>(field: NumberField, value: Value): Field<Value> {
  return {
    bytes: field.bytes,
    read: (at) => `helpers.constant(${field.read(at)}, ${value})`,
    write: () => field.write(String(value)),
  };
}

/** `count` bytes that are no member of the record: skipped when reading, zeros when writing. */
export function padding(count: number): Field<void> {
  return { bytes: count, write: () => 'out.u8(0);'.repeat(count) };
}

function readI32(at: number): string {
  return `((${byte(at)} << 24) | (${byte(at + 1)} << 16) | (${byte(at + 2)} << 8) | ${byte(at + 3)})`;
}

const scratch = new DataView(new ArrayBuffer(8));

/** What the compiled functions call. */
const helpers = {
  wrongSize(got: number, expected: number): never {
    throw new DecodeError(`a record of ${got} bytes where ${expected} are expected`);
  },
  u53(high: number, low: number): number {
    if (high > 0x1f_ffff) throw new DecodeError('an integer beyond 2^53 - 1 in a u53 field');
    return high * 0x1_0000_0000 + low;
  },
  constant(value: number, expected: number): number {
    if (value !== expected) throw new DecodeError(`a field is ${value} where it must be ${expected}`);
    return value;
  },
  f32(a: number, b: number, c: number, d: number): number {
    scratch.setInt32(0, (a << 24) | (b << 16) | (c << 8) | d);
    return scratch.getFloat32(0);
  },
  f64(high: number, low: number): number {
    scratch.setInt32(0, high);
    scratch.setInt32(4, low);
    return scratch.getFloat64(0);
  },
  ascii(out: ByteWriter, value: string, count: number): void {
    if (value.length !== count) {
      throw new RangeError(`'${value}' has ${value.length} characters where the record has ${count}`);
    }
    out.reserve(count);
    const { buffer, length } = out;
    for (let i = 0; i < count; i++) {
      const code = value.charCodeAt(i);
      if (code > 0xff) throw new RangeError(`'${value}' has a character that is not Latin-1`);
      buffer[length + i] = code;
    }
    out.length = length + count;
  },
};

function compile<F>(parameters: string[], body: string): F {
  // The code comes from the application's own table, names checked above; never from data.
  const make = new Function('helpers', `return (${parameters.join(', ')}) => {\n${body}\n};`) as (
    h: typeof helpers,
  ) => F;
  return make(helpers);
}
