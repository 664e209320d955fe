/**
 * Chance from a seed: sfc32 by Chris Doty-Humphrey (PractRand), which needs 32-bit integer operations only, so
 * that every engine draws the same.
 *
 * A stream of another name is independent of how much was drawn from this one: to change what one part of a
 * run draws does not shift what the others draw.
 */
export class Dice {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  private constructor(private readonly path: string) {
    [this.a, this.b, this.c] = [hash(path, 1), hash(path, 2), hash(path, 3)];
    for (let i = 0; i < 12; i++) this.u32();
  }

  static of(seed: number): Dice {
    return new Dice(String(seed));
  }

  /** The stream of this name: the same whenever it is asked for. */
  stream(name: string | number): Dice {
    return new Dice(`${this.path}/${name}`);
  }

  /** A whole number from 0 to 2^32 - 1. */
  u32(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** From 0 up to, not including, 1. */
  fraction(): number {
    return this.u32() / 0x1_0000_0000;
  }

  /** A whole number from 0 up to, not including, `count`. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /**
   * Every order of magnitude between `least` and `most` is as likely as every other: mostly small, at times
   * huge. Doublings instead of logarithms, whose last digits differ between engines.
   */
  logUniform(least: number, most: number): number {
    let doublings = 1;
    for (let at = least; at * 2 < most; at *= 2) doublings++;
    const low = least * 2 ** this.below(doublings);
    return Math.min(most, low * (1 + this.fraction()));
  }
}

/** FNV-1a with the finalizer of MurmurHash3. */
function hash(text: string, salt: number): number {
  let value = Math.imul(0x811c9dc5 ^ salt, 0x01000193);
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return value ^ (value >>> 16);
}
