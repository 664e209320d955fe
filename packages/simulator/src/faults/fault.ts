import type { Channel, LogKind } from '../world/core.js';

/**
 * Faults are data, made before a run and printed when a run fails. Hosts are numbers: the initializer is 0.
 * What operators do to a cluster that runs stands among them: it disturbs no less.
 */
export type Fault = Timed & FaultDeed;

interface Timed {
  readonly when: Moment;
}

/** What happens. Times are virtual milliseconds. */
export type FaultDeed =
  /** Bytes from one host to another take up to `byMs` longer. */
  | {
      readonly kind: 'delay';
      readonly from: number;
      readonly to: number;
      readonly byMs: number;
      readonly forMs: number;
    }
  /**
   * Bytes to one host on the connections of one channel that are there now are held up, as by lost packets that
   * are sent again ever later; all other connections go on.
   */
  | {
      readonly kind: 'stall';
      readonly from: number;
      readonly to: number;
      readonly channel: Channel;
      readonly forMs: number;
    }
  /** Connections between two hosts break. */
  | { readonly kind: 'reset'; readonly between: readonly [number, number] }
  /** Connections between two hosts go silent for ever, to `to` or in both directions; nobody is told. */
  | { readonly kind: 'halfOpen'; readonly from: number; readonly to: number; readonly both: boolean }
  /** Nothing gets from one host to another; it arrives when that is over, unless somebody gave up. */
  | { readonly kind: 'partition'; readonly from: number; readonly to: number; readonly forMs: number }
  | KillDeed
  /** A process does nothing for a while. */
  | { readonly kind: 'slowProcess'; readonly host: number; readonly forMs: number }
  | { readonly kind: 'slowSink'; readonly host: number; readonly byMs: number; readonly forMs: number }
  | { readonly kind: 'slowDisk'; readonly host: number; readonly byMs: number; readonly forMs: number }
  /** Whatever is written to the disk of a host, or removed from it, fails. */
  | { readonly kind: 'failDisk'; readonly host: number; readonly forMs: number }
  /** The sinks of a host that commit in two phases vote against all, or cannot be reached. */
  | {
      readonly kind: 'failSink';
      readonly host: number;
      readonly how: 'refuses' | 'away';
      readonly forMs: number;
    }
  | DamageDeed
  | JoinDeed
  | ShrinkDeed;

/** A process dies, and before the next one starts something has happened to one of its files. */
export interface DamageDeed {
  readonly kind: 'damage';
  readonly host: number;
  readonly downMs: number;
  readonly file: 'cluster' | LogKind;
  /** A bit is turned over, an end is missing, the file is, or it is that of another worker. */
  readonly how: 'flip' | 'cut' | 'gone' | 'foreign';
  /** Where in the file, from 0 to 1; and which bit there. */
  readonly at: number;
  readonly bit: number;
  readonly other: number;
}

/** Workers are started on hosts that have none, and ask to be let in together. */
export interface JoinDeed {
  readonly kind: 'join';
  readonly host: number;
  /** The others of the round, each started so much after the one before. */
  readonly together?: readonly number[];
  readonly apartMs?: number;
}

/** The worker of one host is asked to let those of others, or itself, leave the cluster. */
export interface ShrinkDeed {
  readonly kind: 'shrink';
  readonly ask: number;
  readonly leave: readonly number[];
  readonly drain: boolean;
}

/** A process dies and another one starts in its place. */
export interface KillDeed {
  readonly kind: 'kill';
  readonly host: number;
  readonly downMs: number;
  /** So many wishes are still carried out: death comes in the middle of a turn. */
  readonly wishes: number;
  /** Of the write at which it dies, this part is still written. */
  readonly part: number;
  /** The system dies too: nobody is told that connections have ended. */
  readonly power: boolean;
  /** While the cluster is being shut down, and not before. */
  readonly atShutdown?: true;
}

/** Faults that wait for the shutdown at the end come after the time of faults. */
export function isLate(fault: Fault): boolean {
  const { kind, when } = fault;
  const late = kind === 'kill' ? fault.atShutdown === true : mayBeLate(kind);
  return late && 'phase' in when && latePhases.includes(when.phase);
}

export function mayBeLate(kind: FaultKind): boolean {
  return kind !== 'kill' && kind !== 'damage' && kind !== 'join' && kind !== 'shrink';
}

export const latePhases: readonly string[] = ['draining', 'finishing'];

export type FaultKind = Fault['kind'];

export const faultKinds = [
  'delay',
  'stall',
  'reset',
  'halfOpen',
  'partition',
  'kill',
  'slowProcess',
  'slowSink',
  'slowDisk',
  'failDisk',
  'failSink',
  'damage',
  'join',
  'shrink',
] as const satisfies readonly FaultKind[];

/** When a fault comes: at a time, or when something shows for the n-th time in the run. */
export type Moment =
  | { readonly atMs: number }
  /** A line of the log of this host, or of any, matches. */
  | { readonly line: string; readonly host?: number; readonly nth: number }
  /** A process enters this phase. */
  | { readonly phase: string; readonly host?: number; readonly nth: number }
  /** A process carries out its n-th wish of this kind; of those for its files, the n-th for files of this log. */
  | { readonly wish: string; readonly log?: LogKind; readonly host?: number; readonly nth: number };

/** What faults are drawn for. */
export interface FaultSettings {
  /** With checkpoints: who dies while the cluster is being shut down has lost nothing. */
  readonly resilience: boolean;
  readonly hosts: number;
  /** The last of them, on which no worker is started at first. */
  readonly spares: number;
  /** Faults come up to here. */
  readonly horizonMs: number;
  /** So many times as many as usual. */
  readonly rate: number;
}
