const stopSignals = ['SIGINT', 'SIGTERM'] as const;

export type StopSignal = (typeof stopSignals)[number];

/**
 * Calls `stop` once, at the first SIGINT or SIGTERM.
 * A second signal ends the process at once: the way out when an orderly end waits for a peer that is stuck.
 */
export function onStopSignal(stop: (signal: StopSignal) => void): void {
  const received = (signal: StopSignal) => {
    for (const each of stopSignals) process.off(each, received);
    stop(signal);
  };
  for (const each of stopSignals) process.on(each, received);
}
