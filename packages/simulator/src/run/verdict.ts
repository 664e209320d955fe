import { checkEquality, type Outcome } from '../checkers/equality.js';
import type { Finding } from '../checkers/finding.js';
import { checkLedger } from '../checkers/ledger.js';
import { checkSinks } from '../checkers/sinks.js';
import type { Feeder } from '../workload/feeder.js';
import type { Journal } from '../workload/journal.js';
import { keyedStages, sinkNames } from '../workload/simulated-application.js';
import type { World } from '../world/world.js';
import { outcomeOf } from './outcome.js';
import { referenceOutcome } from './reference.js';
import type { Scenario } from './scenario.js';

export interface FinishedRun {
  readonly scenario: Scenario;
  readonly world: World;
  readonly journal: Journal;
  readonly feeder: Feeder;
}

/**
 * With checkpoints nothing that was taken is lost, whatever died: state is that of the reference run; outputs are, too,
 * but that what was handed on at once may come again when all has gone back, or be of messages that are not there any more.
 */
function checkResilient({ scenario, world, feeder }: FinishedRun, report: (finding: Finding) => void): void {
  const { shape, resilience } = scenario;
  const outcome = outcomeOf(world, shape, () => true, resilience!.sinks === 'two-phase');
  const reference = referenceOutcome(scenario, feeder.taken);
  // A newcomer that is given up makes all go back, too.
  const wentBack = world.processes.some((process) => process.killed || process.core.status.epoch > 1);
  const exact = resilience!.sinks === 'two-phase' || !wentBack;
  if (exact) return checkEquality(outcome, reference, report);
  checkEquality(
    { ...outcome, outputs: without(feeder.takenBack, firstOfEach(outcome.outputs)) },
    { ...reference, outputs: firstOfEach(reference.outputs) },
    report,
  );
}

/** Lines of each trail without those that have come before. */
function firstOfEach(outputs: Outcome['outputs']): Outcome['outputs'] {
  return new Map([...outputs].map(([trail, lines]) => [trail, [...new Set(lines)]]));
}

function without(messages: ReadonlySet<string>, outputs: Outcome['outputs']): Outcome['outputs'] {
  if (messages.size === 0) return outputs;
  const kept = [...outputs].map(
    ([trail, lines]) => [trail, lines.filter((line) => !messages.has(line))] as const,
  );
  return new Map(kept.filter(([, lines]) => lines.length > 0));
}

/** Checks what a run has come to, from the first message to the last. */
export function judgeRun({ scenario, world, journal, feeder }: FinishedRun): Finding[] {
  const findings: Finding[] = [];
  const report = (finding: Finding) => void findings.push(finding);
  const { shape } = scenario;
  for (const text of journal.damaged) report({ checker: 'damaged', text });
  if (scenario.resilience !== undefined) {
    checkResilient({ scenario, world, journal, feeder }, report);
    return findings;
  }
  checkLedger(journal, world.processes, report);
  checkSinks(journal, world.processes, { sinks: sinkNames(shape), lastStage: keyedStages(shape) }, report);
  // State of a process that was killed is lost; what came after the last kill is as if there had been none.
  const lossless = world.processes.every(({ killed }) => !killed);
  const lanes = feeder.taken.filter(({ name }) => lossless || name.startsWith('b'));
  const names = new Set(lanes.map(({ name }) => name));
  const outcome = outcomeOf(world, shape, (lane) => names.has(lane));
  checkEquality(outcome, referenceOutcome(scenario, lanes), report);
  return findings;
}
