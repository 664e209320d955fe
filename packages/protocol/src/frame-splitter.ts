/**
 * Called once for each frame; `bytes` from `start` to `end` is the payload. Whoever pushed the chunk may write over it;
 * the splitter does not.
 */
export type OnFrame = (bytes: Buffer, start: number, end: number) => void;

export interface FrameFormat {
  /** Bytes in front of each payload, 1 to 8. */
  readonly headerLength: number;
  /** The payload's length in bytes, read from the header that starts at `start`. */
  readonly payloadLength: (bytes: Buffer, start: number) => number;
  /** A longer payload is an {@link OversizedFrameError}. */
  readonly payloadBytesMax: number;
}

/** What the peer announced is longer than the limit, or no length at all. */
export class OversizedFrameError extends Error {
  override readonly name = 'OversizedFrameError';
  constructor(
    readonly announced: number,
    readonly max: number,
  ) {
    super(`a frame of ${announced} bytes was announced, the limit is ${max}`);
  }
}

/** The common format: a u32 big-endian length, then that many bytes. */
export function u32Frames(payloadBytesMax: number): FrameFormat {
  return {
    headerLength: 4,
    payloadLength: (bytes, start) =>
      ((bytes[start]! << 24) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!) >>>
      0,
    payloadBytesMax,
  };
}

const nothing: Buffer = Buffer.alloc(0);

/**
 * Cuts a byte stream into frames, wherever the socket cut it into chunks.
 *
 * Whole frames are handed on in place. Only a frame that straddles two chunks is copied.
 * The receiver of a frame may call {@link pause}: the frames that are left wait until {@link resume}.
 * What is held is at most one chunk for each `push` during a pause, and one frame.
 */
export class FrameSplitter {
  private paused = false;
  private running = false;
  private readonly waiting: Buffer[] = [];
  /** The chunk being cut, and how far it has been cut. */
  private chunk = nothing;
  private at = 0;
  /** The start of a frame whose end has not come yet: `held` bytes of `partial`. */
  private partial = nothing;
  private held = 0;

  constructor(
    private readonly format: FrameFormat,
    private readonly onFrame: OnFrame,
  ) {}

  /** Bytes of a frame that has begun and not ended. */
  get incomplete(): number {
    return this.held;
  }

  /** True when no frame that has come is left to hand on. */
  get idle(): boolean {
    return this.waiting.length === 0 && this.at === this.chunk.length;
  }

  /** @throws OversizedFrameError; whatever `onFrame` throws. After either the splitter must not be used again. */
  push(chunk: Buffer): void {
    this.waiting.push(chunk);
    if (!this.running) this.run();
  }

  pause(): void {
    this.paused = true;
  }

  /** @throws as {@link push} */
  resume(): void {
    this.paused = false;
    if (!this.running) this.run();
  }

  private run(): void {
    this.running = true;
    while (!this.paused) {
      if (this.at < this.chunk.length) {
        this.cut();
      } else {
        const next = this.waiting.shift();
        if (next === undefined) break;
        this.chunk = next;
        this.at = 0;
      }
    }
    if (this.at === this.chunk.length) {
      this.chunk = nothing;
      this.at = 0;
    }
    this.running = false;
  }

  private cut(): void {
    if (this.held > 0 && !this.completePartial()) return;
    const { chunk, format, onFrame } = this;
    const { headerLength, payloadLength, payloadBytesMax } = format;
    const end = chunk.length;
    let at = this.at;
    while (!this.paused && at + headerLength <= end) {
      const size = payloadLength(chunk, at);
      if (!(size >= 0 && size <= payloadBytesMax)) throw new OversizedFrameError(size, payloadBytesMax);
      const start = at + headerLength;
      if (start + size > end) break;
      at = start + size;
      this.at = at;
      onFrame(chunk, start, at);
    }
    if (!this.paused && at < end) {
      this.hold(chunk, at, end);
      this.at = end;
    }
  }

  /** Copies from the chunk what the partial frame lacks. False if the chunk ended before the frame did. */
  private completePartial(): boolean {
    const { headerLength, payloadLength, payloadBytesMax } = this.format;
    if (this.held < headerLength) {
      this.holdUpTo(headerLength);
      if (this.held < headerLength) return false;
    }
    const size = payloadLength(this.partial, 0);
    if (!(size >= 0 && size <= payloadBytesMax)) throw new OversizedFrameError(size, payloadBytesMax);
    this.holdUpTo(headerLength + size);
    if (this.held < headerLength + size) return false;
    const { partial } = this;
    this.partial = nothing;
    this.held = 0;
    this.onFrame(partial, headerLength, headerLength + size);
    return !this.paused;
  }

  private holdUpTo(wanted: number): void {
    const end = Math.min(this.chunk.length, this.at + wanted - this.held);
    this.hold(this.chunk, this.at, end);
    this.at = end;
  }

  private hold(bytes: Buffer, start: number, end: number): void {
    const wanted = this.held + end - start;
    if (wanted > this.partial.length) {
      const next = Buffer.allocUnsafeSlow(Math.max(wanted, this.partial.length * 2, 1024));
      this.partial.copy(next, 0, 0, this.held);
      this.partial = next;
    }
    bytes.copy(this.partial, this.held, start, end);
    this.held = wanted;
  }
}
