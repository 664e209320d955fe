import { createHash } from 'node:crypto';

/** The decimal text of the unsigned 128-bit number that the MD5 of `name` is in little-endian order. */
export function routingId(name: string): string {
  const digest = createHash('md5').update(name).digest();
  return ((digest.readBigUInt64LE(8) << 64n) | digest.readBigUInt64LE(0)).toString();
}
