import { FrameSplitter, type Address } from '@wallaroo/protocol';
import { Boundary } from '../../link/boundary.js';
import { greetingBytesMax, readFrame } from '../../link/frame.js';
import type { Refusal } from '../../link/greeting.js';
import { frameFormat } from '../../link/inbound.js';
import type { ConnectionId } from '../../ports.js';
import type { Dialled } from './dialled.js';
import { helloOf } from './self.js';
import type { MeshSurroundings } from './surroundings.js';

/** The member that a joiner asks to be let in: again and again, until there is an answer. It is no peer yet. */
export class Contact {
  private readonly boundary: Boundary;
  private splitter: FrameSplitter | undefined;

  /** @param count how many workers join together */
  constructor(
    private readonly surroundings: MeshSurroundings,
    private readonly dialled: Dialled,
    address: Address,
    count: number,
    refused: (refusal: Refusal) => void,
  ) {
    const { network, timing } = surroundings;
    this.boundary = new Boundary(
      network,
      timing,
      {
        newConnection: () => this.newConnection(),
        hello: () => ({ ...helloOf(surroundings.self(), this.boundary.session), joining: count }),
        welcomed: () => false,
        refused,
        opened: () => undefined,
        full: () => undefined,
        held: () => undefined,
      },
      { epoch: 0, from: surroundings.self().incarnation, to: 0 },
    );
    this.boundary.address = address;
  }

  hangUp(): void {
    this.boundary.hangUp(0);
  }

  tick(now: number): void {
    this.boundary.tick(now);
  }

  connected(connection: ConnectionId): void {
    if (this.boundary.connection === connection) this.boundary.connected(this.surroundings.clock.now());
  }

  received(connection: ConnectionId, bytes: Buffer): void {
    if (this.boundary.connection === connection) this.splitter?.push(bytes);
  }

  closed(connection: ConnectionId): void {
    if (this.boundary.connection === connection) this.boundary.closed(this.surroundings.clock.now());
  }

  private newConnection(): ConnectionId {
    this.splitter = new FrameSplitter(
      frameFormat(() => greetingBytesMax),
      (bytes, start, end) =>
        this.boundary.received(readFrame(bytes, start, end), this.surroundings.clock.now()),
    );
    return this.dialled.newNumber();
  }
}
