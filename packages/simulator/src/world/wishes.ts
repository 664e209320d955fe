import type { Address } from '@wallaroo/protocol';
import type { StreamPosition } from '@wallaroo/worker/core';
import type { Dice } from '../random/dice.js';
import type { ClusterFile, ConnectionId, CorePorts, LogKind, OutputPort } from './core.js';

/** What a core has asked of the world, in the order in which it asked. A kill may fall between any two. */
export type Wish =
  | { readonly kind: 'dial'; readonly connection: ConnectionId; readonly address: Address }
  | { readonly kind: 'write'; readonly connection: ConnectionId; readonly bytes: Buffer }
  | { readonly kind: 'close'; readonly connection: ConnectionId }
  | { readonly kind: 'store'; readonly operation: number; readonly file: ClusterFile }
  | { readonly kind: 'remove'; readonly operation: number }
  | { readonly kind: 'append'; readonly log: LogKind; readonly file: number; readonly bytes: Buffer }
  | { readonly kind: 'sync'; readonly log: LogKind; readonly operation: number; readonly file: number }
  | {
      readonly kind: 'read';
      readonly log: LogKind;
      readonly operation: number;
      readonly file: number;
      readonly offset: number;
      readonly length: number;
    }
  | {
      readonly kind: 'cutOff';
      readonly log: LogKind;
      readonly operation: number;
      readonly file: number;
      readonly length: number;
    }
  | {
      readonly kind: 'removeBefore';
      readonly log: LogKind;
      readonly file: number;
      readonly kept: number | undefined;
    }
  | { readonly kind: 'prepare'; readonly checkpoint: number; readonly counted: number }
  | { readonly kind: 'commit'; readonly checkpoint: number }
  | {
      readonly kind: 'restore';
      readonly checkpoint: number;
      readonly positions: ReadonlyMap<string, Buffer>;
    }
  | { readonly kind: 'open' }
  | { readonly kind: 'flow'; readonly on: boolean }
  | { readonly kind: 'endSources' }
  | { readonly kind: 'drainSources' }
  | { readonly kind: 'flushSinks' }
  | { readonly kind: 'output'; readonly sink: string; readonly bytes: Buffer }
  | { readonly kind: 'endTurn' }
  | { readonly kind: 'ended'; readonly failure: Error | undefined }
  | { readonly kind: 'line'; readonly text: string };

export type WishKind = Wish['kind'];

/** Gathers the wishes that are made during one call into a core. */
export class WishList {
  private wishes: Wish[] = [];
  private readonly outputs = new Map<string, OutputPort>();
  readonly ports: CorePorts;
  /** Where sources stand; asked in the middle of a call, unlike all else. */
  positions: (checkpoint: number) => ReadonlyMap<string, Buffer> = () => new Map();
  streams: () => readonly StreamPosition[] = () => [];
  /** Sinks of this worker commit in two phases. */
  transactional = false;

  constructor(
    now: () => number,
    private readonly dice: Dice,
  ) {
    const transactional = () => this.transactional;
    const chance = dice.stream('core');
    this.ports = {
      clock: { now },
      random: { u32: () => chance.u32() },
      log: {
        line: (text) => this.add({ kind: 'line', text }),
        write: (severity, category, text) =>
          this.add({ kind: 'line', text: `${severity.toUpperCase()} ${category}: ${text}` }),
      },
      network: {
        dial: (connection, address) => this.add({ kind: 'dial', connection, address }),
        write: (connection, bytes) => this.add({ kind: 'write', connection, bytes }),
        close: (connection) => this.add({ kind: 'close', connection }),
      },
      storage: {
        store: (operation, file) => this.add({ kind: 'store', operation, file }),
        remove: (operation) => this.add({ kind: 'remove', operation }),
      },
      logFiles: {
        append: (log, file, bytes) => this.add({ kind: 'append', log, file, bytes }),
        sync: (operation, log, file) => this.add({ kind: 'sync', log, operation, file }),
        read: (operation, log, file, offset, length) =>
          this.add({ kind: 'read', log, operation, file, offset, length }),
        cutOff: (operation, log, file, length) => this.add({ kind: 'cutOff', log, operation, file, length }),
        removeBefore: (log, file, kept) => this.add({ kind: 'removeBefore', log, file, kept }),
      },
      ends: {
        positions: (checkpoint) => this.positions(checkpoint),
        streams: () => this.streams(),
        get transactional() {
          return transactional();
        },
        prepare: (checkpoint, counted) => this.add({ kind: 'prepare', checkpoint, counted }),
        commit: (checkpoint) => this.add({ kind: 'commit', checkpoint }),
        restore: (checkpoint, positions) => this.add({ kind: 'restore', checkpoint, positions }),
        open: () => this.add({ kind: 'open' }),
        flow: (on) => this.add({ kind: 'flow', on }),
        endSources: () => this.add({ kind: 'endSources' }),
        drainSources: () => this.add({ kind: 'drainSources' }),
        flushSinks: () => this.add({ kind: 'flushSinks' }),
        workersLeft: () => undefined,
      },
      output: (sink) => this.output(sink),
      turnOpened: () => this.add({ kind: 'endTurn' }),
      muteChanged: (muted, what) =>
        this.add({ kind: 'line', text: `Sources are ${muted ? 'muted' : 'no longer muted'}: ${what}` }),
      // The one question that the core itself asks: how many clients are connected to sources.
      answer: () => '0',
      ended: (failure) => this.add({ kind: 'ended', failure }),
    };
  }

  /** What was wished since the last time. */
  take(): readonly Wish[] {
    const { wishes } = this;
    this.wishes = [];
    return wishes;
  }

  private add(wish: Wish): void {
    this.wishes.push(wish);
  }

  private output(sink: string): OutputPort {
    let port = this.outputs.get(sink);
    if (port === undefined) {
      // A core must be ready for sinks that give its buffer back at once and for such that keep it.
      const reuse = this.dice.chance(0.5);
      port = {
        write: (bytes) => {
          this.add({ kind: 'output', sink, bytes: reuse ? Buffer.from(bytes) : bytes });
          return reuse;
        },
      };
      this.outputs.set(sink, port);
    }
    return port;
  }
}
