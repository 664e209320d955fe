import { isStateful, type Plan, type PlannedStage } from './plan.js';
import { hashKey } from '../slots/hash.js';

/** What must be equal on all workers of a cluster, and a short text that is equal only if it is. */
export interface Fingerprint {
  readonly text: string;
  /** A line for each fact, in the order of the plan. */
  readonly outline: readonly string[];
}

/** Greetings stay small: of longer outlines only the start is told, the text covers all of it. */
const outlineCharactersMax = 24 * 1024;

export function fingerprintOf(plan: Plan, mode: { readonly resilience: boolean }): Fingerprint {
  const { application, stages } = plan;
  const lines = [
    `application '${application.name}'`,
    `${application.slots} slots`,
    `on error ${application.onError}`,
    `messages written by ${application.serialize === undefined ? 'the worker' : 'the application'}`,
    ...(application.classes.length > 0
      ? [`classes ${application.classes.map(({ name }) => name).join(', ')}`]
      : []),
    `resilience ${mode.resilience ? 'on' : 'off'}`,
    ...stages.map(stageLine),
  ];
  const all = lines.join('\n');
  const text = Array.from({ length: 4 }, (_, part) =>
    hashKey(`${part} ${all}`).toString(16).padStart(8, '0'),
  ).join('');
  let left = outlineCharactersMax;
  return { text, outline: lines.filter((line) => (left -= line.length) > 0) };
}

/** Says what differs first between our outline and that of a peer. */
export function firstDifference(ours: readonly string[], theirs: readonly string[]): string {
  const count = Math.max(ours.length, theirs.length);
  for (let i = 0; i < count; i++) {
    if (ours[i] !== theirs[i])
      return `here ${ours[i] ?? 'nothing more'}, there ${theirs[i] ?? 'nothing more'}`;
  }
  return 'they differ beyond what a greeting tells';
}

function stageLine({ id, work, step, outputs }: PlannedStage): string {
  const kind =
    work.kind === 'computation' ? (isStateful(work) ? 'state computation' : 'computation') : work.kind;
  const variety = work.kind === 'source' || work.kind === 'sink' ? ` (${work.config.kind})` : '';
  const targets = outputs.length === 0 ? '' : ` -> ${outputs.join(', ')}`;
  return `${kind} '${id}'${variety} in step '${step}'${targets}`;
}
