import { createHash } from 'node:crypto';

/** The id that clients give to a stream by custom: the first 64 bits of the SHA-256 of its name. */
export function streamIdOf(name: string): bigint {
  return createHash('sha256').update(name).digest().readBigUInt64BE();
}
