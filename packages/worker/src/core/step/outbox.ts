import { ByteWriter } from '@wallaroo/protocol';
import type { OutputPort } from '../ports.js';

/** A batch is handed on when it has this many bytes, and at the end of every turn. */
const batchBytes = 32 * 1024;
/** Room for the message that passes the limit. A longer one makes the buffer grow. */
const bufferBytes = batchBytes + 8 * 1024;
/** A buffer that grew beyond this is not kept. */
const keptBufferBytesMax = 256 * 1024;
/** Text is encoded in pieces of at least this many characters: one call into the runtime instead of many. */
const textPiece = 8 * 1024;

/** Gathers the encoded messages of one sink into batches: one write per turn, or per full batch. */
export class Outbox {
  private readonly writer = new ByteWriter(bufferBytes);
  /** Bytes of `writer` that are whole messages. */
  private settled = 0;
  /** Messages of text behind those bytes. */
  private texts = '';
  private readonly ends: number[] = [];

  constructor(
    private readonly port: OutputPort,
    private readonly messageBoundaries: boolean,
  ) {}

  /** Adds a message of text. */
  text(message: string): void {
    if (this.messageBoundaries) {
      this.writer.text(message);
      this.endMessage();
    } else {
      this.texts += message;
      if (this.texts.length >= textPiece) this.settleTexts();
    }
  }

  /** Adds a message of bytes, which are copied. */
  bytes(message: Uint8Array): void {
    this.beginMessage().bytes(message);
    this.endMessage();
  }

  /** What is appended to the writer before `endMessage` or `dropMessage` is one message. */
  beginMessage(): ByteWriter {
    if (this.texts !== '') this.settleTexts();
    return this.writer;
  }

  /** Nothing appended, no message. */
  endMessage(): void {
    const { length } = this.writer;
    if (length === this.settled) return;
    this.settled = length;
    if (this.messageBoundaries) this.ends.push(length);
    if (length >= batchBytes) this.handOn();
  }

  dropMessage(): void {
    this.writer.length = this.settled;
  }

  flush(): void {
    if (this.texts !== '') this.settleTexts();
    if (this.settled > 0) this.handOn();
  }

  /** Forgets what was not handed on. */
  clear(): void {
    this.texts = '';
    this.writer.length = 0;
    this.settled = 0;
    this.ends.length = 0;
  }

  private settleTexts(): void {
    const { texts } = this;
    this.texts = '';
    this.writer.text(texts);
    this.endMessage();
  }

  private handOn(): void {
    const { writer, port, ends } = this;
    const { buffer } = writer;
    const reusable = port.write(buffer.subarray(0, this.settled), ends);
    if (reusable && buffer.length <= keptBufferBytesMax) writer.length = 0;
    else writer.use(Buffer.allocUnsafeSlow(bufferBytes));
    this.settled = 0;
    ends.length = 0;
  }
}
