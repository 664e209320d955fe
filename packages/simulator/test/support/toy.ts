import { Dice } from '../../src/random/dice.js';
import type { ConnectionId, CoreMember, CorePorts, CoreStatus } from '../../src/world/core.js';
import type { Latency } from '../../src/world/path.js';
import type { Segmentation } from '../../src/world/socket.js';
import { ms } from '../../src/world/schedule.js';
import { World } from '../../src/world/world.js';

/** A core that does nothing but write down what the world tells it, and what a test makes it do. */
export class Toy implements CoreMember {
  readonly engine = { inlets: new Map(), stores: new Map() };
  readonly flowing = true;
  readonly told: string[] = [];
  ticks = 0;
  /** What came on each connection. */
  readonly bytes = new Map<ConnectionId, Buffer>();
  readonly pieces: number[] = [];

  constructor(readonly ports: CorePorts) {}

  get status(): CoreStatus {
    return {
      phase: 'processing',
      epoch: 0,
      incarnation: 0,
      routeVersion: 0,
      members: [],
      incarnations: [],
      owners: [],
      heldBytes: 0,
      unacknowledgedBytes: 0,
      journalBytes: 0,
      checkpoint: 0,
      unreachable: [],
      leaving: [],
      slotsToMove: 0,
      giver: undefined,
      progress: undefined,
    };
  }

  start(): void {
    this.told.push('start');
  }
  tick(): void {
    this.ticks++;
  }
  accepted(connection: ConnectionId, channel: string, remoteHost: string): void {
    this.told.push(`accepted ${channel} ${remoteHost}`);
    this.last = connection;
  }
  connected(connection: ConnectionId): void {
    this.told.push(`connected ${connection}`);
  }
  received(connection: ConnectionId, bytes: Buffer): void {
    this.pieces.push(bytes.length);
    this.bytes.set(connection, Buffer.concat([this.bytes.get(connection) ?? Buffer.alloc(0), bytes]));
  }
  closed(connection: ConnectionId, why: string): void {
    this.told.push(`closed ${connection < 0 ? 'accepted' : connection} ${why}`);
  }
  stored(operation: number): void {
    this.told.push(`stored ${operation}`);
  }
  logRead(operation: number, bytes: Buffer): void {
    this.told.push(`read ${operation} ${bytes.toString()}`);
  }
  sinksPrepared(checkpoint: number): void {
    this.told.push(`prepared ${checkpoint}`);
  }
  prepareFailed(checkpoint: number): void {
    this.told.push(`prepare failed ${checkpoint}`);
  }
  endsRestored(): void {
    this.told.push('ends restored');
  }
  journal(source: string): void {
    this.told.push(`journal ${source}`);
  }
  storeFailed(operation: number): void {
    this.told.push(`store failed ${operation}`);
  }
  endsOpened(): void {
    this.told.push('ends opened');
  }
  sourcesEnded(): void {
    this.told.push('sources ended');
  }
  sinksFlushed(): void {
    this.told.push('sinks flushed');
  }
  sinkHolds(sink: string, unsentBytes: number): void {
    this.told.push(`${sink} holds ${unsentBytes}`);
  }
  endTurn(): void {
    this.told.push('end turn');
  }
  claimStream(): void {
    this.told.push('claim');
  }

  releaseStream(): void {
    this.told.push('release');
  }

  shutDown(): void {
    this.told.push('shut down');
  }
  shrink(): void {
    this.told.push('shrink');
  }

  /** The connection that was accepted last. */
  last = 0 as ConnectionId;

  get text(): string {
    return (this.bytes.get(this.last) ?? Buffer.alloc(0)).toString();
  }
}

export interface ToyWorldOptions {
  readonly seed?: number;
  readonly hosts?: number;
  readonly latency?: Latency;
  readonly segmentation?: Segmentation;
}

/** A world of toys, all of them started. */
export class ToyWorld {
  readonly world: World;
  /** The toys by life. */
  readonly lives: Toy[] = [];

  constructor({ seed = 1, hosts = 2, latency = quick, segmentation = 'random' }: ToyWorldOptions = {}) {
    this.world = new World(
      {
        names: Array.from({ length: hosts }, (_, host) => `toy${host}`),
        tickMs: 50,
        network: { latency, segmentation },
        diskLatency: { leastMs: 1, mostMs: 10, tailChance: 0, tailMs: 1 },
        sinkLatency: quick,
        keepsText: true,
      },
      Dice.of(seed),
      (_, __, ports) => {
        const toy = new Toy(ports);
        this.lives.push(toy);
        return toy;
      },
    );
    for (const host of this.world.hosts) host.boot();
    this.pass(1);
  }

  /** The toy that lives, or lived last, on a host. */
  toy(host: number): Toy {
    return this.world.hosts[host]!.process!.core as Toy;
  }

  /** Makes a toy do something, as if it had been called. */
  act(host: number, act: (toy: Toy) => void): void {
    this.world.hosts[host]!.process!.post((core) => act(core as Toy));
  }

  pass(milliseconds: number): void {
    this.world.run(this.world.schedule.now + ms(milliseconds));
  }

  /** Connects host 0 to host 1. Gives the dialler's number of the connection. */
  connect(id = 1, port: 'control' | 'data' = 'data'): ConnectionId {
    const connection = id as ConnectionId;
    this.act(0, ({ ports }) => ports.network.dial(connection, this.world.hosts[1]![port]));
    this.pass(20);
    return connection;
  }

  write(host: number, connection: ConnectionId, ...texts: readonly string[]): void {
    this.act(host, ({ ports }) => {
      for (const text of texts) ports.network.write(connection, Buffer.from(text));
    });
  }
}

const quick: Latency = { leastMs: 0.1, mostMs: 5, tailChance: 0, tailMs: 5 };
