import { InvariantError } from '@wallaroo/worker/core';
import { BoundsChecker } from '../checkers/bounds.js';
import { DiskChecker } from '../checkers/disks.js';
import { DurabilityChecker } from '../checkers/durability.js';
import { FencingChecker } from '../checkers/fencing.js';
import type { Damages } from '../faults/damages.js';
import type { Finding } from '../checkers/finding.js';
import { MonotonyChecker } from '../checkers/monotony.js';
import { OwnershipChecker } from '../checkers/ownership.js';
import { ParticipationChecker } from '../checkers/participation.js';
import { ReadinessChecker } from '../checkers/readiness.js';
import { WireChecker } from '../checkers/wire.js';
import type { Journal } from '../workload/journal.js';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { World } from '../world/world.js';
import { Operator } from './operator.js';
import type { Scenario } from './scenario.js';

/** The frame that a checkpoint sends over each link. */
export const markerBytes = 49;

/** Everything that is checked while a run goes on. */
export class Supervision implements Partial<Watch> {
  readonly findings: Finding[] = [];
  /** Workers may end from now on; or even say that they could not do so in order. */
  endExpected: 'no' | 'in order' | 'anyhow' = 'no';
  readonly bounds: BoundsChecker;
  private readonly operator: Operator;

  constructor(
    world: World,
    journal: Journal,
    scenario: Scenario,
    private readonly damages: Damages,
  ) {
    const report = (finding: Finding) => void this.findings.push(finding);
    this.bounds = new BoundsChecker(boundBytes(scenario), report);
    const monotony = new MonotonyChecker(report);
    this.operator = new Operator(
      world,
      scenario.workers,
      () => this.endExpected !== 'no',
      (name) => monotony.forget(name),
    );
    const processOf = (life: number) => world.processes[life - 1]!;
    const fencing = new FencingChecker(processOf, report);
    world.watches.push(
      this,
      this.bounds,
      this.operator,
      monotony,
      new OwnershipChecker(journal, scenario.resilience !== undefined, processOf, report),
      new ParticipationChecker(report),
      new ReadinessChecker(journal, report),
      new DurabilityChecker(world.hosts, (host) => damages.goodClusterFile(host), report),
      fencing,
      new DiskChecker(report),
    );
    world.network.taps.push(new WireChecker(report).see, this.bounds.see);
    world.network.readers.push(fencing.read);
  }

  ended(process: Process): void {
    const { fate, name } = process;
    if (fate.kind !== 'exited' || (this.endExpected !== 'no' && fate.failure === undefined)) return;
    if (this.endExpected === 'anyhow' && fate.failure?.name === 'IncompleteShutdownError') return;
    if (this.operator.explains(process) || this.damages.explains(process)) return;
    const why = fate.failure === undefined ? 'without being asked' : `with ${told(fate.failure)}`;
    // What the core asserts itself is a checker among others.
    const checker = fate.failure instanceof InvariantError ? 'invariant' : 'crash';
    this.findings.push({ checker, text: `${name} ended ${why}` });
  }

  complained(text: string): void {
    this.findings.push({ checker: 'contract', text });
  }
}

function told({ name, message, stack }: Error): string {
  const places = [...(stack ?? '').matchAll(/\n\s+at (\S+) \(.*?([\w-]+\.[jt]s:\d+)/g)].slice(0, 4);
  return `${name}: ${message} (${places.map(([, what, where]) => `${what} ${where}`).join(', ')})`;
}

/**
 * What a worker may hold for and from all others. On each link a window, and what one turn adds to it before sources
 * are muted: a burst from each source. And once more, in as many copies as are made of a message, for what was under
 * way to this worker when it was full, and is processed all the same.
 */
function boundBytes({ workers, spares, windowBytes, input, burst, shape, resilience }: Scenario): number {
  const links = workers + spares - 1;
  // Checkpoints send barriers besides.
  const barrierBytes = resilience === undefined ? 0 : 64 * markerBytes;
  const turnBytes = shape.sources * burst * (250 + 2 * input.payloadBytes) + barrierBytes;
  // What is made of a message is longer by the trail that it has come.
  const copies = (shape.multiply ? 3 : 1) * 1.5;
  return links * (1 + copies) * (windowBytes.link + turnBytes);
}
