import { faultKinds, type FaultKind } from '../faults/fault.js';
import type { Finding } from '../checkers/finding.js';
import { runScenario, type RunReport } from './run.js';
import { drawScenario, type Overrides } from './scenario.js';

export interface Violation {
  readonly seed: number;
  readonly finding: Finding;
}

/** What many runs have come to. */
export class Summary {
  seeds = 0;
  virtualMs = 0;
  events = 0;
  messages = 0;
  invocations = 0;
  kills = 0;
  /** Runs of several workers, and those of them in which data crossed a link. */
  clusters = 0;
  linked = 0;
  /** Faults that the dice laid out, and those that met something. */
  readonly drawn = new Map<FaultKind, number>();
  readonly fired = new Map<FaultKind, number>();
  /** By `kind phase`: what the worker that a fault met was doing. */
  readonly cells = new Map<string, number>();
  readonly violations: Violation[] = [];

  add(report: RunReport): void {
    const { scenario, violation, fired, traffic } = report;
    this.seeds++;
    this.virtualMs += report.virtualMs;
    this.events += report.events;
    this.messages += report.pushed;
    this.invocations += report.invocations;
    this.kills += report.kills;
    if (scenario.workers > 1) {
      this.clusters++;
      if (traffic.total('data').frames > 0) this.linked++;
    }
    for (const { kind } of scenario.faults) count(this.drawn, kind);
    for (const { fault, phase } of fired) {
      count(this.fired, fault.kind);
      count(this.cells, `${fault.kind} ${phase}`);
    }
    if (violation !== undefined) this.violations.push({ seed: scenario.seed, finding: violation });
  }

  /** Every phase in which a fault has met a worker. */
  get phases(): string[] {
    return [...new Set([...this.cells.keys()].map((cell) => cell.split(' ')[1]!))].sort();
  }

  /** The kinds of faults, in their order. */
  get kinds(): readonly FaultKind[] {
    return faultKinds;
  }
}

export interface CampaignOptions {
  readonly from: number;
  readonly seeds: number;
  readonly overrides?: Overrides;
  /** Called after each run; true ends the campaign. */
  readonly after?: (report: RunReport, summary: Summary) => boolean | undefined;
}

/** Runs seed after seed. */
export function runCampaign({ from, seeds, overrides = {}, after }: CampaignOptions): Summary {
  const summary = new Summary();
  for (let seed = from; seed < from + seeds; seed++) {
    const report = runScenario(drawScenario(seed, overrides));
    summary.add(report);
    if (after?.(report, summary)) break;
  }
  return summary;
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
