/** The input ends inside a record. */
export class TruncatedInputError extends Error {
  override readonly name = 'TruncatedInputError';
}

/** Fills `into` from `offset` on as far as it can; gives how many bytes those are, 0 at the end of the input. */
export type ReadBytes = (into: Buffer, offset: number) => number;

const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * Takes lines or counted bytes off the front of an input that is read piece by piece.
 * What a method gives is a view that is valid until the next call.
 */
export class InputBytes {
  private buffer: Buffer;
  /** The bytes that were read and not yet taken. */
  private at = 0;
  private end = 0;

  constructor(
    private readonly read: ReadBytes,
    capacity = 256 * 1024,
  ) {
    this.buffer = Buffer.allocUnsafeSlow(capacity);
  }

  /**
   * The next `count` bytes; undefined when the input has ended.
   * @throws TruncatedInputError when it ends before there are so many
   */
  take(count: number): Buffer | undefined {
    while (this.end - this.at < count) {
      if (this.more()) continue;
      if (this.end === this.at) return undefined;
      throw new TruncatedInputError(`the last record has ${this.end - this.at} bytes instead of ${count}`);
    }
    this.at += count;
    return this.buffer.subarray(this.at - count, this.at);
  }

  /** The bytes that follow the next u32, as many as it says. Ends and throws as {@link take} does. */
  takeFramed(): Buffer | undefined {
    const header = this.take(4);
    if (header === undefined) return undefined;
    const count = header.readUInt32BE(0);
    const record = this.take(count);
    if (record === undefined) throw new TruncatedInputError(`the last record lacks its ${count} bytes`);
    return record;
  }

  /** The next line without its end (`\n` or `\r\n`); undefined when the input has ended. */
  line(): Buffer | undefined {
    let scanned = 0;
    for (;;) {
      const found = this.buffer.indexOf(newline, this.at + scanned);
      if (found >= 0 && found < this.end) {
        const start = this.at;
        this.at = found + 1;
        return this.buffer.subarray(start, this.buffer[found - 1] === carriageReturn ? found - 1 : found);
      }
      scanned = this.end - this.at;
      if (!this.more()) return scanned === 0 ? undefined : this.take(scanned);
    }
  }

  private more(): boolean {
    if (this.at > 0) {
      this.buffer.copyWithin(0, this.at, this.end);
      this.end -= this.at;
      this.at = 0;
    }
    if (this.end === this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(this.buffer.length * 2);
      this.buffer.copy(larger);
      this.buffer = larger;
    }
    const count = this.read(this.buffer, this.end);
    this.end += count;
    return count > 0;
  }
}
