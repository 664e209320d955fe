/**
 * The 32-bit hash that deals keys to slots: FNV-1a over the UTF-8 bytes of the key, then the finalizer of
 * MurmurHash3, without which the low bits of short keys are uneven. Fixed for ever by the vectors in its test:
 * every worker, of every version, must agree on it.
 *
 * Sources: G. Fowler, L. C. Noll, K.-P. Vo, the FNV hash; A. Appleby, MurmurHash3 (`fmix32`).
 * @returns 0 to 2^32 - 1
 */
export function hashKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code < 0x80) {
      hash = Math.imul(hash ^ code, 0x01000193);
    } else {
      return finish(hashBeyondAscii(key, i, hash));
    }
  }
  return finish(hash);
}

/** The slot of a key; `slots` is a power of two. */
export function slotOf(key: string, slots: number): number {
  return hashKey(key) & (slots - 1);
}

function finish(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Lone surrogates count as U+FFFD, as they do in UTF-8 encoders. */
function hashBeyondAscii(key: string, from: number, hash: number): number {
  for (const character of key.slice(from)) {
    let code = character.codePointAt(0)!;
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) {
      hash = step(hash, code);
    } else if (code < 0x800) {
      hash = step(step(hash, 0xc0 | (code >> 6)), 0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      hash = step(step(hash, 0xe0 | (code >> 12)), 0x80 | ((code >> 6) & 0x3f));
      hash = step(hash, 0x80 | (code & 0x3f));
    } else {
      hash = step(step(hash, 0xf0 | (code >> 18)), 0x80 | ((code >> 12) & 0x3f));
      hash = step(step(hash, 0x80 | ((code >> 6) & 0x3f)), 0x80 | (code & 0x3f));
    }
  }
  return hash;
}

function step(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}
