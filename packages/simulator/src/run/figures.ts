import { Summary, type Violation } from './campaign.js';

/** What a campaign has come to, as data: shards of one campaign are written down and added up. */
export interface Figures {
  /** The first seed, and how many have been run from there on. */
  readonly from: number;
  readonly seeds: number;
  /** What was asked for but seeds: only figures of like campaigns are added up. */
  readonly settings: string;
  readonly wallMs: number;
  readonly counts: Readonly<Record<CountName, number>>;
  readonly drawn: Counts;
  readonly fired: Counts;
  readonly cells: Counts;
  readonly violations: readonly Violation[];
}

type Counts = Readonly<Record<string, number>>;

const countNames = ['virtualMs', 'events', 'messages', 'invocations', 'kills', 'clusters', 'linked'] as const;

type CountName = (typeof countNames)[number];

export interface Campaign {
  readonly from: number;
  readonly settings: string;
  readonly wallMs: number;
}

export function figuresOf(summary: Summary, { from, settings, wallMs }: Campaign): Figures {
  const counts = Object.fromEntries(countNames.map((name) => [name, summary[name]]));
  return {
    from,
    seeds: summary.seeds,
    settings,
    wallMs,
    counts: counts as Figures['counts'],
    drawn: Object.fromEntries(summary.drawn),
    fired: Object.fromEntries(summary.fired),
    cells: Object.fromEntries(summary.cells),
    violations: summary.violations,
  };
}

/** Shards that cannot be added up. */
export class FiguresError extends Error {
  override readonly name = 'FiguresError';
}

/** @throws FiguresError when shards are of different campaigns, or a seed is in two of them */
export function addUp(shards: readonly Figures[]): { readonly summary: Summary; readonly wallMs: number } {
  const summary = new Summary();
  let wallMs = 0;
  let next = 0;
  for (const shard of [...shards].sort((one, other) => one.from - other.from)) {
    const { from, seeds, settings } = shard;
    if (settings !== shards[0]!.settings) {
      throw new FiguresError(`some were run with '${shards[0]!.settings}', others with '${settings}'`);
    }
    if (from < next) throw new FiguresError(`seeds from ${from} to ${next - 1} are in two of them`);
    next = from + seeds;
    wallMs += shard.wallMs;
    summary.seeds += seeds;
    for (const name of countNames) summary[name] += shard.counts[name];
    for (const which of ['drawn', 'fired', 'cells'] as const) add(summary[which], shard[which]);
    summary.violations.push(...shard.violations);
  }
  return { summary, wallMs };
}

function add(sums: Map<string, number>, counts: Counts): void {
  for (const [name, count] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + count);
}
