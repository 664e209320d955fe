import { createHash, type Hash } from 'node:crypto';
import { FrameSplitter, u32Frames } from '@wallaroo/protocol';
import type { Client } from './client.js';

/**
 * Frames of 1 to 16 KiB that can be told from each other: u8 stream, u32 number, then bytes that depend on both.
 * Made and checked on the fly, for volumes that nobody wants to keep.
 */
const payloadBytesMax = 16 * 1024;
const filler = Buffer.alloc(2 * payloadBytesMax);
for (let i = 0, state = 1; i < filler.length; i++) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  filler[i] = state >>> 24;
}

function payloadSize(number: number): number {
  return 1024 + ((number * 7919) % (payloadBytesMax - 1024 + 1));
}

/** Writes one frame at `at`. @returns where it ends */
function writeFrame(into: Buffer, at: number, stream: number, number: number): number {
  const size = payloadSize(number);
  into.writeUInt32BE(size, at);
  into[at + 4] = stream;
  into.writeUInt32BE(number, at + 5);
  const from = number % payloadBytesMax;
  filler.copy(into, at + 9, from, from + size - 5);
  return at + 4 + size;
}

export interface SentStream {
  readonly messages: number;
  readonly bytes: number;
  readonly digest: string;
}

/** Sends at least `bytes` bytes of a stream, at most as fast as the peer takes them. */
export async function sendStream(client: Client, stream: number, bytes: number): Promise<SentStream> {
  const hash = createHash('sha1');
  let sent = 0;
  let number = 0;
  while (sent < bytes) {
    const batch = Buffer.allocUnsafe(512 * 1024);
    let end = 0;
    while (sent + end < bytes && end + payloadBytesMax + 4 <= batch.length)
      end = writeFrame(batch, end, stream, number++);
    const whole = batch.subarray(0, end);
    hash.update(whole);
    await client.write(whole);
    sent += end;
  }
  return { messages: number, bytes: sent, digest: hash.digest('hex') };
}

/** Checks what comes out of a sink: every stream in order, each message `times` times, every byte. */
export class StreamCheck {
  bytes = 0;
  private readonly next = new Map<number, { messages: number; repeats: number; hash: Hash; bytes: number }>();
  private readonly expected = Buffer.allocUnsafe(payloadBytesMax + 4);
  private readonly splitter = new FrameSplitter(u32Frames(payloadBytesMax), (bytes, start, end) =>
    this.check(bytes, start, end),
  );

  constructor(private readonly times = 1) {}

  /** @throws Error for the first byte that should not be there */
  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.splitter.push(chunk);
  }

  /** Whether anything came of a stream. */
  has(stream: number): boolean {
    return this.next.has(stream);
  }

  /** What came of a stream, the repeats left out. */
  received(stream: number): SentStream {
    const { messages, bytes, hash } = this.next.get(stream)!;
    return { messages, bytes, digest: hash.copy().digest('hex') };
  }

  private check(bytes: Buffer, start: number, end: number): void {
    const stream = bytes[start]!;
    let state = this.next.get(stream);
    if (!state)
      this.next.set(stream, (state = { messages: 0, repeats: 0, hash: createHash('sha1'), bytes: 0 }));
    const size = writeFrame(this.expected, 0, stream, state.messages);
    if (bytes.compare(this.expected, 4, size, start, end) !== 0) {
      const number = bytes.readUInt32BE(start + 1);
      throw new Error(`stream ${stream}: got message ${number} or one like it, expected ${state.messages}`);
    }
    if (++state.repeats < this.times) return;
    state.repeats = 0;
    state.messages++;
    state.bytes += size;
    state.hash.update(this.expected.subarray(0, size));
  }
}
