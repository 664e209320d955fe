import type { Dice } from '../random/dice.js';
import { drawAim } from './aims.js';
import { drawTangles } from './tangles.js';
import {
  faultKinds,
  latePhases,
  mayBeLate,
  type Fault,
  type FaultDeed,
  type FaultKind,
  type FaultSettings,
  type Moment,
} from './fault.js';

/**
 * Faults by dice. Each kind is left out of many runs, so that others come to light that it would hide (Groce
 * et al., Swarm Testing, ISSTA 2012); numbers and durations are of any order of magnitude. Most come at any
 * time or close together, the others when the cluster is in the middle of something.
 */
export function drawFaults(settings: FaultSettings, dice: Dice): Fault[] {
  const { hosts, spares, horizonMs, rate } = settings;
  const places = dice.stream('anchors');
  const anchors = Array.from({ length: places.between(1, 3) }, () => places.fraction() * horizonMs);
  const clustered = places.chance(0.4);
  const faults: Fault[] = [];
  for (const kind of faultKinds) {
    const draws = dice.stream(kind);
    if (!draws.chance(chanceOf[kind]) || (hosts === 1 && needsTwo.has(kind))) continue;
    if (kind === 'join' && spares === 0) continue;
    // Without checkpoints nothing in files matters, and no sink is asked anything.
    if ((kind === 'damage' || kind === 'failSink') && !settings.resilience) continue;
    const count = Math.round(Math.floor(draws.logUniform(1, mostOf[kind])) * rate);
    for (let i = 0; i < count; i++) {
      const deed = drawDeed(kind, hosts, spares, draws);
      faults.push({ when: drawMoment(kind, { ...settings, anchors, clustered }, draws), ...deed });
    }
  }
  return [...faults, ...drawTangles(settings, dice.stream('tangles'))];
}

const chanceOf: Readonly<Record<FaultKind, number>> = {
  delay: 0.5,
  stall: 0.5,
  reset: 0.6,
  halfOpen: 0.4,
  partition: 0.5,
  kill: 0.5,
  slowProcess: 0.5,
  slowSink: 0.4,
  slowDisk: 0.4,
  failDisk: 0.3,
  failSink: 0.7,
  damage: 0.4,
  join: 0.9,
  shrink: 0.5,
};

const mostOf: Readonly<Record<FaultKind, number>> = {
  delay: 8,
  stall: 24,
  reset: 24,
  halfOpen: 8,
  partition: 10,
  kill: 10,
  slowProcess: 10,
  slowSink: 5,
  slowDisk: 5,
  failDisk: 5,
  failSink: 16,
  damage: 6,
  join: 4,
  shrink: 4,
};

const needsTwo = new Set<FaultKind>(['delay', 'stall', 'reset', 'halfOpen', 'partition', 'shrink']);

function drawDeed(kind: FaultKind, hosts: number, spares: number, dice: Dice): FaultDeed {
  const host = dice.below(hosts);
  const other = (host + 1 + dice.below(Math.max(1, hosts - 1))) % hosts;
  const forMs = Math.round(dice.logUniform(1, 6000));
  const byMs = Math.round(dice.logUniform(1, 4000));
  switch (kind) {
    case 'delay':
      return { kind, from: host, to: other, byMs, forMs };
    case 'stall': {
      const channel = dice.chance(0.7) ? 'data' : 'control';
      return { kind, from: host, to: other, channel, forMs };
    }
    case 'reset':
      return { kind, between: [host, other] };
    case 'halfOpen':
      return { kind, from: host, to: other, both: dice.chance(0.5) };
    case 'partition':
      return { kind, from: host, to: other, forMs };
    case 'kill':
      return {
        kind,
        host,
        downMs: Math.round(dice.logUniform(1, 4000)),
        wishes: dice.chance(0.4) ? 0 : Math.floor(dice.logUniform(1, 128)),
        part: dice.chance(0.4) ? 0 : dice.below(100) / 100,
        power: dice.chance(0.3),
      };
    case 'slowProcess':
      return { kind, host, forMs };
    case 'slowSink':
    case 'slowDisk':
      return { kind, host, byMs, forMs };
    case 'failDisk':
      return { kind, host, forMs };
    case 'failSink':
      return { kind, host, how: dice.pick(['refuses', 'away']), forMs };
    case 'damage':
      return drawDamage(host, other, dice);
    case 'join':
      return drawJoin(hosts, spares, dice);
    case 'shrink': {
      const leave = Array.from({ length: hosts }, (_, one) => one).filter(() => dice.chance(0.3));
      return { kind, ask: host, leave: leave.length > 0 ? leave : [other], drain: dice.chance(0.5) };
    }
  }
}

function drawDamage(host: number, other: number, dice: Dice): FaultDeed {
  const file = dice.pick(['cluster', 'events', 'events', 'journal', 'journal'] as const);
  // A worker whose file of the cluster is missing is not started: whoever starts it sees that.
  const how = dice.pick(
    file === 'cluster'
      ? (['flip', 'cut', 'foreign'] as const)
      : (['flip', 'flip', 'cut', 'gone', 'foreign'] as const),
  );
  const downMs = Math.round(dice.logUniform(1, 2000));
  return { kind: 'damage', host, downMs, file, how, at: dice.fraction(), bit: dice.below(8), other };
}

function drawJoin(hosts: number, spares: number, dice: Dice): FaultDeed {
  const first = dice.below(spares);
  const host = hosts - 1 - first;
  if (spares === 1 || dice.chance(0.4)) return { kind: 'join', host };
  const count = dice.between(1, spares - 1);
  const together = Array.from({ length: count }, (_, i) => hosts - 1 - ((first + 1 + i) % spares));
  return { kind: 'join', host, together, apartMs: Math.round(dice.logUniform(1, 3000)) };
}

interface MomentSettings extends FaultSettings {
  readonly anchors: readonly number[];
  readonly clustered: boolean;
}

function drawMoment(kind: FaultKind, settings: MomentSettings, dice: Dice): Moment {
  const { horizonMs, hosts, anchors, clustered } = settings;
  if (mayBeLate(kind) && dice.chance(0.08)) {
    return { phase: dice.pick(latePhases), nth: dice.between(1, hosts) };
  }
  // While slots move, what should come behind their state may come ahead of it.
  if (kind === 'stall' && dice.chance(0.35)) {
    return { line: 'slots are to move', nth: Math.floor(dice.logUniform(1, 4)) };
  }
  if (dice.chance(0.35)) return drawAim(hosts, dice);
  if (clustered) return { atMs: Math.round(dice.pick(anchors) + dice.logUniform(1, 2000)) };
  return { atMs: Math.round(dice.fraction() * horizonMs) };
}
