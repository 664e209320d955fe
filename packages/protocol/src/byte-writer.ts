/** Up to this many characters are written one by one; a native call costs more than that (see bench/RESULTS.md). */
const shortText = 32;

const empty: Buffer = Buffer.alloc(0);

/**
 * Appends big-endian numbers, text and bytes to a buffer that grows.
 * Bytes 0 to `length` of `buffer` are what has been written. Growing replaces `buffer`:
 * read the property again after every write.
 */
export class ByteWriter {
  buffer: Buffer;
  length = 0;
  private view: DataView;

  constructor(capacity = 256) {
    this.buffer = capacity === 0 ? empty : Buffer.allocUnsafeSlow(capacity);
    this.view = viewOf(this.buffer);
  }

  /** A copy of what has been written. */
  toBuffer(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.length));
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count > this.buffer.length) this.grow(count);
  }

  u8(value: number): this {
    this.reserve(1);
    this.buffer[this.length++] = value;
    return this;
  }

  u16(value: number): this {
    this.reserve(2);
    const { buffer, length } = this;
    buffer[length] = value >>> 8;
    buffer[length + 1] = value;
    this.length = length + 2;
    return this;
  }

  /** Also writes an i32: the low 32 bits count. */
  u32(value: number): this {
    this.reserve(4);
    const { buffer, length } = this;
    buffer[length] = value >>> 24;
    buffer[length + 1] = value >>> 16;
    buffer[length + 2] = value >>> 8;
    buffer[length + 3] = value;
    this.length = length + 4;
    return this;
  }

  /** 64 bits from a number: exact for whole numbers from 0 to 2^53 - 1. */
  u53(value: number): this {
    const high = Math.floor(value / 0x1_0000_0000);
    return this.u32(high).u32(value - high * 0x1_0000_0000);
  }

  u64(value: bigint): this {
    this.reserve(8);
    this.view.setBigUint64(this.length, value);
    this.length += 8;
    return this;
  }

  f32(value: number): this {
    this.reserve(4);
    this.view.setFloat32(this.length, value);
    this.length += 4;
    return this;
  }

  f64(value: number): this {
    this.reserve(8);
    this.view.setFloat64(this.length, value);
    this.length += 8;
    return this;
  }

  /** UTF-8, without a length in front of it. */
  text(value: string): this {
    const count = value.length;
    if (count > shortText) return this.longText(value);
    this.reserve(count);
    const { buffer, length } = this;
    for (let i = 0; i < count; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return this.longText(value);
      buffer[length + i] = code;
    }
    this.length = length + count;
    return this;
  }

  /** A whole number from -(2^53 - 1) to 2^53 - 1 in decimal digits. */
  decimal(value: number): this {
    if (!(value >= 0 && value <= 0x7fff_ffff)) return this.text(String(value));
    let digits = 1;
    for (let limit = 10; value >= limit && digits < 10; limit *= 10) digits++;
    this.reserve(digits);
    let rest = value | 0;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const next = (rest / 10) | 0;
      this.buffer[at] = 48 + rest - next * 10;
      rest = next;
    }
    this.length += digits;
    return this;
  }

  /** Bytes `start` to `end` of `bytes`. */
  bytes(bytes: Uint8Array, start = 0, end = bytes.length): this {
    const count = end - start;
    this.reserve(count);
    if (count <= shortText) {
      const { buffer, length } = this;
      for (let i = 0; i < count; i++) buffer[length + i] = bytes[start + i]!;
    } else {
      this.buffer.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.length);
    }
    this.length += count;
    return this;
  }

  /** u32 byte length, then the text in UTF-8. */
  text32(value: string): this {
    return this.u32(Buffer.byteLength(value)).text(value);
  }

  /** Overwrites four bytes written before, for a length known only later. */
  patchU32(at: number, value: number): void {
    this.view.setUint32(at, value);
  }

  /** Hands over the buffer with all that was written, and goes on in a fresh one. */
  take(capacity: number): Buffer {
    const taken = this.buffer.subarray(0, this.length);
    this.use(Buffer.allocUnsafeSlow(capacity));
    return taken;
  }

  /** Goes on at the start of `buffer`, whose content is overwritten. */
  use(buffer: Buffer): void {
    this.buffer = buffer;
    this.view = viewOf(buffer);
    this.length = 0;
  }

  private longText(value: string): this {
    this.reserve(value.length * 3);
    this.length += this.buffer.write(value, this.length, 'utf8');
    return this;
  }

  private grow(count: number): void {
    const wanted = Math.max(this.length + count, this.buffer.length * 2, 64);
    const next = Buffer.allocUnsafeSlow(wanted);
    this.buffer.copy(next, 0, 0, this.length);
    this.buffer = next;
    this.view = viewOf(next);
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}
