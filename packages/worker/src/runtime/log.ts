import type { Log, Severity } from '../core/ports.js';
import { unixMs } from './unix-time.js';

const severities: readonly Severity[] = [
  'emergency',
  'alert',
  'critical',
  'error',
  'warning',
  'notice',
  'info',
  'debug',
];

/** The worker's log: lines for operators and for the tools that wait for them. */
export interface WorkerLog extends Log {
  /** A line without severity and category: `SECONDS.MICROSECONDS,TEXT`. */
  line(text: string): void;
}

/**
 * Writes `SECONDS.MICROSECONDS,SEVERITY,CATEGORY,TEXT`.
 * @param thresholds `CATEGORY.SEVERITY` pairs as in WALLAROO_THRESHOLDS; default `*.info`
 */
export function lineLog(write: (line: string) => void, thresholds = ''): WorkerLog {
  const shows = thresholdFilter(thresholds);
  const line = (text: string) => write(`${unixTime()},${text}\n`);
  return {
    line,
    write(severity, category, text) {
      if (shows(severity, category)) line(`${severity.toUpperCase()},${category},${text}`);
    },
  };
}

/** `text` on one line, for texts that quote bytes of a peer: those must not look like further lines of the log. */
export function onOneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}]/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Severities are names or numbers: 0 emergency to 7 debug; 8 shows everything. */
function thresholdFilter(thresholds: string): (severity: Severity, category: string) => boolean {
  const limits = new Map<string, number>([['*', severities.indexOf('info')]]);
  for (const pair of thresholds.split(/[,;\s]+/)) {
    const [, category, level] = /^(.+)\.(\w+)$/.exec(pair) ?? [];
    if (category === undefined || level === undefined) continue;
    const limit = /^\d+$/.test(level) ? Number(level) : severities.indexOf(level.toLowerCase() as Severity);
    if (limit >= 0) limits.set(category.toLowerCase(), limit);
  }
  return (severity, category) =>
    severities.indexOf(severity) <= (limits.get(category.toLowerCase()) ?? limits.get('*')!);
}

function unixTime(): string {
  const microseconds = Math.round(unixMs() * 1000);
  return `${Math.floor(microseconds / 1e6)}.${String(microseconds % 1e6).padStart(6, '0')}`;
}
