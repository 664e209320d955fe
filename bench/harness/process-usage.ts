import { readFileSync } from 'node:fs';

/** Linux reports CPU time to programs in ticks of 10 ms, whatever the kernel counts in. */
const ticksPerSecond = 100;

export interface ProcessUsage {
  /** User and system time of all threads of this one process; not of its children. */
  readonly cpuSeconds: number;
  /** Time the main thread ran or was ready to run: near the wall time if it is CPU-bound, also on a busy machine. */
  readonly wantedSeconds: number;
  /** The part of it that it waited, because something else had the core. */
  readonly waitedSeconds: number;
  readonly residentBytes: number;
  readonly residentBytesPeak: number;
}

/** Reads `/proc`; so Linux only. */
export function processUsage(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [runNs, waitNs] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]) * 1024;
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    wantedSeconds: (Number(runNs) + Number(waitNs)) / 1e9,
    waitedSeconds: Number(waitNs) / 1e9,
    residentBytes: kilobytes('VmRSS'),
    residentBytesPeak: kilobytes('VmHWM'),
  };
}

/** For an error message: what the process does, and how much CPU time it has had. */
export function stateOf(pid: number): string {
  const state = /State:\s+(.*)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 'gone';
  return `${state} after ${processUsage(pid).cpuSeconds} s of CPU time`;
}
