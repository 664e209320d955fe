/**
 * All that happens in a run, as a running hash: two runs are the same, byte for byte, when their hashes are.
 * On demand the text is kept too, which costs much more.
 */
export class Trace {
  readonly lines: string[] = [];
  events = 0;
  private low = 0x243f6a88;
  private high = 0x85a308d3;

  constructor(
    private readonly now: () => number,
    private readonly keepsText: boolean,
  ) {}

  /** @param numbers whole numbers that tell this event from others of its kind */
  add(kind: string, who: string, ...numbers: readonly number[]): void {
    this.events++;
    this.mix(this.now());
    this.mixText(kind);
    this.mixText(who);
    for (const number of numbers) this.mix(number);
    if (this.keepsText) this.keep(`${who} ${kind} ${numbers.join(' ')}`);
  }

  /** An event that a text belongs to. */
  addText(kind: string, who: string, text: string): void {
    this.events++;
    this.mix(this.now());
    this.mixText(kind);
    this.mixText(who);
    this.mixText(text);
    if (this.keepsText) this.keep(`${who} ${kind} ${text}`);
  }

  get hash(): string {
    return [this.high, this.low].map((part) => (part >>> 0).toString(16).padStart(8, '0')).join('');
  }

  private keep(text: string): void {
    this.lines.push(`${(this.now() / 1e6).toFixed(6)} ${text}`);
  }

  private mix(number: number): void {
    this.word(number | 0);
    this.word(Math.floor(number / 0x1_0000_0000) | 0);
  }

  private mixText(text: string): void {
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i));
    this.word(text.length);
  }

  private word(word: number): void {
    this.low = Math.imul(this.low ^ word, 0x85ebca6b);
    this.low ^= this.low >>> 15;
    this.high = (Math.imul(this.high, 0xc2b2ae35) + this.low) | 0;
    this.high ^= this.high >>> 13;
  }
}
