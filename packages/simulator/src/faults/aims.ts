import type { Dice } from '../random/dice.js';
import type { Moment } from './fault.js';

/** Phases of a member in which a fault is worth more than elsewhere. */
const phases = ['forming', 'returning', 'gathering', 'preparing', 'ready', 'processing', 'finishing'];

/** Lines of the log that tell that something has just been done or decided. */
export const aimedLines = [
  'Attempting to recover',
  'Waiting for',
  'All worker data channels identified',
  'Distributing local topologies',
  'Finished distributing',
  'is unreachable',
  'is back',
  'has been started again',
  'are ready for epoch',
  'Cluster is ready to work',
  'Resuming message processing',
  'Sources are muted',
  'attempting to join',
  'Received cluster information',
  'added to cluster',
  'slots are to move',
  'Autoscale is complete',
  'Beginning process of leaving',
  'AUTOSCALE: Shutting down',
];

const wishes = ['store', 'dial', 'open', 'flow', 'output', 'write', 'close', 'drainSources', 'flushSinks'];

/** A moment at which a cluster of so many hosts is in the middle of something. */
export function drawAim(hosts: number, dice: Dice): Moment {
  const host = dice.chance(0.5) ? {} : { host: dice.below(hosts) };
  const nth = Math.floor(dice.logUniform(1, 16));
  switch (dice.below(3)) {
    case 0:
      return { line: dice.pick(aimedLines), ...host, nth: Math.ceil(nth / 3) };
    case 1:
      return { phase: dice.pick(phases), ...host, nth: Math.ceil(nth / 2) };
    default:
      return { wish: dice.pick(wishes), ...host, nth: Math.floor(dice.logUniform(1, 300)) };
  }
}
