import type { ConnectionId, CoreMember } from './core.js';
import type { NetworkProcess, Socket } from './socket.js';
import { StreamSources } from './stream-sources.js';
import type { Sink } from './sink.js';
import type { WishList } from './wishes.js';

/** Death that has been decided on and comes in the middle of what the process is about to do. */
export interface Doom {
  /** So many wishes are still carried out. */
  wishesLeft: number;
  /** Of the wish behind them, if it is a write, this part still is: 0 to 1. */
  readonly part: number;
  readonly power: boolean;
}

/** How a process ended, if it has. */
export type Fate =
  | { readonly kind: 'alive' }
  | { readonly kind: 'killed' }
  | { readonly kind: 'exited'; readonly failure: Error | undefined };

/** One life of a worker, from its start to its end. */
export class Process implements NetworkProcess {
  readonly sockets = new Map<ConnectionId, Socket>();
  readonly sinks = new Map<string, Sink>();
  fate: Fate = { kind: 'alive' };
  doom: Doom | undefined;
  /** Sources may push, as far as the core has said. */
  flow = false;
  sourcesEnded = false;
  /** How often sources and sinks have been taken back. */
  restores = 0;
  /** Sinks and sources are open. */
  endsOpen = false;
  /** So often it was told that its disk has failed. */
  diskFailures = 0;
  /** Its files could not be removed. */
  leavesFiles = false;
  readonly streamSources = new StreamSources(() => this.core);
  /** None in a process that its files have ended at once. */
  core!: CoreMember;

  constructor(
    /** From 1 up, over all hosts: who is born later has a greater one. */
    readonly life: number,
    readonly host: number,
    readonly name: string,
    readonly wishes: WishList,
    readonly post: (act: (core: CoreMember) => void) => void,
  ) {}

  get alive(): boolean {
    return this.fate.kind === 'alive';
  }

  get killed(): boolean {
    return this.fate.kind === 'killed';
  }

  get endedWell(): boolean {
    return this.fate.kind === 'exited' && this.fate.failure === undefined;
  }
}
