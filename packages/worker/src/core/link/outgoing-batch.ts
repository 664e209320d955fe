import { ByteWriter } from '@wallaroo/protocol';
import type { MessageEncoder } from '../codec/message-encoder.js';
import { beginFrame, frameBytesMax, frameHeaderBytes, frameKind, setKind } from './frame.js';

/** A batch is handed on when it has this many bytes, and at the end of every turn. */
const batchBytes = 32 * 1024;
const keptBufferBytesMax = 256 * 1024;

/**
 * Gathers the messages for one other worker into frames:
 *
 *     batch = messages one after the other, each  u16 target, key (text), message (value)
 *
 * A target is the number of the `keyBy` or `collect` in the plan that the message has passed.
 */
export class OutgoingBatch {
  private readonly out = new ByteWriter(batchBytes + 8 * 1024);

  constructor(
    private readonly encoder: MessageEncoder,
    /** Takes over a frame without its stamp. */
    private readonly send: (frame: Buffer) => void,
  ) {}

  /**
   * The message is written at once; nobody keeps it.
   * @throws TypeError when it cannot be written; the batch is as if it had not been added
   */
  add(target: number, key: string, message: unknown): void {
    const { out, encoder } = this;
    if (out.length === 0) {
      beginFrame(out);
      encoder.beginBatch();
    }
    const start = out.length;
    try {
      encoder.entry(out, target, key, message);
      if (out.length - start > frameBytesMax / 2) {
        throw new RangeError(`a message of ${out.length - start} bytes is too long to leave its worker`);
      }
    } catch (error) {
      out.length = start;
      // Shapes that the dropped bytes introduced are gone with them: the next batch starts afresh.
      this.flush();
      throw error;
    }
    if (out.length >= batchBytes) this.flush();
  }

  flush(): void {
    const { out } = this;
    const { length } = out;
    if (length > frameHeaderBytes) {
      const frame = Buffer.allocUnsafeSlow(length);
      out.buffer.copy(frame, 0, 0, length);
      setKind(frame, frameKind.batch);
      this.send(frame);
    }
    if (out.buffer.length > keptBufferBytesMax) out.use(Buffer.allocUnsafeSlow(batchBytes + 8 * 1024));
    out.length = 0;
  }

  /** Forgets what was not handed on. */
  clear(): void {
    this.out.length = 0;
  }
}
