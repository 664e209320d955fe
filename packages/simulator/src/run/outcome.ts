import { byTrail, type Outcome } from '../checkers/equality.js';
import { linesIn, linesOf } from '../workload/outputs.js';
import { sinkNames, stageNames, type KeyState, type Shape } from '../workload/simulated-application.js';
import type { World } from '../world/world.js';

/**
 * What the cluster has come to, as far as it concerns the messages of some lanes.
 * @param concerns given a lane: whether its messages count
 */
export function outcomeOf(
  world: World,
  shape: Shape,
  concerns: (lane: string) => boolean,
  twoPhase = false,
): Outcome {
  const counts = (trail: string) => concerns(trail.slice(trail.lastIndexOf('/') + 1));
  const state = new Map<string, string>();
  for (const { index } of world.hosts) {
    // A worker that was started again when all others had gone never got back what it had.
    const process = world.processes.findLast(
      ({ host, core }) => host === index && core !== undefined && core.status.epoch > 0,
    );
    if (process === undefined) continue;
    for (const stage of stageNames) {
      const store = process.core.engine.stores.get(stage);
      for (const key of store?.keys() ?? []) {
        for (const [trail, { count, chain }] of (store!.peek(key) as KeyState).trails) {
          if (!counts(trail)) continue;
          const place = `${stage} ${key} ${trail}`;
          // Two owners of one key are seen here too.
          const other = state.get(place);
          state.set(place, `${other === undefined ? '' : `${other} and `}${count} ${chain}`);
        }
      }
    }
  }
  const lines = sinkNames(shape).flatMap((sink) =>
    (twoPhase
      ? world.hosts.flatMap((host) => linesIn(host.twoPhaseSinks.get(sink)?.committed ?? []))
      : world.processes.flatMap((process) => linesOf(process, sink))
    )
      .filter(({ trail }) => counts(trail))
      .map((line) => [sink, line] as const),
  );
  // Several processes may have made the outputs of a key, one after the other.
  lines.sort(([, one], [, other]) => one.from - other.from);
  return { state, outputs: byTrail(lines) };
}
