import type { ByteWriter } from '@wallaroo/protocol';
import { isBuiltIn } from './built-in.js';
import type { MessagePack } from './message-pack.js';
import { depthMax, shapeMembersMax, shapesMax, shortTextMax, tag } from './tags.js';

/** The names of an object's members in their order, and code that writes their values. */
interface Shape {
  readonly names: readonly string[];
  readonly write: (encoder: MessageEncoder, out: ByteWriter, value: object, depth: number) => void;
  /** The batch in which it was introduced last, and its number there. */
  batch: number;
  number: number;
}

/** A name on the way to shapes. What follows mostly follows always: it is looked at before the map. */
interface Junction {
  readonly next: Map<string, Junction>;
  lastName: string;
  lastNext: Junction | undefined;
  shape: Shape | undefined;
}

/**
 * Writes messages as values of a batch (see `tags.ts`). A message is written at once, when it is sent: the
 * author's code may change the object afterwards.
 *
 * Objects of the same shape name their members once in each batch, so every batch can be read by itself.
 */
export class MessageEncoder {
  private readonly root = junction();
  private shapes = 0;
  private junctions = 0;
  private batch = 0;
  private shapesInBatch = 0;
  /** Of the entry that is being written. */
  private key: string | undefined;

  constructor(
    private readonly messagePack: MessagePack,
    private readonly serialize: ((message: unknown) => Uint8Array) | undefined,
  ) {}

  beginBatch(): void {
    this.batch++;
    this.shapesInBatch = 0;
  }

  /**
   * Writes u16 target, key, message. A text that is the key, as one mostly is, takes one byte more.
   * @throws TypeError when the message cannot be written; what was written of it then is to be dropped
   */
  entry(out: ByteWriter, target: number, key: string, message: unknown): void {
    out.u16(target);
    text(out, key);
    this.key = key;
    try {
      this.message(out, message);
    } finally {
      this.key = undefined;
    }
  }

  message(out: ByteWriter, message: unknown): void {
    if (this.serialize === undefined) return this.value(out, message, 0);
    const bytes = this.serialize(message);
    if (!(bytes instanceof Uint8Array)) throw new TypeError("the application's serialize must return bytes");
    out.u8(tag.serialized).u32(bytes.length).bytes(bytes);
  }

  value(out: ByteWriter, value: unknown, depth: number): void {
    switch (typeof value) {
      case 'number':
        return number(out, value);
      case 'string':
        return value === this.key ? void out.u8(tag.key) : text(out, value);
      case 'object':
        return value === null ? void out.u8(tag.null) : this.object(out, value, depth + 1);
      case 'boolean':
        return void out.u8(value ? tag.true : tag.false);
      case 'undefined':
        return void out.u8(tag.undefined);
      case 'bigint':
        return this.packed(out, value);
      default:
        throw new TypeError(`a ${typeof value} cannot leave its worker`);
    }
  }

  private object(out: ByteWriter, value: object, depth: number): void {
    if (depth > depthMax) throw new TypeError(`nested deeper than ${depthMax}, or a cycle`);
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === Object.prototype || prototype === null) return this.record(out, value, depth);
    if (prototype === Array.prototype) {
      const values = value as unknown[];
      out.u8(tag.array).u32(values.length);
      for (let i = 0; i < values.length; i++) this.value(out, values[i], depth);
    } else if (prototype === Buffer.prototype) {
      out
        .u8(tag.buffer)
        .u32((value as Buffer).length)
        .bytes(value as Buffer);
    } else if (prototype === Uint8Array.prototype) {
      out
        .u8(tag.uint8Array)
        .u32((value as Uint8Array).length)
        .bytes(value as Uint8Array);
    } else {
      this.check(value, depth);
      this.packed(out, value);
    }
  }

  private record(out: ByteWriter, value: object, depth: number): void {
    const shape = this.shapeOf(value);
    if (shape === undefined) return this.dictionary(out, value, depth);
    if (shape.batch === this.batch) {
      out.u8(tag.record).u16(shape.number);
    } else {
      shape.batch = this.batch;
      shape.number = this.shapesInBatch++;
      out.u8(tag.newRecord).u16(shape.names.length);
      for (const name of shape.names) text(out, name);
    }
    shape.write(this, out, value, depth);
  }

  private shapeOf(value: object): Shape | undefined {
    let at = this.root;
    let members = 0;
    for (const name in value) {
      members++;
      if (at.lastName === name && at.lastNext !== undefined) {
        at = at.lastNext;
        continue;
      }
      let next = at.next.get(name);
      if (next === undefined) {
        if (this.junctions >= junctionsMax || members > shapeMembersMax) return undefined;
        this.junctions++;
        next = junction();
        at.next.set(name, next);
      }
      at.lastName = name;
      at.lastNext = next;
      at = next;
    }
    if (at.shape === undefined) {
      if (this.shapes >= shapesMax) return undefined;
      this.shapes++;
      at.shape = newShape(Object.keys(value));
    }
    return at.shape;
  }

  private dictionary(out: ByteWriter, value: object, depth: number): void {
    const members = Object.entries(value);
    out.u8(tag.dictionary).u32(members.length);
    for (const [name, member] of members) {
      text(out, name);
      this.value(out, member, depth);
    }
  }

  private packed(out: ByteWriter, value: unknown): void {
    const bytes = this.messagePack.pack(value);
    out.u8(tag.messagePack).u32(bytes.length).bytes(bytes);
  }

  /** Rather no message than one that silently lost its class, or a part: looks at all that MessagePack will. */
  private check(value: unknown, depth: number): void {
    if (typeof value === 'function' || typeof value === 'symbol') {
      throw new TypeError(`a ${typeof value} cannot leave its worker`);
    }
    if (typeof value !== 'object' || value === null) return;
    if (depth > depthMax) throw new TypeError(`nested deeper than ${depthMax}, or a cycle`);
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (value instanceof Map && prototype === Map.prototype) {
      for (const [key, member] of value) {
        this.check(key, depth + 1);
        this.check(member, depth + 1);
      }
    } else if (value instanceof Set && prototype === Set.prototype) {
      for (const member of value) this.check(member, depth + 1);
    } else if (prototype === Array.prototype || prototype === Object.prototype || prototype === null) {
      for (const member of Object.values(value)) this.check(member, depth + 1);
    } else if (!isBuiltIn(prototype)) {
      this.checkClass(value, prototype);
      for (const member of Object.values(value)) this.check(member, depth + 1);
    }
  }

  private checkClass(value: object, prototype: object | null): void {
    const type = value.constructor as (new () => object) | undefined;
    if (
      type !== undefined &&
      type.prototype === prototype &&
      this.messagePack.classes.includes(type as never)
    )
      return;
    throw new TypeError(
      `an instance of class ${type?.name ?? '?'} cannot leave its worker: ` +
        "name the class in the application's `classes`, or give it `serialize` and `deserialize`",
    );
  }
}

const junctionsMax = shapesMax * shapeMembersMax;

function junction(): Junction {
  return { next: new Map(), lastName: '', lastNext: undefined, shape: undefined };
}

/** A native call costs as much as so many characters one by one. */
const loopMax = 32;

/** Compiled code that is kept, for all encoders of the process: there is one for each link. */
const writersMax = 1024;
const writers = new Map<string, Shape['write']>();

function newShape(names: readonly string[]): Shape {
  const id = JSON.stringify(names);
  let write = writers.get(id);
  if (write === undefined) {
    write = writer(names);
    if (writers.size < writersMax) writers.set(id, write);
  }
  return { names, write, batch: 0, number: 0 };
}

function writer(names: readonly string[]): Shape['write'] {
  const lines = names.map((name) => `encoder.value(out, value[${JSON.stringify(name)}], depth);`);
  // Names stand in it as quoted texts only.
  return new Function('encoder', 'out', 'value', 'depth', lines.join('\n')) as Shape['write'];
}

function number(out: ByteWriter, value: number): void {
  if (value === (value | 0) && (value !== 0 || 1 / value > 0)) {
    if (value >= 0 && value <= 0x7f) out.u8(value);
    else out.u8(tag.i32).u32(value);
  } else {
    out.u8(tag.f64).f64(value);
  }
}

function text(out: ByteWriter, value: string): void {
  const count = value.length;
  if (count > shortTextMax) return longText(out, value);
  if (count > loopMax) return shortText(out, value);
  out.reserve(count + 1);
  const { buffer, length } = out;
  buffer[length] = tag.shortText + count;
  for (let i = 0; i < count; i++) {
    const code = value.charCodeAt(i);
    if (code > 0x7f) return longText(out, value);
    buffer[length + 1 + i] = code;
  }
  out.length = length + 1 + count;
}

function shortText(out: ByteWriter, value: string): void {
  const { length } = out;
  out.u8(tag.shortText + value.length).text(value);
  if (out.length === length + 1 + value.length) return;
  // Not in ASCII.
  out.length = length;
  longText(out, value);
}

function longText(out: ByteWriter, value: string): void {
  const header = out.u8(tag.text).length;
  out.u32(0).text(value);
  out.patchU32(header, out.length - header - 4);
}
