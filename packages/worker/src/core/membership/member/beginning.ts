import type { Random } from '../../ports.js';
import { readTopology } from '../../recovery/saved-files.js';
import { ClusterLog } from '../cluster-log.js';
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
  const clusterLog = saved === undefined ? new ClusterLog([]) : ClusterLog.returning(saved.records, name);
  const cluster = clusterLog.state.cluster || (role.kind === 'initializer' ? drawClusterId(random) : '');
  if (saved === undefined) {
    const beginning = { name, life, cluster, incarnation: 1, phase: 'forming' } as const;
    return { beginning, clusterLog, handedOn: new Map() };
  }
  const incarnation = saved.incarnation + (planted?.has('incarnation is not raised') ? 0 : 1);
  const handedOn = new Map(saved.handedOn.map(({ sink, checkpoint }) => [sink, checkpoint]));
  return { beginning: { name, life, cluster, incarnation, phase: 'returning' }, clusterLog, handedOn };
}

function drawClusterId(random: Random): string {
  return Array.from({ length: 4 }, () => random.u32().toString(16).padStart(8, '0')).join('');
}
