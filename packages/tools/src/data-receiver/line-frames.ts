import { ByteWriter, FrameSplitter, u32Frames } from '@wallaroo/protocol';

/** The limit of the framed mode, as its error message has it. */
const payloadBytesMax = 16384;

const newline = 0x0a;

/**
 * Turns u32-framed messages into lines: each body and a newline, nothing for an empty frame.
 * `write` is called at most once for each chunk, so that small frames do not cost a system call each.
 * @throws OversizedFrameError from the function it gives; what came before the frame has been written by then
 */
export function lineFrames(write: (lines: Buffer) => void): (chunk: Buffer) => void {
  const lines = new ByteWriter(0);
  const splitter = new FrameSplitter(u32Frames(payloadBytesMax), (bytes, start, end) => {
    if (end > start) lines.bytes(bytes, start, end).u8(newline);
  });
  return (chunk) => {
    try {
      splitter.push(chunk);
    } finally {
      if (lines.length > 0) write(lines.take(chunk.length));
    }
  };
}
