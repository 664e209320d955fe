/**
 * Two workers beside one, and what a message costs that crosses from one worker to the other, beside the same job
 * written by hand. All processes are fresh in each round and take turns; the round trip asks both in turn.
 */
import { parseArgs } from 'node:util';
import type { Measured } from './cluster/contestant.js';
import { makes, type Make } from './cluster/programs.js';
import { roundTrips, type RoundTrips } from './cluster/round-trip.js';
import { caseNames, runRound, type CaseName, type RoundResult } from './cluster/round.js';
import { simulatedTraffic } from './cluster/simulated.js';
import { positive } from './harness/options.js';
import { conditions, short, table } from './harness/report.js';
import { median } from './harness/statistics.js';

const titles: Record<CaseName, string> = {
  one: 'one process, all keys',
  share: 'one process, half of the keys',
  local: 'two, no message crosses',
  half: 'two, half of the messages cross',
  remote: 'two, every message crosses',
  oneWorking: 'one process, all keys, work',
  halfWorking: 'two, half of the messages cross, work',
};

interface Trip {
  readonly p50: number;
  readonly p99: number;
}
type TripResult = Readonly<Record<Make, Trip>>;

/** `median (least - most)` */
function range(values: readonly number[], show: (value: number) => string): string {
  return `${show(median(values))} (${show(Math.min(...values))} - ${show(Math.max(...values))})`;
}

const hundredths = (value: number): string => value.toFixed(2);
const whole = (value: number): string => value.toFixed(0);

function measuredTable(rounds: readonly RoundResult[]): string {
  const rows = caseNames.flatMap((name) =>
    makes.map((make) => {
      const results = rounds.map((round) => round[make][name]!);
      const of = (pick: (result: Measured) => number): number[] => results.map(pick);
      return [
        `${titles[name]}: ${make}`,
        range(
          of((result) => result.nsPerMessage),
          whole,
        ),
        range(
          of((result) => result.perSecond),
          short,
        ),
        hundredths(median(of((result) => result.crossing))),
        hundredths(median(of((result) => result.cpuShare))),
        short(Math.min(...of((result) => result.messages))),
      ];
    }),
  );
  const head = [
    'case',
    'CPU ns / message',
    'messages / s wall',
    'share that crosses',
    'CPU share of its cores',
  ];
  return table([...head, 'messages in the shortest run'], rows);
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!;
}

function trip({ us }: RoundTrips): Trip {
  const sorted = [...us].sort((one, other) => one - other);
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
}

/** Each figure is formed within a round, where all saw the same machine; then the median of the rounds is taken. */
function barsTable(rounds: readonly RoundResult[], trips: readonly TripResult[]): string {
  const hop = (make: Make) => (round: RoundResult) =>
    round[make].remote!.nsPerMessage - round[make].local!.nsPerMessage;
  const row = (what: string, values: readonly number[], show: (value: number) => string, bar: string) => [
    what,
    range(values, show),
    bar,
  ];
  const scalingRows = (make: Make, one: CaseName, two: CaseName, what: string) => [
    row(
      `scaling${what}, wall: ${make}`,
      rounds.map((round) => round[make][two]!.perSecond / round[make][one]!.perSecond),
      hundredths,
      make === 'worker' ? '1.5 or more' : '',
    ),
    row(
      `scaling${what}, by CPU time (two whole cores): ${make}`,
      rounds.map((round) => (2 * round[make][one]!.nsPerMessage) / round[make][two]!.nsPerMessage),
      hundredths,
      make === 'worker' ? '1.5 or more' : '',
    ),
  ];
  const makeRows = makes.flatMap((make) => [
    ...scalingRows(make, 'one', 'half', ''),
    ...scalingRows(make, 'oneWorking', 'halfWorking', ', with work'),
    row(
      `no message crosses, CPU beside one process: ${make}`,
      rounds.map((round) => round[make].local!.nsPerMessage / round[make].share!.nsPerMessage),
      hundredths,
      make === 'worker' ? '1.00' : '',
    ),
    row(`hop, ns of CPU: ${make}`, rounds.map(hop(make)), whole, make === 'worker' ? '700 or less' : ''),
  ]);
  return table(
    ['figure', 'median (range) of the rounds', 'bar'],
    [
      ...makeRows,
      row(
        'hop, worker / baseline',
        rounds.map((round) => hop('worker')(round) / hop('baseline')(round)),
        hundredths,
        '',
      ),
      ...(['p50', 'p99'] as const).flatMap((name) => [
        ...makes.map((make) =>
          row(
            `round trip ${name}, us: ${make}`,
            trips.map((result) => result[make][name]),
            whole,
            '',
          ),
        ),
        row(
          `round trip ${name}, worker / baseline`,
          trips.map((result) => result.worker[name] / result.baseline[name]),
          hundredths,
          name === 'p99' ? '2 or less' : '',
        ),
      ]),
    ],
  );
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1.6' },
    questions: { type: 'string', default: '1000' },
  },
});
const roundCount = positive(values.rounds, '--rounds');
const seconds = positive(values.seconds, '--seconds');
const questions = positive(values.questions, '--questions');

console.log(conditions());
const rounds: RoundResult[] = [];
const trips: TripResult[] = [];
for (let round = 1; round <= roundCount; round++) {
  const names = round % 2 === 1 ? caseNames : [...caseNames].reverse();
  const result = await runRound({ names, warmUpSeconds: 1.6, seconds });
  rounds.push(result);
  const { worker, baseline } = await roundTrips({ questions });
  const tripResult = { worker: trip(worker), baseline: trip(baseline) };
  trips.push(tripResult);
  const ns = (make: Make): string =>
    caseNames.map((name) => `${name} ${whole(result[make][name]!.nsPerMessage)}`).join(', ');
  console.error(`round ${round}: ns / message: worker ${ns('worker')}; baseline ${ns('baseline')}`);
  console.error(
    `round ${round}: p99 us: worker ${whole(tripResult.worker.p99)}, baseline ${whole(tripResult.baseline.p99)}`,
  );
}
console.log(`\n${measuredTable(rounds)}`);
console.log(`\n${barsTable(rounds, trips)}`);
console.log(`\nSimulated clusters, without faults:\n\n${await simulatedTraffic([1, 2, 4, 8, 16])}`);
