import type { ConnectionId, Member, MemberPorts } from '@wallaroo/worker/core';

/*
 * The core as the world sees it: a toy with these members can stand where the real one does, so that the
 * world can be tested by itself.
 */

export type { ClusterFile, ConnectionId, LogKind, OutputPort } from '@wallaroo/worker/core';

export type Channel = Parameters<Member['accepted']>[1];

export type CorePorts = MemberPorts;

export type CoreStatus = Member['status'];

export interface CoreMember {
  readonly engine: {
    readonly inlets: ReadonlyMap<string, { push(message: unknown): void }>;
    readonly stores: ReadonlyMap<string, { keys(): Iterable<string>; peek(key: string): unknown }>;
  };
  readonly flowing: boolean;
  readonly status: CoreStatus;
  start(): void;
  tick(): void;
  accepted(connection: ConnectionId, channel: Channel, remoteHost: string): void;
  connected(connection: ConnectionId): void;
  received(connection: ConnectionId, bytes: Buffer): void;
  closed(connection: ConnectionId, why: string): void;
  stored(operation: number): void;
  storeFailed(operation: number, why: string): void;
  logRead(operation: number, bytes: Buffer): void;
  sinksPrepared(checkpoint: number): void;
  prepareFailed(checkpoint: number, why: string): void;
  endsRestored(): void;
  journal(source: string, bytes: Buffer, start: number, end: number): void;
  endsOpened(): void;
  sourcesEnded(): void;
  sinksFlushed(): void;
  sinkHolds(sink: string, unsentBytes: number): void;
  endTurn(): void;
  claimStream: Member['claimStream'];
  releaseStream: Member['releaseStream'];
  shutDown(): void;
  shrink: Member['shrink'];
}
