import { existsSync } from 'node:fs';
import type * as Simulator from '../../packages/simulator/dist/index.js';
import { short, table } from '../harness/report.js';

const door = new URL('../../packages/simulator/dist/index.js', import.meta.url);

/**
 * What clusters of any size say to each other, counted on virtual time: two cores cannot time more than two workers.
 * The CPU time is that of the whole simulation, so only its growth tells something.
 */
export async function simulatedTraffic(workerCounts: readonly number[]): Promise<string> {
  if (!existsSync(door)) return 'The simulator is missing: nothing was counted.';
  const { countTraffic } = (await import(door.href)) as typeof Simulator;
  countTraffic(2);
  const rows = workerCounts.map((workers) => {
    const before = process.cpuUsage();
    const figures = countTraffic(workers);
    const { user, system } = process.cpuUsage(before);
    return [
      workers,
      figures.messages,
      figures.control.frames,
      figures.controlFramesPerWorker.toFixed(0),
      figures.controlBytesPerWorkerAndSecond.toFixed(0),
      figures.data.frames,
      figures.dataBytesPerMessage.toFixed(1),
      short((user + system) / figures.messages),
    ];
  });
  return table(
    [
      'workers',
      'messages',
      'control frames',
      'per worker',
      'control bytes / worker / s',
      'data frames',
      'data bytes / message',
      'CPU of the simulation, us / message',
    ],
    rows,
  );
}
