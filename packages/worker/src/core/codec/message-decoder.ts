import { ShortInputError } from '@wallaroo/protocol';
import type { MessagePack } from './message-pack.js';
import { ShortStrings, shortStringMax } from './short-strings.js';
import { latin1Slice, utf8Slice } from './slices.js';
import { depthMax, shapeMembersMax, tag } from './tags.js';

type Make = (decoder: MessageDecoder) => object;

/** Compiled shapes that are kept. */
const makersMax = 1024;
/** For all decoders of the process: to compile one takes long, and one that is called often runs faster. */
const makers = new Map<string, Make>();

/** Bytes that no encoder of ours writes. */
export class InvalidBatchError extends Error {
  override readonly name = 'InvalidBatchError';
}

/** Reads what a `MessageEncoder` wrote, batch by batch. Data only: nothing that is read ever runs. */
export class MessageDecoder {
  private readonly strings = new ShortStrings();
  private shapes: Make[] = [];
  /** Of the entry that is being read. */
  key: string | undefined;
  private bytes: Buffer = Buffer.alloc(0);
  private view: DataView = new DataView(new ArrayBuffer(0));
  private at = 0;
  private end = 0;
  private depth = 0;

  constructor(
    private readonly messagePack: MessagePack,
    private readonly deserialize: ((bytes: Uint8Array) => unknown) | undefined,
  ) {}

  /** Reads from `start` on; the bytes must stand still until the batch is through. */
  beginBatch(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, end);
    this.at = start;
    this.end = end;
    this.shapes = [];
    this.depth = 0;
    this.key = undefined;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** Target and key of the next entry; its message is the `value` that follows. */
  entry(): number {
    const target = this.u16();
    this.key = undefined;
    this.key = this.text();
    return target;
  }

  u8(): number {
    return this.bytes[this.pass(1)]!;
  }

  /** A copy of as many bytes as a u32 says. */
  bytes32(): Buffer {
    return this.copy();
  }

  u16(): number {
    return this.view.getUint16(this.pass(2));
  }

  /** @throws InvalidBatchError, ShortInputError, RangeError */
  value(): unknown {
    const first = this.bytes[this.pass(1)]!;
    if (first < tag.shortText) return first;
    if (first < tag.null) return this.shortText(first - tag.shortText);
    switch (first) {
      case tag.i32:
        return this.view.getInt32(this.pass(4));
      case tag.f64:
        return this.view.getFloat64(this.pass(8));
      case tag.record:
        return this.record(this.shapes[this.u16()]);
      case tag.newRecord:
        return this.record(this.newShape());
      case tag.key:
        if (this.key === undefined) throw new InvalidBatchError('a reference to a key that is not there');
        return this.key;
      case tag.null:
        return null;
      case tag.undefined:
        return undefined;
      case tag.false:
        return false;
      case tag.true:
        return true;
      case tag.text: {
        const start = this.pass(this.count());
        return utf8Slice(this.bytes, start, this.at);
      }
      case tag.buffer:
        return this.copy();
      case tag.uint8Array:
        return new Uint8Array(this.copy());
      case tag.array:
        return this.array();
      case tag.dictionary:
        return this.dictionary();
      case tag.messagePack:
        return this.messagePack.unpack(this.copy());
      case tag.serialized:
        if (this.deserialize === undefined) throw new InvalidBatchError('the application has no deserialize');
        return this.deserialize(this.copy());
      default:
        throw new InvalidBatchError(`no value begins with ${first}`);
    }
  }

  text(): string {
    const value = this.value();
    if (typeof value !== 'string') throw new InvalidBatchError(`a ${typeof value} where a text must stand`);
    return value;
  }

  /** As {@link text}, for texts that do not come again: they are not looked for among those that came before. */
  rareText(): string {
    const first = this.bytes[this.at];
    if (first === undefined || first < tag.shortText || first >= tag.null) return this.text();
    const start = this.pass(1 + first - tag.shortText);
    return latin1Slice(this.bytes, start + 1, this.at);
  }

  private shortText(count: number): string {
    const start = this.pass(count);
    return count <= shortStringMax
      ? this.strings.read(this.bytes, start, this.at)
      : latin1Slice(this.bytes, start, this.at);
  }

  private record(make: Make | undefined): object {
    if (make === undefined) throw new InvalidBatchError('a shape that was not introduced');
    this.enter();
    const value = make(this);
    this.depth--;
    return value;
  }

  private newShape(): Make {
    const names = Array.from({ length: this.bounded(this.u16(), shapeMembersMax) }, () => this.text());
    const id = JSON.stringify(names);
    let make = makers.get(id);
    if (make === undefined) {
      make = maker(names);
      if (makers.size < makersMax) makers.set(id, make);
    }
    this.shapes.push(make);
    return make;
  }

  private array(): unknown[] {
    const count = this.bounded(this.count(), this.end - this.at);
    this.enter();
    // Grown, not allocated: the count is only a claim.
    const values: unknown[] = [];
    for (let i = 0; i < count; i++) values.push(this.value());
    this.depth--;
    return values;
  }

  private dictionary(): object {
    const count = this.bounded(this.count(), this.end - this.at);
    this.enter();
    const members: [string, unknown][] = [];
    for (let i = 0; i < count; i++) members.push([this.text(), this.value()]);
    this.depth--;
    // Defines members, also one that is named __proto__.
    return Object.fromEntries(members);
  }

  private copy(): Buffer {
    const start = this.pass(this.count());
    return Buffer.from(this.bytes.subarray(start, this.at));
  }

  private count(): number {
    return this.view.getUint32(this.pass(4));
  }

  private bounded(count: number, max: number): number {
    if (count > max) throw new InvalidBatchError(`a count of ${count} where ${max} is the most`);
    return count;
  }

  private enter(): void {
    if (++this.depth > depthMax + 1) throw new InvalidBatchError(`nested deeper than ${depthMax}`);
  }

  private pass(count: number): number {
    const start = this.at;
    if (start + count > this.end) throw new ShortInputError('a batch ends within a value');
    this.at = start + count;
    return start;
  }
}

/** Code for one object literal: its objects share one hidden class. */
function maker(names: readonly string[]): Make {
  // Names stand in it as quoted texts only; in brackets, __proto__ is a member like any other.
  const members = names.map((name) => `[${JSON.stringify(name)}]: decoder.value()`);
  const plain = names.map((name) => `${JSON.stringify(name)}: decoder.value()`);
  const body = names.includes('__proto__') ? members : plain;
  return new Function('decoder', `return { ${body.join(', ')} };`) as Make;
}
