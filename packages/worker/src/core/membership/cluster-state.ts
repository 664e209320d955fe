import { invariant, unreachable } from '../invariant.js';
import type { Part } from '../checkpoint/pace.js';
import type { SlotOwners } from '../slots/table.js';
import { withPositions, type StreamPositions } from '../streams/stream-position.js';
import type { ControlRecord, EpochRecord, MemberRecord } from './records.js';

/** Slots on their way from one member to another. */
export interface Route {
  readonly version: number;
  readonly slots: readonly number[];
  readonly from: string;
  readonly to: string;
}

/** Where all members can go back to. */
export interface SavedCheckpoint {
  readonly id: number;
  readonly parts: readonly Part[];
  /** The owner of each slot, as an index into `parts`. */
  readonly owners: SlotOwners;
}

/** What the records of a control log amount to. */
export interface ClusterState {
  readonly cluster: string;
  readonly epoch: number;
  /** In order of arrival: the first leads. */
  readonly members: readonly MemberRecord[];
  /** Members that have joined and not opened their sources. */
  readonly newcomers: readonly string[];
  readonly leaving: readonly string[];
  /** The owner of each slot, as an index into `members`; of slots on their way, the one that they come from. */
  readonly owners: SlotOwners;
  /** The last route that was begun. */
  readonly routeVersion: number;
  readonly route: Route | undefined;
  /** The newest one that counts. */
  readonly checkpoint: SavedCheckpoint | undefined;
  /** How far streams had come then. */
  readonly streams: StreamPositions;
}

export const noCluster: ClusterState = {
  cluster: '',
  epoch: 0,
  members: [],
  newcomers: [],
  leaving: [],
  owners: [],
  routeVersion: 0,
  route: undefined,
  checkpoint: undefined,
  streams: new Map(),
};

/** The state after one more record. */
export function after(state: ClusterState, record: ControlRecord): ClusterState {
  switch (record.type) {
    case 'epoch':
      return afterEpoch(record);
    case 'join':
      return {
        ...state,
        members: [...state.members, ...record.members],
        newcomers: [...state.newcomers, ...record.members.map(({ name }) => name)],
      };
    case 'opened':
      return { ...state, newcomers: state.newcomers.filter((name) => !record.names.includes(name)) };
    case 'leave':
      return { ...state, leaving: [...state.leaving, ...record.names] };
    case 'left':
      return without(state, record.names);
    case 'route':
      invariant(record.version > state.routeVersion, 'route versions never go back');
      // A route that is open ends with the record of the next one.
      return { ...routed(state), routeVersion: record.version, route: record };
    case 'routeDone':
      invariant(state.route?.version === record.version, 'the route that ends is the one that is open');
      return routed(state);
    case 'checkpoint':
      return {
        ...state,
        checkpoint: saved(state, record.checkpoint, record.parts),
        streams: withPositions(state.streams, record.streams),
      };
    default:
      return unreachable(record);
  }
}

/**
 * The state as the record of an epoch, with the members that are there, as they live now.
 * @param base above 0: the epoch runs already; all members of one that begins open their sources with it
 */
export function asEpoch(
  state: ClusterState,
  number: number,
  lives: readonly MemberRecord[],
  base = 0,
): EpochRecord {
  const gone = state.members.filter(({ name }) => !lives.some((life) => life.name === name));
  const { cluster, members, newcomers, leaving, owners, routeVersion, route, checkpoint } = without(
    state,
    gone.map(({ name }) => name),
  );
  return {
    type: 'epoch',
    cluster,
    number,
    base,
    members: members.map(({ name }) => lives.find((life) => life.name === name)!),
    newcomers: base > 0 ? newcomers : [],
    leaving,
    owners,
    route: routeVersion,
    open: route !== undefined,
    slots: route?.slots ?? [],
    from: route?.from ?? '',
    to: route?.to ?? '',
    checkpoint: checkpoint?.id ?? 0,
    parts: checkpoint?.parts ?? [],
    partOwners: checkpoint?.owners ?? [],
    streams: [...state.streams.values()],
  };
}

/** Members that own slots, or are about to. */
export function needed(state: ClusterState): ReadonlySet<string> {
  const names = new Set(state.owners.map((owner) => state.members[owner]!.name));
  if (state.route !== undefined) names.add(state.route.to);
  return names;
}

/** The state to which a cluster goes back: slots are where they were when the checkpoint was cut. */
export function rolledBack(state: ClusterState): ClusterState {
  const { checkpoint, members } = state;
  const back = { ...state, route: undefined };
  if (checkpoint === undefined) return back;
  const place = checkpoint.parts.map(({ name }) => members.findIndex((member) => member.name === name));
  const owners = checkpoint.owners.map((owner) => place[owner]!);
  invariant(
    owners.every((owner) => owner >= 0),
    'who owns slots in a checkpoint does not leave before the next one',
  );
  return { ...back, owners };
}

function afterEpoch(record: EpochRecord): ClusterState {
  const { cluster, number, members, newcomers, leaving, owners, route, open, slots, from, to } = record;
  const { checkpoint: id, parts, partOwners } = record;
  return {
    cluster,
    epoch: number,
    members,
    newcomers,
    leaving,
    owners,
    routeVersion: route,
    route: open ? { version: route, slots, from, to } : undefined,
    checkpoint: id > 0 ? { id, parts, owners: partOwners } : undefined,
    streams: withPositions(new Map(), record.streams),
  };
}

/** The state once the slots on their way have arrived. */
export function routed(state: ClusterState): ClusterState {
  const { route } = state;
  if (route === undefined) return state;
  const to = indexOf(state, route.to);
  const owners = [...state.owners];
  for (const slot of route.slots) owners[slot] = to;
  return { ...state, owners, route: undefined };
}

function saved(state: ClusterState, id: number, parts: readonly Part[]): SavedCheckpoint {
  invariant(state.route === undefined, 'no checkpoint while slots are on their way');
  invariant(id > (state.checkpoint?.id ?? 0), 'checkpoints never go back');
  const place = state.members.map(({ name }) => parts.findIndex((part) => part.name === name));
  const owners = state.owners.map((owner) => place[owner]!);
  invariant(
    owners.every((owner) => owner >= 0),
    'a checkpoint has the parts of all who own slots',
  );
  return { id, parts, owners };
}

function without(state: ClusterState, names: readonly string[]): ClusterState {
  if (names.length === 0) return state;
  const kept = needed(state);
  invariant(!names.some((name) => kept.has(name)), 'who owns slots stays a member');
  const members = state.members.filter(({ name }) => !names.includes(name));
  const place = state.members.map(({ name }) => members.findIndex((member) => member.name === name));
  return {
    ...state,
    members,
    newcomers: state.newcomers.filter((name) => !names.includes(name)),
    leaving: state.leaving.filter((name) => !names.includes(name)),
    owners: state.owners.map((owner) => place[owner]!),
    checkpoint: state.checkpoint && withoutParts(state.checkpoint, names),
  };
}

/** Members of these names may be others by the time that all goes back to the checkpoint. */
function withoutParts({ id, parts, owners }: SavedCheckpoint, names: readonly string[]): SavedCheckpoint {
  const kept = parts.filter(({ name }) => !names.includes(name));
  const place = parts.map((part) => kept.indexOf(part));
  invariant(
    owners.every((owner) => place[owner]! >= 0),
    'who owns slots in a checkpoint does not leave before the next one',
  );
  return { id, parts: kept, owners: owners.map((owner) => place[owner]!) };
}

function indexOf(state: ClusterState, name: string): number {
  const index = state.members.findIndex((member) => member.name === name);
  invariant(index >= 0, 'slots move between members');
  return index;
}
