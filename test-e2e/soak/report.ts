/** What a soak has done, and what it has found. */
export interface SoakReport {
  readonly seed: number;
  readonly seconds: number;
  readonly steps: number;
  /** How often, by kind of fault. */
  readonly faults: ReadonlyMap<string, number>;
  readonly kills: number;
  /** Messages that have come out, repeats not counted. */
  readonly messages: number;
  /** From the fault to a cluster that is whole and processes, in seconds, sorted. */
  readonly settled: readonly number[];
  readonly violations: readonly string[];
}

export function reportText(report: SoakReport): string {
  const { seed, seconds, steps, faults, kills, messages, settled, violations } = report;
  const rows = [...faults].map(([kind, times]) => `${kind.padEnd(28)}${`${times}`.padStart(6)}`);
  const median = settled[settled.length >> 1] ?? 0;
  const most = settled.at(-1) ?? 0;
  return [
    '',
    `${'fault'.padEnd(28)}${'times'.padStart(6)}`,
    ...rows,
    '',
    `seed ${seed}: ${(seconds / 60).toFixed(1)} minutes, ${steps} steps, ${kills} kills, ${messages} messages`,
    `whole again after ${median.toFixed(1)} s (median), ${most.toFixed(1)} s (most)`,
    `${violations.length} violations`,
    ...violations.slice(0, 20).map((violation) => `  ${violation}`),
  ].join('\n');
}
