import { latin1Slice } from './slices.js';

/** Strings up to this many bytes are looked for among those that came before. */
export const shortStringMax = 24;
const sizeLog2 = 14;

/**
 * Recently read short strings of ASCII, found again by their bytes. A string that comes again is the same
 * object: nothing is allocated, and a map that is asked for it need not hash it anew.
 */
export class ShortStrings {
  /** Made when the first one is read: many decoders never read any. */
  private strings: string[] | undefined;

  /** @param end at most `shortStringMax` behind `start`; the bytes are ASCII */
  read(bytes: Buffer, start: number, end: number): string {
    let hash = end - start;
    for (let at = start; at < end; at++) hash = Math.imul(hash, 31) + bytes[at]!;
    const place = (Math.imul(hash, 0x9e3779b1) >>> (32 - sizeLog2)) | 0;
    const strings = (this.strings ??= new Array<string>(1 << sizeLog2).fill(''));
    const known = strings[place]!;
    if (known.length === end - start && equals(known, bytes, start)) return known;
    // Two strings that fall on one place would push each other out for ever.
    const other = strings[place ^ 1]!;
    if (other.length === end - start && equals(other, bytes, start)) return other;
    const text = latin1Slice(bytes, start, end);
    strings[place ^ 1] = known;
    strings[place] = text;
    return text;
  }
}

function equals(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
