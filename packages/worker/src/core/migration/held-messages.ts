import { ByteWriter } from '@wallaroo/protocol';
import type { MessageDecoder } from '../codec/message-decoder.js';
import type { MessageEncoder } from '../codec/message-encoder.js';

/**
 * Messages that wait for their slots, in the order in which they came. They are kept as bytes: whoever made
 * them may change the objects meanwhile.
 */
export class HeldMessages {
  /** Bytes that wait. */
  size = 0;
  private waiting: Buffer[] = [];
  private first = 0;
  private readonly out = new ByteWriter(256);

  constructor(
    private readonly encoder: MessageEncoder,
    private readonly decoder: MessageDecoder,
  ) {}

  get empty(): boolean {
    return this.first === this.waiting.length;
  }

  /** @throws TypeError when the message cannot be written */
  add(target: number, key: string, message: unknown): void {
    const { out, encoder } = this;
    out.length = 0;
    encoder.beginBatch();
    encoder.entry(out, target, key, message);
    const bytes = out.toBuffer();
    this.waiting.push(bytes);
    this.size += bytes.length;
  }

  clear(): void {
    this.waiting = [];
    this.first = 0;
    this.size = 0;
  }

  /** Takes the message that has waited longest. */
  take(process: (target: number, key: string, message: unknown) => void): void {
    const bytes = this.waiting[this.first]!;
    this.first++;
    this.size -= bytes.length;
    if (this.empty) {
      this.waiting = [];
      this.first = 0;
    }
    const { decoder } = this;
    decoder.beginBatch(bytes, 0, bytes.length);
    const target = decoder.entry();
    process(target, decoder.key!, decoder.value());
  }
}
