import type { ClusterState } from '../../../src/core/membership/cluster-state.js';
import type { EpochRecord, MemberRecord } from '../../../src/core/membership/records.js';

export function memberNamed(name: string, incarnation = 1): MemberRecord {
  return { name, incarnation, life: 1, control: { host: name, port: 1 }, data: { host: name, port: 2 } };
}

/** A state in which members of these names own the slots in turn. */
export function stateOf(names: readonly string[], slots = 8, more: Partial<ClusterState> = {}): ClusterState {
  return {
    cluster: 'c',
    epoch: 1,
    members: names.map((name) => memberNamed(name)),
    newcomers: [],
    leaving: [],
    owners: Array.from({ length: slots }, (_, slot) => slot % names.length),
    routeVersion: 0,
    route: undefined,
    checkpoint: undefined,
    streams: new Map(),
    ...more,
  };
}

/** The record of an epoch in which members of these names own eight slots in turn. */
export function epochOf(names: readonly string[], number = 1, more: Partial<EpochRecord> = {}): EpochRecord {
  return {
    type: 'epoch',
    cluster: 'c',
    number,
    base: 0,
    members: names.map((name) => memberNamed(name)),
    newcomers: [],
    leaving: [],
    owners: Array.from({ length: 8 }, (_, slot) => slot % names.length),
    route: 0,
    open: false,
    slots: [],
    from: '',
    to: '',
    checkpoint: 0,
    parts: [],
    partOwners: [],
    streams: [],
    ...more,
  };
}

/** A log for people that keeps its lines. */
export class Lines {
  readonly lines: string[] = [];
  line(text: string): void {
    this.lines.push(text);
  }
  write(severity: string, category: string, text: string): void {
    this.lines.push(`${severity} ${category}: ${text}`);
  }
}
