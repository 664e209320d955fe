import type { Stream } from '../workloads/workload.js';

const bytesMin = 1 << 20;

/**
 * A stream's endless bytes, built before the run: the cycle, repeated to at least 1 MiB, so that sending is
 * nothing but handing slices to the socket.
 */
export class LoopedStream {
  /** Where each message of a cycle begins. */
  private readonly offsets: Float64Array;
  private readonly cycleBytes: number;
  private readonly loop: Buffer;

  constructor(stream: Stream) {
    this.offsets = new Float64Array(stream.cycle.length);
    let at = 0;
    for (const [index, message] of stream.cycle.entries()) {
      this.offsets[index] = at;
      at += message.length;
    }
    this.cycleBytes = at;
    const once = Buffer.concat(stream.cycle);
    this.loop = Buffer.concat(Array.from({ length: Math.ceil(bytesMin / once.length) }, () => once));
  }

  get bytesPerMessage(): number {
    return this.cycleBytes / this.offsets.length;
  }

  /** The bytes of messages `from` to `to` - 1, counted from the start of the run. */
  slices(from: number, to: number): Buffer[] {
    const slices: Buffer[] = [];
    let position = this.position(from);
    const end = this.position(to);
    while (position < end) {
      const start = position % this.loop.length;
      const length = Math.min(end - position, this.loop.length - start);
      slices.push(this.loop.subarray(start, start + length));
      position += length;
    }
    return slices;
  }

  private position(message: number): number {
    const inCycle = message % this.offsets.length;
    return ((message - inCycle) / this.offsets.length) * this.cycleBytes + this.offsets[inCycle]!;
  }
}
