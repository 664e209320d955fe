import type { Random } from '../../ports.js';
import { readTopology } from '../../recovery/saved-files.js';
import { ClusterLog } from '../cluster-log.js';
import { records } from '../records.js';
import type { Beginning } from './standing.js';
import type { MemberSettings } from './surroundings.js';

/**
 * How a worker begins, and the control log that it has: anew, or with what a former life has left on disk.
 * @throws ClusterFileError when what was saved cannot be used by this worker
 */
export function beginningOf(
  settings: MemberSettings,
  fingerprint: string,
  random: Random,
): {
  readonly beginning: Beginning;
  readonly clusterLog: ClusterLog;
  /** By sink: up to which checkpoint its output has been handed on in former lives. */
  readonly handedOn: ReadonlyMap<string, number>;
} {
  const { name, role, plan, planted } = settings;
  const life = random.u32();
  const user = { name, application: plan.application.name, fingerprint };
  const saved = settings.saved === undefined ? undefined : readTopology(settings.saved, user);
  const clusterLog = new ClusterLog(saved === undefined ? [] : withoutOwnLeave(saved.records, name));
  const cluster = clusterLog.state.cluster || (role.kind === 'initializer' ? drawClusterId(random) : '');
  if (saved === undefined) {
    const beginning = { name, life, cluster, incarnation: 1, phase: 'forming' } as const;
    return { beginning, clusterLog, handedOn: new Map() };
  }
  const incarnation = saved.incarnation + (planted?.has('incarnation is not raised') ? 0 : 1);
  const handedOn = new Map(saved.handedOn.map(({ sink, checkpoint }) => [sink, checkpoint]));
  return { beginning: { name, life, cluster, incarnation, phase: 'returning' }, clusterLog, handedOn };
}

/**
 * A worker does not take it from its own disk alone that it has left: the record may be nowhere else, and others may
 * wait for this worker to lead. Where it is in effect, it is told so.
 */
function withoutOwnLeave(entries: readonly Buffer[], name: string): readonly Buffer[] {
  const newest = entries.length > 1 ? records.decode(entries.at(-1)!) : undefined;
  return newest?.type === 'left' && newest.names.includes(name) ? entries.slice(0, -1) : entries;
}

function drawClusterId(random: Random): string {
  return Array.from({ length: 4 }, () => random.u32().toString(16).padStart(8, '0')).join('');
}
