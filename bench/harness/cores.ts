import { spawnSync } from 'node:child_process';

/**
 * The system under test has a core to itself; load generator, receiver and harness share the other.
 * Without `taskset` nothing is pinned, and the reports say so.
 */
export const cores = { underTest: '0', helpers: '1' } as const;

export const pinned =
  spawnSync('taskset', ['-c', `${cores.underTest},${cores.helpers}`, 'true']).status === 0;

/** Moves a running process, all its threads included. */
export function pin(pid: number, core: string): void {
  if (pinned) spawnSync('taskset', ['-a', '-c', '-p', core, String(pid)]);
}

/** A command line that starts on that core; the process keeps its id, for `taskset` becomes it. */
export function pinnedCommand(core: string, command: readonly string[]): readonly string[] {
  return pinned ? ['taskset', '-c', core, ...command] : command;
}
