import type { Dice } from '../random/dice.js';
import { latePhases, type Fault, type FaultSettings } from './fault.js';

/** Faults that belong together: what one of them begins, another one meets in the middle. */
export function drawTangles(settings: FaultSettings, dice: Dice): Fault[] {
  const { hosts, spares, resilience } = settings;
  const workers = hosts - spares;
  const commits = dice.stream('late commits');
  const routes = dice.stream('late routes');
  const ends = dice.stream('ends');
  const cuts = dice.stream('cuts');
  const blackouts = dice.stream('blackouts');
  return [
    ...(workers >= 3 && commits.chance(0.35) ? drawLateCommits(workers, settings, commits) : []),
    ...(spares > 0 && routes.chance(0.35) ? drawLateRoutes(settings, routes) : []),
    ...(resilience && ends.chance(0.4) ? drawLateKills(workers, ends) : []),
    ...(resilience && cuts.chance(0.35) ? drawCutKills(workers, cuts) : []),
    ...(resilience && blackouts.chance(0.25) ? drawBlackout(settings, blackouts) : []),
  ];
}

/** Workers die while the cluster is being shut down. */
function drawLateKills(workers: number, dice: Dice): Fault[] {
  return Array.from({ length: dice.pick([1, 1, 1, 2]) }, (): Fault => {
    const when = { phase: dice.pick(latePhases), nth: dice.between(1, workers) };
    const host = dice.below(workers);
    const wishes = dice.chance(0.2) ? 0 : Math.floor(dice.logUniform(1, 256));
    const downMs = Math.round(dice.logUniform(1, 4000));
    return { when, kind: 'kill', host, downMs, wishes, part: 0, power: dice.chance(0.3), atShutdown: true };
  });
}

/**
 * A worker dies when a checkpoint is cut and does not count yet: some members are through with it, and everything goes
 * back to the one before.
 */
function drawCutKills(workers: number, dice: Dice): Fault[] {
  return Array.from({ length: dice.between(1, 3) }, (): Fault => {
    const nth = Math.floor(dice.logUniform(1, 64));
    const when = {
      wish: 'sync',
      log: 'events',
      nth,
      ...(dice.chance(0.5) && { host: dice.below(workers) }),
    } as const;
    const wishes = dice.chance(0.5) ? 0 : Math.floor(dice.logUniform(1, 16));
    const downMs = Math.round(dice.logUniform(1, 2000));
    return {
      when,
      kind: 'kill',
      host: dice.below(workers),
      downMs,
      wishes,
      part: 0,
      power: dice.chance(0.3),
    };
  });
}

/** The power goes everywhere at once; it comes back here and there. */
function drawBlackout({ hosts, horizonMs }: FaultSettings, dice: Dice): Fault[] {
  const nth = Math.floor(dice.logUniform(1, 64));
  const when = dice.pick([
    { atMs: Math.round(dice.fraction() * horizonMs) },
    { wish: 'sync', log: 'events', nth },
    { wish: 'store', nth },
  ] as const);
  return Array.from({ length: hosts }, (_, host): Fault => {
    const wishes = dice.chance(0.5) ? 0 : Math.floor(dice.logUniform(1, 64));
    const downMs = Math.round(dice.logUniform(1, 2000));
    return { when, kind: 'kill', host, downMs, wishes, part: dice.fraction(), power: true };
  });
}

function drawLateCommits(workers: number, settings: FaultSettings, dice: Dice): Fault[] {
  return Array.from({ length: dice.between(1, 4) }, (_, nth) =>
    drawLateCommit(workers, nth, settings, dice),
  ).flat();
}

/**
 * A worker dies and comes back, and so an epoch begins; but to one member the word of it is late, and so is what
 * that member has sent to another one before.
 */
function drawLateCommit(workers: number, nth: number, { horizonMs }: FaultSettings, dice: Dice): Fault[] {
  const victim = dice.below(workers);
  const others = Array.from({ length: workers }, (_, host) => host).filter((host) => host !== victim);
  const late = dice.pick(others);
  const reader = dice.pick(others.filter((host) => host !== late));
  // By rule the first leads.
  const leader = 0;
  const atMs = Math.round(dice.fraction() * horizonMs);
  const downMs = Math.round(dice.logUniform(20, 500));
  return [
    {
      when: { atMs: atMs + Math.round(dice.logUniform(1, 100)) },
      ...{ kind: 'stall', from: late, to: reader, channel: 'data' },
      forMs: downMs + Math.round(dice.logUniform(50, 2000)),
    },
    {
      when: { atMs: atMs + Math.round(dice.logUniform(1, 100)) },
      ...{ kind: 'kill', host: victim, downMs, wishes: 0, part: 0, power: false },
    },
    {
      // The record is on its disk, or about to be: what follows says that it is in effect.
      when: { wish: 'store', host: late, nth: nth + 2 },
      ...{ kind: 'stall', from: leader, to: late, channel: 'control' },
      forMs: Math.round(dice.logUniform(50, 1400)),
    },
  ];
}

/** A worker joins, and hears late of some of the routes by which it gets its slots: others send by them already. */
function drawLateRoutes({ hosts, spares, horizonMs }: FaultSettings, dice: Dice): Fault[] {
  const joiner = hosts - 1 - dice.below(spares);
  const stores = new Set(Array.from({ length: dice.between(2, 8) }, () => dice.between(1, 24)));
  return [
    { when: { atMs: Math.round(dice.fraction() * horizonMs * 0.7) }, kind: 'join', host: joiner },
    ...[...stores].map((nth): Fault => {
      const forMs = Math.round(dice.logUniform(5, 500));
      const when = { wish: 'store', host: joiner, nth };
      return { when, kind: 'stall', from: 0, to: joiner, channel: 'control', forMs };
    }),
  ];
}
