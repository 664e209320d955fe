import { drawFaults } from '../faults/draw-faults.js';
import type { Fault } from '../faults/fault.js';
import { Dice } from '../random/dice.js';
import type { InputSettings } from '../workload/input.js';
import { payloadKinds } from '../workload/payload.js';
import type { Shape } from '../workload/simulated-application.js';
import type { Latency } from '../world/path.js';
import type { Segmentation } from '../world/socket.js';

/** All that a run is made of: data, drawn from the seed before the run begins. */
export interface Scenario {
  readonly seed: number;
  /** How many start as a cluster, and how many hosts there are for workers that join it. */
  readonly workers: number;
  readonly spares: number;
  readonly shape: Shape;
  readonly input: InputSettings;
  /** Input is spread over this time, and faults come in it. */
  readonly horizonMs: number;
  readonly burst: number;
  readonly startWithinMs: number;
  readonly windowBytes: { readonly link: number; readonly sink: number };
  readonly latency: Latency;
  readonly segmentation: Segmentation;
  readonly diskLatency: Latency;
  readonly sinkLatency: Latency;
  /** Shut down while messages still come, not after them. */
  readonly shutDownEarly: boolean;
  readonly faults: readonly Fault[];
  readonly planted: readonly string[];
  readonly resilience?: ResilienceScenario;
}

/** Checkpoints, and what takes part in them. */
export interface ResilienceScenario {
  readonly checkpointMs: number;
  readonly fileBytes?: number;
  /** Files of journals are so short that checkpoints trim them. */
  readonly journalFileBytes?: number;
  /** Sources that cannot be asked again: what they have read is journaled. */
  readonly journaled: readonly string[];
  /** Sources to which clients bring streams. */
  readonly streamed: readonly string[];
  readonly sinks: 'at-once' | 'on-commit' | 'two-phase';
}

/** What of a scenario is given instead of drawn. */
export interface Overrides {
  readonly workers?: number;
  readonly messages?: number;
  readonly faults?: readonly Fault[];
  /** So many times the faults of each kind, where none are given; default: 1. */
  readonly faultRate?: number;
  readonly planted?: readonly string[];
  readonly resilience?: boolean;
  /** False: no clients that bring streams. */
  readonly streams?: boolean;
}

export function drawScenario(seed: number, overrides: Overrides = {}): Scenario {
  const dice = Dice.of(seed);
  const sizes = dice.stream('sizes');
  const drawnWorkers = sizes.pick([1, 2, 2, 3, 3, 3, 4, 5]);
  const workers = overrides.workers ?? drawnWorkers;
  const horizonMs = Math.round(sizes.logUniform(2000, 20_000));
  const drawnMessages = Math.round(sizes.logUniform(20, 300));
  const messages = overrides.messages ?? drawnMessages;
  const times = dice.stream('times');
  const spares = dice.stream('spares').pick([0, 0, 1, 1, 2, 3]);
  const resilience = drawResilience(dice.stream('resilience'), overrides);
  const places = {
    hosts: workers + spares,
    spares,
    horizonMs,
    resilience: 'resilience' in resilience,
    rate: overrides.faultRate ?? 1,
  };
  const faults = overrides.faults ?? drawFaults(places, dice.stream('faults'));
  return {
    seed,
    workers,
    spares,
    shape: drawShape(dice.stream('shape')),
    input: {
      messages,
      firstKeys: sizes.between(3, 20),
      secondKeys: sizes.between(2, 12),
      payload: sizes.pick(payloadKinds),
      payloadBytes: Math.floor(sizes.logUniform(1, 400)),
    },
    horizonMs,
    burst: Math.floor(sizes.logUniform(1, 40)),
    startWithinMs: times.logUniform(1, 2000),
    windowBytes: {
      link: Math.floor(sizes.logUniform(128, 32_768)),
      sink: Math.floor(sizes.logUniform(256, 65_536)),
    },
    latency: drawLatency(times, 2, times.pick([200, 200, 3000])),
    segmentation: times.pick(['whole', 'random', 'random', 'crumbs']),
    diskLatency: drawLatency(times, 20, 500),
    sinkLatency: drawLatency(times, 5, 100),
    shutDownEarly: times.chance(0.5),
    faults,
    planted: overrides.planted ?? [],
    ...resilience,
  };
}

function drawResilience(dice: Dice, overrides: Overrides): Pick<Scenario, 'resilience'> {
  const on = dice.chance(0.6);
  const checkpointMs = Math.round(dice.logUniform(20, 3000));
  const fileBytes = dice.chance(0.4) ? Math.round(dice.logUniform(500, 50_000)) : undefined;
  const journaled = dice.pick([[], ['s'], ['t'], ['s', 't']]);
  const streams = dice.stream('streams').chance(0.5) && overrides.streams !== false;
  const drawn: ResilienceScenario = {
    checkpointMs,
    ...(fileBytes !== undefined && { fileBytes }),
    journaled,
    streamed: streams ? ['s', 't'].filter((source) => !journaled.includes(source)) : [],
    sinks: dice.pick(['at-once', 'on-commit', 'two-phase', 'two-phase']),
    ...drawJournalFiles(dice.stream('journal files')),
  };
  return (overrides.resilience ?? on) ? { resilience: drawn } : {};
}

function drawJournalFiles(dice: Dice): Pick<ResilienceScenario, 'journalFileBytes'> {
  return dice.chance(0.5) ? { journalFileBytes: Math.round(dice.logUniform(300, 10_000)) } : {};
}

function drawShape(dice: Dice): Shape {
  return {
    slots: dice.pick([16, 32, 64]),
    sources: dice.chance(0.3) ? 2 : 1,
    front: dice.chance(0.3),
    inner: dice.chance(0.3),
    multiply: dice.chance(0.3),
    second: dice.chance(0.3) ? 'collect' : 'keyBy',
    third: dice.chance(0.5),
    sinks: dice.chance(0.2) ? 2 : 1,
  };
}

function drawLatency(dice: Dice, mostMs: number, tailMs: number): Latency {
  const most = dice.logUniform(mostMs / 10, mostMs);
  return { leastMs: most / 20, mostMs: most, tailChance: dice.pick([0, 0.002, 0.01, 0.05]), tailMs };
}
