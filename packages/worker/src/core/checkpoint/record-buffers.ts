import type { ByteWriter } from '@wallaroo/protocol';
import { takeRecord } from './log-records.js';

/**
 * Buffers of records that wait for the disk, used again and again. One that has waited is freed by a collection of the
 * whole heap only, and many of them force one.
 */
export class RecordBuffers {
  private readonly spare: Buffer[] = [];

  constructor(
    private readonly capacity: number,
    private readonly spareMax: number,
  ) {}

  /** Takes the record that was gathered out of the writer, as `takeRecord` does. A short one is copied. */
  take(out: ByteWriter): Buffer | undefined {
    if (out.length < this.capacity / 2) return takeRecord(out);
    const record = out.buffer.subarray(0, out.length);
    out.use(this.spare.pop() ?? Buffer.allocUnsafeSlow(this.capacity));
    return record;
  }

  /** The record is on disk, and nobody looks at it any more. */
  giveBack({ buffer }: Buffer): void {
    if (buffer.byteLength === this.capacity && this.spare.length < this.spareMax)
      this.spare.push(Buffer.from(buffer));
  }
}
