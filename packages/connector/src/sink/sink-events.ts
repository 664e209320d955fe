import type { Range } from './stream-store.js';

/** What one sink of one worker sends. */
export interface SinkStream {
  /** `APPLICATION-w-WORKER-id-SINK`: the same after a restart of the worker. */
  readonly name: string;
  readonly worker: string;
  readonly program: string;
}

export interface ConnectorSinkEvents {
  /** The stream goes on at this byte. */
  connected: [stream: SinkStream, position: number];
  /** The stream is undefined when the connection had not named one. The error is undefined when the worker hung up. */
  disconnected: [stream: SinkStream | undefined, error: Error | undefined];
  prepared: [stream: SinkStream, transaction: string];
  /** The bytes of this range are in the output, and synced. */
  committed: [stream: SinkStream, transaction: string, range: Range];
  aborted: [stream: SinkStream, transaction: string];
  /** The checkpoint fails, and the cluster goes back to the one before. */
  votedNo: [stream: SinkStream, transaction: string, why: string];
  /** These workers have left the cluster. Their files stay. */
  workersLeft: [workers: readonly string[]];
}
