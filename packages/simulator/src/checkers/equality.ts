import type { OutputLine } from '../workload/outputs.js';
import type { Report } from './finding.js';

/** All that a cluster has come to: what its keys hold, and what its sinks got. */
export interface Outcome {
  /** By stage, key and trail: `count chain`. */
  readonly state: ReadonlyMap<string, string>;
  /** Lines by sink and trail, in order. */
  readonly outputs: ReadonlyMap<string, readonly string[]>;
}

/** Lines of several processes by sink and trail. */
export function byTrail(lines: Iterable<readonly [sink: string, line: OutputLine]>): Map<string, string[]> {
  const trails = new Map<string, string[]>();
  for (const [sink, { trail, message }] of lines) {
    const place = `${sink} ${trail}`;
    const known = trails.get(place);
    if (known === undefined) trails.set(place, [message]);
    else known.push(message);
  }
  return trails;
}

/** Everything is as in the reference run: state of all keys, and outputs of each key in their order. */
export function checkEquality(outcome: Outcome, reference: Outcome, report: Report): void {
  compare('state', outcome.state, reference.state, report);
  const text = (outputs: Outcome['outputs']) =>
    new Map([...outputs].map(([trail, lines]) => [trail, lines.join(' ')]));
  compare('outputs', text(outcome.outputs), text(reference.outputs), report);
}

function compare(
  what: string,
  actual: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
  report: Report,
): void {
  for (const [place, value] of expected) {
    const got = actual.get(place);
    if (got === value) continue;
    report({ checker: 'equality', text: `${what} of ${place}: ${got ?? 'none'} instead of ${value}` });
    return;
  }
  for (const [place, value] of actual) {
    if (expected.has(place)) continue;
    report({ checker: 'equality', text: `${what} of ${place}: ${value} instead of none` });
    return;
  }
}
