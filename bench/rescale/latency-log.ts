/** Seconds of a run are kept apart, so that a reader can tell before, during and after. */
export interface SecondOfLatencies {
  /** Second on the clock of the machine. */
  readonly second: number;
  readonly messages: number;
  /** Counts by latency, in steps of a tenth of a millisecond up to 100 ms, then of 10 ms. */
  readonly bins: Record<number, number>;
}

export interface LatencySummary {
  readonly seconds: readonly SecondOfLatencies[];
  /** For each probe key the moments, in ms, at which an output came much later than the one before: [from, to]. */
  readonly gaps: Record<number, readonly (readonly [number, number])[]>;
  /** The last output of each probe key here, and the first. */
  readonly last: Record<number, number>;
  readonly first: Record<number, number>;
}

const bytesEach = 12;
/** Keys below this are probes: as many as `--probes` of the application makes by default. */
const probesMax = 128;
/** Shorter gaps are not worth keeping. */
const gapMs = 10;

/** What one sink sees: u32 key, f64 due, for each message. */
export class LatencyLog {
  private readonly seconds = new Map<number, { messages: number; bins: Map<number, number> }>();
  private readonly gaps = new Map<number, [number, number][]>();
  private readonly last = new Map<number, number>();
  private readonly first = new Map<number, number>();

  take(bytes: Buffer, now: number): void {
    const second = Math.floor(now / 1000);
    let slot = this.seconds.get(second);
    if (slot === undefined) this.seconds.set(second, (slot = { messages: 0, bins: new Map() }));
    for (let at = 0; at + bytesEach <= bytes.length; at += bytesEach) {
      const key = bytes.readUInt32BE(at);
      const late = now - bytes.readDoubleBE(at + 4);
      const bin = late < 100 ? Math.floor(late * 10) / 10 : Math.floor(late / 10) * 10;
      slot.messages++;
      slot.bins.set(bin, (slot.bins.get(bin) ?? 0) + 1);
      if (key >= probesMax) continue;
      const last = this.last.get(key);
      if (last === undefined) this.first.set(key, now);
      else if (now - last >= gapMs) this.noteGap(key, last, now);
      this.last.set(key, now);
    }
  }

  summary(): LatencySummary {
    return {
      seconds: [...this.seconds].map(([second, { messages, bins }]) => ({
        second,
        messages,
        bins: Object.fromEntries(bins),
      })),
      gaps: Object.fromEntries(this.gaps),
      last: Object.fromEntries(this.last),
      first: Object.fromEntries(this.first),
    };
  }

  private noteGap(key: number, from: number, to: number): void {
    const gaps = this.gaps.get(key);
    if (gaps === undefined) this.gaps.set(key, [[from, to]]);
    else gaps.push([from, to]);
  }
}

/** Latency below which a share of the messages stayed, over some seconds of several sinks. */
export function percentile(
  summaries: readonly LatencySummary[],
  from: number,
  to: number,
  share: number,
): number {
  const bins = new Map<number, number>();
  let total = 0;
  for (const { seconds } of summaries) {
    for (const { second, bins: counts, messages } of seconds) {
      if (second < from || second >= to) continue;
      total += messages;
      for (const [bin, count] of Object.entries(counts))
        bins.set(Number(bin), (bins.get(Number(bin)) ?? 0) + count);
    }
  }
  let seen = 0;
  for (const [bin, count] of [...bins].sort(([a], [b]) => a - b)) {
    seen += count;
    if (seen >= total * share) return bin;
  }
  return NaN;
}

export function messagesBetween(summaries: readonly LatencySummary[], from: number, to: number): number {
  return summaries
    .flatMap(({ seconds }) => seconds)
    .filter(({ second }) => second >= from && second < to)
    .reduce((sum, { messages }) => sum + messages, 0);
}

/** The longest time, in ms, that any probe key was without an output, within [fromMs, toMs], on whichever worker. */
export function longestGap(summaries: readonly LatencySummary[], fromMs: number, toMs: number): number {
  let longest = 0;
  const keys = new Set(summaries.flatMap(({ first }) => Object.keys(first)));
  for (const key of keys) {
    // Between the last output here and the first there lies the move itself.
    const spans = summaries
      .filter(({ first }) => first[Number(key)] !== undefined)
      .map(({ first, last }) => [first[Number(key)]!, last[Number(key)]!] as const)
      .sort(([a], [b]) => a - b);
    for (let i = 1; i < spans.length; i++) {
      const from = spans[i - 1]![1];
      const to = spans[i]![0];
      if (to > from && from >= fromMs && from < toMs) longest = Math.max(longest, to - from);
    }
    for (const { gaps } of summaries) {
      for (const [from, to] of gaps[Number(key)] ?? []) {
        const elsewhere = summaries.some(
          (other) =>
            other.gaps !== gaps &&
            (other.first[Number(key)] ?? Infinity) < to &&
            (other.last[Number(key)] ?? 0) > from,
        );
        if (!elsewhere && from >= fromMs && from < toMs) longest = Math.max(longest, to - from);
      }
    }
  }
  return longest;
}
