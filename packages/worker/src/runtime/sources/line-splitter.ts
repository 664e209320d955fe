import { OversizedFrameError } from '@wallaroo/protocol';

const lineFeed = 10;
const carriageReturn = 13;
const nothing: Buffer = Buffer.alloc(0);

/** Cuts a byte stream into lines, wherever the socket cut it into chunks. */
export class LineSplitter {
  private paused = false;
  private readonly waiting: Buffer[] = [];
  /** The chunk being cut, and how far it has been cut. */
  private chunk = nothing;
  private at = 0;
  /** The start of a line whose end has not come yet. */
  private tail = nothing;

  constructor(
    private readonly lineBytesMax: number,
    private readonly onLine: (bytes: Buffer, start: number, end: number) => void,
  ) {}

  get incomplete(): number {
    return this.tail.length;
  }

  get idle(): boolean {
    return this.waiting.length === 0 && this.at === this.chunk.length;
  }

  /** @throws OversizedFrameError; whatever `onLine` throws */
  push(chunk: Buffer): void {
    this.waiting.push(chunk);
    this.run();
  }

  pause(): void {
    this.paused = true;
  }

  /** @throws as {@link push} */
  resume(): void {
    this.paused = false;
    this.run();
  }

  /** The stream is over: what is left is a line without an end. @throws as {@link push} */
  end(): void {
    const rest = this.tail;
    this.tail = nothing;
    if (rest.length > 0) this.emit(rest, 0, rest.length);
  }

  private run(): void {
    while (!this.paused) {
      if (this.at === this.chunk.length) {
        const next = this.waiting.shift();
        if (next === undefined) return;
        this.chunk = next;
        this.at = 0;
      }
      this.cut();
    }
  }

  private cut(): void {
    const { chunk } = this;
    const end = chunk.indexOf(lineFeed, this.at);
    if (end < 0) {
      this.hold(chunk.subarray(this.at));
      this.at = chunk.length;
      return;
    }
    const start = this.at;
    this.at = end + 1;
    if (this.tail.length > 0) {
      this.hold(chunk.subarray(start, end));
      const line = this.tail;
      this.tail = nothing;
      this.emit(line, 0, line.length);
    } else {
      this.emit(chunk, start, end);
    }
  }

  private emit(bytes: Buffer, start: number, end: number): void {
    if (end > start && bytes[end - 1] === carriageReturn) end--;
    if (end - start > this.lineBytesMax) throw new OversizedFrameError(end - start, this.lineBytesMax);
    this.onLine(bytes, start, end);
  }

  private hold(bytes: Buffer): void {
    const size = this.tail.length + bytes.length;
    // One more than the limit: the byte may be the carriage return of the line's end.
    if (size > this.lineBytesMax + 1) throw new OversizedFrameError(size, this.lineBytesMax);
    this.tail = Buffer.concat([this.tail, bytes]);
  }
}
