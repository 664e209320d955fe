export class ShortInputError extends Error {
  override readonly name = 'ShortInputError';
}

/**
 * Reads big-endian numbers, text and bytes from `start` to `end` of a buffer.
 * @throws ShortInputError from every read that would pass `end`
 */
export class ByteReader {
  constructor(
    private readonly source: Buffer,
    private at = 0,
    private readonly end = source.length,
  ) {}

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.source.readUInt8(this.pass(1));
  }

  u16(): number {
    return this.source.readUInt16BE(this.pass(2));
  }

  u32(): number {
    return this.source.readUInt32BE(this.pass(4));
  }

  u64(): bigint {
    return this.source.readBigUInt64BE(this.pass(8));
  }

  /** The next `count` bytes as UTF-8. */
  text(count: number): string {
    const start = this.pass(count);
    return this.source.toString('utf8', start, start + count);
  }

  /** A copy of the next `count` bytes. */
  bytes(count: number): Buffer {
    const start = this.pass(count);
    return Buffer.from(this.source.subarray(start, start + count));
  }

  /** u32 byte length, then the text in UTF-8. */
  text32(): string {
    return this.text(this.u32());
  }

  private pass(count: number): number {
    const start = this.at;
    if (start + count > this.end) {
      throw new ShortInputError(`wanted ${count} bytes at ${start}, the input ends at ${this.end}`);
    }
    this.at = start + count;
    return start;
  }
}
