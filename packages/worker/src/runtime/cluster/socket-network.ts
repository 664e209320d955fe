import { connect, type Socket } from 'node:net';
import { formatAddress, type Address } from '@wallaroo/protocol';
import type { ConnectionId, LineLog, Network } from '../../core/ports.js';
import { Listener } from '../listener.js';

/** What happens on the connections between workers. The core's `Member` listens. */
export interface NetworkEvents {
  accepted(connection: ConnectionId, channel: 'control' | 'data', remoteHost: string): void;
  connected(connection: ConnectionId): void;
  received(connection: ConnectionId, bytes: Buffer): void;
  closed(connection: ConnectionId, why: string): void;
}

/** Connections of each channel; more wait until others have ended. */
const connectionsMax = 256;
/** How long the last words on a connection may take to leave. */
const lastWordsMs = 1000;

/** Connections between workers, over TCP. */
export class SocketNetwork implements Network {
  private readonly sockets = new Map<ConnectionId, Socket>();
  private readonly listeners: Listener[] = [];
  private lastAccepted = 0;
  private events: NetworkEvents | undefined;

  constructor(
    private readonly worker: string,
    private readonly log: LineLog,
    /** Runs what may throw: an event handler has no caller that would catch it. */
    private readonly guarded: (work: () => void) => void,
  ) {}

  /** Connections that have come before wait unread until somebody listens. */
  listenTo(events: NetworkEvents): void {
    this.events = events;
  }

  /** @throws ListenError */
  async listen(channel: 'control' | 'data', address: Address): Promise<Address> {
    const listener = new Listener({
      what: `${this.worker} ${channel}`,
      connectionsMax,
      onConnection: (socket) => this.accept(socket, channel),
    });
    this.listeners.push(listener);
    const bound = await listener.listen(address);
    this.log.line(`${this.worker} ${channel}: listening on ${formatAddress(bound)}`);
    return bound;
  }

  dial(connection: ConnectionId, { host, port }: Address): void {
    const socket = connect({ host: host || 'localhost', port, noDelay: true });
    this.watch(connection, socket);
    socket.once('connect', () => this.event(connection, (events) => events.connected(connection)));
  }

  write(connection: ConnectionId, bytes: Buffer): void {
    this.sockets.get(connection)?.write(bytes);
  }

  close(connection: ConnectionId): void {
    const socket = this.sockets.get(connection);
    if (socket === undefined) return;
    this.sockets.delete(connection);
    if (socket.writableLength === 0) {
      socket.destroySoon();
    } else {
      socket.end();
      setTimeout(() => socket.destroy(), lastWordsMs).unref();
    }
  }

  /** Lets nobody in any more and ends all connections, after what was written to them. */
  stop(): void {
    this.events = undefined;
    for (const listener of this.listeners) listener.close();
    for (const connection of [...this.sockets.keys()]) this.close(connection);
  }

  private accept(socket: Socket, channel: 'control' | 'data'): void {
    if (this.events === undefined) {
      socket.destroy();
      return;
    }
    const connection = --this.lastAccepted as ConnectionId;
    this.watch(connection, socket);
    const from = socket.remoteAddress ?? '?';
    this.event(connection, (events) => events.accepted(connection, channel, from));
    socket.resume();
  }

  private watch(connection: ConnectionId, socket: Socket): void {
    let why = 'the peer closed the connection';
    this.sockets.set(connection, socket);
    socket.on('data', (bytes: Buffer) =>
      this.event(connection, (events) => events.received(connection, bytes)),
    );
    socket.on('error', (error) => (why = error.message));
    socket.once('close', () => {
      this.event(connection, (events) => {
        this.sockets.delete(connection);
        events.closed(connection, why);
      });
    });
  }

  /** A connection that the core has closed is not heard of again. */
  private event(connection: ConnectionId, tell: (events: NetworkEvents) => void): void {
    const { events } = this;
    if (events === undefined || !this.sockets.has(connection)) return;
    this.guarded(() => tell(events));
  }
}
