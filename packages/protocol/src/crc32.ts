import { crc32 as nodeCrc32 } from 'node:zlib';

/** The CRC-32 of IEEE 802.3 over bytes `start` to `end`: a pure function, in native code for its speed. */
export function crc32(bytes: Buffer, start = 0, end = bytes.length): number {
  return nodeCrc32(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
}
