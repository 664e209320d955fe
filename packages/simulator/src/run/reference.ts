import type { Outcome } from '../checkers/equality.js';
import { Dice } from '../random/dice.js';
import { Feeder } from '../workload/feeder.js';
import type { Lane } from '../workload/input.js';
import { passesFront } from '../workload/simulated-application.js';
import { ms } from '../world/schedule.js';
import { makeCluster } from './cluster.js';
import { outcomeOf } from './outcome.js';
import type { Scenario } from './scenario.js';

/** What one worker without faults makes of the same input. */
export function referenceOutcome(scenario: Scenario, lanes: readonly Lane[]): Outcome {
  const quick = { leastMs: 0.01, mostMs: 0.02, tailChance: 0, tailMs: 1 };
  const alone: Scenario = {
    ...scenario,
    workers: 1,
    spares: 0,
    faults: [],
    planted: [],
    windowBytes: { link: 1e9, sink: 1e9 },
    diskLatency: quick,
    sinkLatency: quick,
  };
  delete (alone as { resilience?: unknown }).resilience;
  const { world, journal } = makeCluster(alone, false);
  const feeder = new Feeder(
    world,
    Dice.of(scenario.seed).stream('reference'),
    journal,
    { overMs: 10, burst: 1000 },
    ({ number }) => (passesFront(scenario.shape, number) ? 1 : 0),
    undefined,
    () => undefined,
  );
  for (const host of world.hosts) host.boot();
  feeder.open(lanes.map((lane) => ({ ...lane, host: 0 })));
  world.run(ms(600_000), () => feeder.done);
  // What was pushed last is still on its way to the sinks.
  world.run(world.schedule.now + ms(1000));
  return outcomeOf(world, scenario.shape, () => true);
}
