import { ByteWriter } from '@wallaroo/protocol';
import type { MessageClass } from '../../../src/api/application.js';
import { MessageDecoder } from '../../../src/core/codec/message-decoder.js';
import { MessageEncoder } from '../../../src/core/codec/message-encoder.js';
import { MessagePack } from '../../../src/core/codec/message-pack.js';

/** An encoder and a decoder that share nothing but their list of classes, as two workers do. */
export class CodecPair {
  readonly encoder: MessageEncoder;
  readonly decoder: MessageDecoder;

  constructor(
    classes: readonly MessageClass[] = [],
    own?: {
      readonly serialize: (message: unknown) => Uint8Array;
      readonly deserialize: (bytes: Uint8Array) => unknown;
    },
  ) {
    this.encoder = new MessageEncoder(new MessagePack(classes), own?.serialize);
    this.decoder = new MessageDecoder(new MessagePack(classes), own?.deserialize);
  }

  write(messages: readonly unknown[]): Buffer {
    const out = new ByteWriter();
    this.encoder.beginBatch();
    for (const message of messages) this.encoder.message(out, message);
    return out.toBuffer();
  }

  read(bytes: Buffer, start = 0, end = bytes.length): unknown[] {
    const messages: unknown[] = [];
    this.decoder.beginBatch(bytes, start, end);
    while (!this.decoder.done) messages.push(this.decoder.value());
    return messages;
  }

  /** The message as it comes to the other worker. */
  send(message: unknown): unknown {
    const [received] = this.read(this.write([message]));
    return received;
  }
}
