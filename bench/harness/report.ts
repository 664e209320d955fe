import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { pinned } from './cores.js';
import { median } from './statistics.js';

/** A Markdown table, as it goes into RESULTS.md. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Median and best of several runs. */
export function spread(values: readonly number[], best: 'least' | 'most', show = short): string {
  return `${show(median(values))} [${show(best === 'least' ? Math.min(...values) : Math.max(...values))}]`;
}

/** Three significant digits, with k or M. */
export function short(value: number): string {
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1000) return `${(value / 1e3).toPrecision(3)} k`;
  return value.toPrecision(3);
}

export function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

/** What the figures were taken on. */
export function conditions(): string {
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' ');
  const model = cpus()[0]?.model ?? 'unknown processor';
  const pins = pinned
    ? 'pinned (system under test: core 0, helpers: core 1)'
    : 'NOT pinned, there is no taskset';
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, Node ${process.version}, ${cpus().length} x ${model}, load average ${load}, ${pins}`;
}
