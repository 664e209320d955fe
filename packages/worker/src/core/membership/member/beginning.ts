import type { Random } from '../../ports.js';
import { ClusterFileError, readClusterFile } from '../cluster-file.js';
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
): { readonly beginning: Beginning; readonly clusterLog: ClusterLog } {
  const { name, role, planted } = settings;
  const life = random.u32();
  const saved = settings.saved === undefined ? undefined : readSaved(settings, settings.saved, fingerprint);
  const clusterLog = new ClusterLog(saved?.records ?? []);
  const cluster = clusterLog.state.cluster || (role.kind === 'initializer' ? drawClusterId(random) : '');
  if (saved === undefined) {
    return { beginning: { name, life, cluster, incarnation: 1, phase: 'forming' }, clusterLog };
  }
  const incarnation = saved.incarnation + (planted?.has('incarnation is not raised') ? 0 : 1);
  return { beginning: { name, life, cluster, incarnation, phase: 'returning' }, clusterLog };
}

function readSaved({ name, plan }: MemberSettings, saved: Buffer, fingerprint: string) {
  const content = readClusterFile(saved);
  if (content.name !== name) throw new ClusterFileError(`it belongs to the worker ${content.name}`);
  if (content.application !== plan.application.name) {
    throw new ClusterFileError(`it belongs to the application '${content.application}'`);
  }
  if (content.fingerprint !== fingerprint) {
    throw new ClusterFileError(
      'it was written by another version of the application: its stages or slots differ',
    );
  }
  return content;
}

function drawClusterId(random: Random): string {
  return Array.from({ length: 4 }, () => random.u32().toString(16).padStart(8, '0')).join('');
}
