import type { OutputShape } from '../workloads/workload.js';

const tailBytesMin = 1 << 19;
const newline = 10;

/** Counts output messages and keeps the last half MiB of them, so that the end of a run can be compared. */
export class OutputMeter {
  private readonly chunks: Buffer[] = [];
  private keptBytes = 0;
  private lines = 0;
  bytes = 0;

  constructor(private readonly shape: OutputShape) {}

  /** Whole messages so far. */
  get outputs(): number {
    return this.shape.kind === 'lines' ? this.lines : Math.floor(this.bytes / this.shape.bytes);
  }

  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.shape.kind === 'lines') {
      let lines = 0;
      for (let at = 0; at < chunk.length; at++) if (chunk[at] === newline) lines += 1;
      this.lines += lines;
    }
    this.chunks.push(chunk);
    this.keptBytes += chunk.length;
    while (this.keptBytes - this.chunks[0]!.length >= tailBytesMin)
      this.keptBytes -= this.chunks.shift()!.length;
  }

  tail(): Buffer {
    return Buffer.concat(this.chunks);
  }

  restart(): void {
    this.chunks.length = 0;
    this.keptBytes = 0;
    this.lines = 0;
    this.bytes = 0;
  }
}
