import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';

/**
 * Messages as a table: a row for each, from which its type, its encoder and its decoder come.
 *
 *     const messages = messageTable({
 *       commit: { tag: 3, fields: { epoch: u53, index: u32 } },
 *     });
 *     type Message = MessageOf<typeof messages>;   // { type: 'commit', epoch: number, index: number } | ...
 *
 * On the wire: u8 tag, then the fields in their order. A tag is never used again for another message.
 */

/** A pair that reads what it writes. */
export interface Field<T> {
  write(out: ByteWriter, value: T): void;
  /** @throws ShortInputError, InvalidMessageError */
  read(from: ByteReader): T;
}

/** Bytes that are no message of the table. */
export class InvalidMessageError extends Error {
  override readonly name = 'InvalidMessageError';
}

export const fieldU8: Field<number> = {
  write: (out, value) => void out.u8(value),
  read: (from) => from.u8(),
};

export const fieldU16: Field<number> = {
  write: (out, value) => void out.u16(value),
  read: (from) => from.u16(),
};

export const fieldU32: Field<number> = {
  write: (out, value) => void out.u32(value),
  read: (from) => from.u32(),
};

/** A whole number from 0 to 2^53 - 1. */
export const fieldU53: Field<number> = {
  write: (out, value) => void out.u53(value),
  read: (from) => {
    const value = Number(from.u64());
    if (!Number.isSafeInteger(value)) throw new InvalidMessageError('a number beyond 2^53 - 1');
    return value;
  },
};

export const fieldBoolean: Field<boolean> = {
  write: (out, value) => void out.u8(value ? 1 : 0),
  read: (from) => {
    const value = from.u8();
    if (value > 1) throw new InvalidMessageError(`${value} where 0 or 1 must stand`);
    return value === 1;
  },
};

/** UTF-8. */
export const fieldText: Field<string> = {
  write: (out, value) => void out.text32(value),
  read: (from) => from.text32(),
};

/** Read as a copy. */
export const fieldBytes: Field<Buffer> = {
  write: (out, value) => void out.u32(value.length).bytes(value),
  read: (from) => from.bytes(from.u32()),
};

/** @param itemBytesMin the fewest bytes that an item takes, at least 1 */
export function fieldList<T>(item: Field<T>, itemBytesMin = 1): Field<readonly T[]> {
  return {
    write: (out, values) => {
      out.u32(values.length);
      for (const value of values) item.write(out, value);
    },
    read: (from) => {
      const count = from.u32();
      // A count that the bytes which are left cannot hold is a lie, and no reason to allocate.
      if (count * itemBytesMin > from.left)
        throw new InvalidMessageError(`a list of ${count} in ${from.left} bytes`);
      const values: T[] = [];
      for (let i = 0; i < count; i++) values.push(item.read(from));
      return values;
    },
  };
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type ValueOf<F> = F extends Field<infer T> ? T : never;
type ValuesOf<F extends Fields> = { readonly [Name in keyof F]: ValueOf<F[Name]> };

/** Fields one after the other, as one object. */
export function fieldStruct<const F extends Fields>(fields: F): Field<ValuesOf<F>> {
  const parts = Object.entries(fields) as unknown as [keyof F, Field<unknown>][];
  return {
    write: (out, values) => {
      for (const [name, field] of parts) field.write(out, values[name]);
    },
    read: (from) => Object.fromEntries(parts.map(([name, field]) => [name, field.read(from)])) as ValuesOf<F>,
  };
}

interface Row {
  readonly tag: number;
  readonly fields: Fields;
}

export interface MessageTable<Message> {
  write(out: ByteWriter, message: Message): void;
  encode(message: Message): Buffer;
  /** @throws InvalidMessageError when the bytes are no message of this table, or more than one */
  decode(bytes: Buffer, start?: number, end?: number): Message;
}

type MessageOfRows<Rows extends Readonly<Record<string, Row>>> = {
  [Type in keyof Rows]: { readonly type: Type } & ValuesOf<Rows[Type]['fields']>;
}[keyof Rows];

/** The union of a table's messages, told apart by `type`. */
export type MessageOf<Table> = Table extends MessageTable<infer Message> ? Message : never;

export function messageTable<const Rows extends Readonly<Record<string, Row>>>(
  rows: Rows,
): MessageTable<MessageOfRows<Rows>> {
  type Message = MessageOfRows<Rows>;
  const structs = new Map<string, { tag: number; struct: Field<unknown> }>();
  const byTag = new Map<number, { type: string; struct: Field<unknown> }>();
  for (const [type, { tag, fields }] of Object.entries(rows)) {
    const struct = fieldStruct(fields) as unknown as Field<unknown>;
    if (byTag.has(tag)) throw new TypeError(`tag ${tag} stands twice in a table of messages`);
    structs.set(type, { tag, struct });
    byTag.set(tag, { type, struct });
  }
  const write = (out: ByteWriter, message: Message) => {
    const { tag, struct } = structs.get(message.type as string)!;
    out.u8(tag);
    struct.write(out, message);
  };
  return {
    write,
    encode(message) {
      const out = new ByteWriter(128);
      write(out, message);
      return out.toBuffer();
    },
    decode(bytes, start = 0, end = bytes.length) {
      const from = new ByteReader(bytes, start, end);
      const tag = from.left > 0 ? from.u8() : -1;
      const row = byTag.get(tag);
      if (row === undefined) throw new InvalidMessageError(`no message has the tag ${tag}`);
      let values: object;
      try {
        values = row.struct.read(from) as object;
      } catch (cause) {
        throw new InvalidMessageError(`not a ${row.type}: ${(cause as Error).message}`, { cause });
      }
      if (from.left > 0) throw new InvalidMessageError(`${from.left} bytes too many behind a ${row.type}`);
      return { type: row.type, ...values } as Message;
    },
  };
}
