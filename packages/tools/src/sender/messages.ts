import type { ByteWriter } from '@wallaroo/protocol';
import type { InputBytes } from './input-bytes.js';
import type { Content, FileContent } from './plan.js';

/** Where the messages come from, one after the other. */
export interface MessageSource {
  /** Bytes in front of the payload of each message. */
  readonly headerLength: 0 | 4;
  /** Appends the next message as it goes over the wire; false when there is none left. */
  append(writer: ByteWriter): boolean;
}

/** Opens a file by name. */
export type OpenInput = (file: string) => InputBytes;

export function messagesOf(content: Content, open: OpenInput): MessageSource {
  switch (content.kind) {
    case 'integers':
      return integers(content.startFrom);
    case 'u64':
      return binaryIntegers(content.startFrom, content.partition);
    default:
      return new FileMessages(content, open);
  }
}

function integers(startFrom: number): MessageSource {
  let value = startFrom;
  return {
    headerLength: 4,
    append(writer) {
      const start = writer.length;
      writer.u32(0).decimal(++value);
      writer.patchU32(start, writer.length - start - 4);
      return true;
    },
  };
}

function binaryIntegers(startFrom: number, partition: string): MessageSource {
  const tail = Buffer.from(partition);
  let value = startFrom;
  return {
    headerLength: 4,
    append(writer) {
      writer
        .u32(8 + tail.length)
        .u53(++value)
        .bytes(tail);
      return true;
    },
  };
}

/** The lines or records of several files, in sequence. A record does not reach from one file into the next. */
class FileMessages implements MessageSource {
  readonly headerLength: 0 | 4;
  private input: InputBytes | undefined;
  private nextFile = 0;
  /** Whether this pass over the files gave a message: without any, repeating would never end. */
  private found = false;

  constructor(
    private readonly content: FileContent,
    private readonly open: OpenInput,
  ) {
    this.headerLength = content.kind === 'fixed' ? 0 : 4;
  }

  append(writer: ByteWriter): boolean {
    const message = this.next();
    if (message === undefined) return false;
    if (this.headerLength === 4) writer.u32(message.length);
    writer.bytes(message);
    return true;
  }

  private next(): Buffer | undefined {
    for (;;) {
      this.input ??= this.openNext();
      if (this.input === undefined) return undefined;
      const message = this.cut(this.input);
      if (message !== undefined) {
        this.found = true;
        return message;
      }
      this.input = undefined;
    }
  }

  private openNext(): InputBytes | undefined {
    const { files, repeat } = this.content;
    if (this.nextFile === files.length) {
      if (!repeat || !this.found) return undefined;
      this.found = false;
      this.nextFile = 0;
    }
    return this.open(files[this.nextFile++]!);
  }

  private cut(input: InputBytes): Buffer | undefined {
    switch (this.content.kind) {
      case 'fixed':
        return input.take(this.content.recordBytes);
      case 'framed':
        return input.takeFramed();
      case 'lines': {
        let line = input.line();
        while (line?.length === 0) line = input.line();
        return line;
      }
    }
  }
}
