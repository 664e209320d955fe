/** The engine and the cluster protocols without a world around them: for simulators and benchmarks. */
export { Engine, type EnginePorts } from './core/engine/engine.js';
export { InvariantError } from './core/invariant.js';
export {
  RecordReader,
  headIn,
  logCuts,
  logHeadBytesMax,
  logStart,
  recordKind,
  seeds,
} from './core/checkpoint/log-records.js';
export { ClusterFileError, readClusterFile } from './core/membership/cluster-file.js';
export { unusableFile } from './core/membership/errors.js';
export { ClusterLog } from './core/membership/cluster-log.js';
export { defaultTiming, type Timing } from './core/link/timing.js';
export { Member } from './core/membership/member.js';
export type {
  MemberPorts,
  MemberSettings,
  ResilienceSettings,
} from './core/membership/member/surroundings.js';
export type { Phase } from './core/membership/phase.js';
export type { Role } from './core/membership/role.js';
export { plantedBugs, type PlantedBug } from './core/planted.js';
export type * from './core/ports.js';
export { checkLogs } from './core/recovery/saved-files.js';
export { SourceClients, type SourceCut } from './core/streams/source-clients.js';
export type { SourceSession } from './core/streams/source-session.js';
export type { StreamPosition } from './core/streams/stream-position.js';
export { hashKey, slotOf } from './core/slots/hash.js';
export { balanced, dealSlots } from './core/slots/table.js';
export type { Plan, StageId } from './core/topology/plan.js';
export { planApplication } from './core/topology/planner.js';
