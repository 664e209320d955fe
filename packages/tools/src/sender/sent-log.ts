import { closeSync, openSync, writeSync } from 'node:fs';
import { UsageError } from '@wallaroo/command-line';
import { ByteWriter } from '@wallaroo/protocol';

/** Records what was sent: a line `NANOSECONDS, PAYLOAD` for each message. */
export class SentLog {
  private readonly lines = new ByteWriter(64 * 1024);

  private constructor(private readonly descriptor: number) {}

  /** @throws UsageError when the file cannot be written */
  static open(file: string): SentLog {
    try {
      return new SentLog(openSync(file, 'w'));
    } catch (cause) {
      throw new UsageError(`Error opening file '${file}'.`, { cause });
    }
  }

  /** `time` is Unix time in nanoseconds, in digits; the payload is bytes `start` to `end`. */
  add(time: string, bytes: Buffer, start: number, end: number): void {
    this.lines.text(time).text(', ').bytes(bytes, start, end).text('\n');
  }

  flush(): void {
    const { buffer, length } = this.lines;
    for (let at = 0; at < length;) at += writeSync(this.descriptor, buffer, at, length - at);
    this.lines.use(buffer);
  }

  close(): void {
    this.flush();
    closeSync(this.descriptor);
  }
}
