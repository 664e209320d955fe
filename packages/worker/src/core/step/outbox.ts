import { ByteWriter } from '@wallaroo/protocol';
import type { OutputPort } from '../ports.js';

/** A batch is handed on when it has this many bytes, and at the end of every turn. */
const batchBytes = 32 * 1024;
/** Room for the message that passes the limit. A longer one makes the buffer grow. */
const bufferBytes = batchBytes + 8 * 1024;
/** A buffer that grew beyond this is not kept. */
const keptBufferBytesMax = 256 * 1024;

/** Gathers the encoded messages of one sink into batches: one write per turn, or per full batch. */
export class Outbox {
  /** Encoders append to it, one message between two calls of `endMessage`. */
  readonly writer = new ByteWriter(bufferBytes);
  private messageStart = 0;
  private readonly ends: number[] = [];

  constructor(
    private readonly port: OutputPort,
    private readonly messageBoundaries: boolean,
  ) {}

  /** What was written since the last call is one message. Nothing written, no message. */
  endMessage(): void {
    const { length } = this.writer;
    if (length === this.messageStart) return;
    this.messageStart = length;
    if (this.messageBoundaries) this.ends.push(length);
    if (length >= batchBytes) this.flush();
  }

  /** Takes back what was written since the last whole message. */
  dropMessage(): void {
    this.writer.length = this.messageStart;
  }

  flush(): void {
    const { writer, port, ends } = this;
    if (this.messageStart === 0) return;
    const { buffer } = writer;
    const reusable = port.write(buffer.subarray(0, this.messageStart), ends);
    if (reusable && buffer.length <= keptBufferBytesMax) writer.length = 0;
    else writer.use(Buffer.allocUnsafeSlow(bufferBytes));
    this.messageStart = 0;
    ends.length = 0;
  }
}
