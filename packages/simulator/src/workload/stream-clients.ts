import { nothingSeen } from '@wallaroo/protocol';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Wish } from '../world/wishes.js';
import type { Dice } from '../random/dice.js';
import type { Lane } from './input.js';
import { StreamClient, type StreamClientHost } from './stream-client.js';

/** All clients that bring streams, and what the cluster has of these by its checkpoints. */
export class StreamClients implements Partial<Watch> {
  private readonly clients: StreamClient[] = [];
  /** By checkpoint and stream: how many messages had come when it was cut. */
  private readonly cuts = new Map<number, Map<bigint, number>>();
  /** By stream, of the newest checkpoint that is known to count. */
  private readonly counted = new Map<bigint, number>();
  private newest = 0;

  constructor(
    private readonly host: StreamClientHost,
    private readonly dice: Dice,
  ) {
    host.world.watches.push(this);
  }

  open(lane: Lane): void {
    const id = BigInt(this.clients.length);
    const client = new StreamClient(lane, id, this.dice.stream(lane.name), this.host);
    this.clients.push(client);
    client.start();
  }

  get done(): boolean {
    return this.clients.every(({ finished }) => finished);
  }

  get pushed(): number {
    return this.clients.reduce((sum, { taken }) => sum + taken, 0);
  }

  /** What the cluster has of the lanes in the end: the last checkpoint has it all. */
  get taken(): Lane[] {
    return this.clients.map(({ lane, id }) => ({
      ...lane,
      messages: lane.messages.slice(0, this.counted.get(id) ?? 0),
    }));
  }

  /** Messages that were taken back, and never brought again. */
  get takenBack(): string[] {
    return this.clients.flatMap(({ lane, id, furthest }) =>
      lane.messages.slice(this.counted.get(id) ?? 0, furthest).map(({ number }) => `${lane.name}.${number}`),
    );
  }

  /** A worker is cut. */
  cut(process: Process, checkpoint: number): void {
    process.streamSources.cut(checkpoint);
    const positions = this.cuts.get(checkpoint) ?? new Map<bigint, number>();
    for (const { stream, position } of process.streamSources.positions())
      positions.set(stream, position === nothingSeen ? 0 : Number(position) + 1);
    this.cuts.set(checkpoint, positions);
  }

  wished(_process: Process, wish: Wish): void {
    if (wish.kind === 'commit' || wish.kind === 'restore') this.counts(wish.checkpoint);
  }

  ended(process: Process): void {
    for (const client of this.clients) client.ended(process);
  }

  private counts(checkpoint: number): void {
    if (checkpoint <= this.newest) return;
    this.newest = checkpoint;
    for (const [stream, count] of this.cuts.get(checkpoint) ?? []) this.counted.set(stream, count);
    for (const id of [...this.cuts.keys()]) if (id <= checkpoint) this.cuts.delete(id);
  }
}
