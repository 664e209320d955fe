import type { Server } from 'node:http';
import { formatAddress, type Address } from '@wallaroo/protocol';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Encoder } from '../../api/codec.js';
import { ApplicationError } from '../../api/errors.js';
import type { RunningSink, SinkConfig, SinkContext } from '../../api/sink.js';
import { handshakeServer, listenHttp } from '../http-listener.js';
import { closeServer } from '../listener.js';

export interface WebSocketSinkOptions<T> {
  readonly encoder: Encoder<T>;
  readonly name?: string;
  /** Where to listen for clients, instead of the next address of `--out`. */
  readonly address?: Address;
  /** Messages are sent as text frames (default) or as binary ones. */
  readonly frames?: 'text' | 'binary';
}

/** A client that takes nothing for this long while others wait for it is cut off. */
const stalledMs = 5000;
const goingAway = 1001;

/**
 * Serves WebSocket clients, browsers among them: each that is connected gets every message from then on, one
 * per frame. With nobody connected messages are dropped. A slow client mutes the sources, as any slow sink
 * does; one that takes nothing for 5 s is disconnected.
 */
export function webSocketSink<T>(options: WebSocketSinkOptions<T>): SinkConfig<T> {
  return {
    kind: 'WebSocket',
    encoder: options.encoder,
    messageBoundaries: true,
    needsAddress: options.address === undefined,
    ...(options.name !== undefined && { name: options.name }),
    open: (context) => {
      const address = options.address ?? context.address;
      if (address === undefined) {
        throw new ApplicationError(
          `Sink '${context.name}' has no address to listen on: give --out HOST:PORT`,
        );
      }
      return new WebSocketSink(context, address, options.frames === 'binary');
    },
  };
}

interface Client {
  readonly socket: WebSocket;
  /** Bytes waiting at the last look, and since when they are not fewer. */
  waiting: number;
  since: number;
}

class WebSocketSink implements RunningSink {
  private readonly http: Server = handshakeServer();
  private readonly server = new WebSocketServer({ server: this.http });
  private readonly clients = new Map<WebSocket, Client>();
  private watch: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: SinkContext,
    private readonly address: Address,
    private readonly binary: boolean,
  ) {
    this.server.on('error', () => undefined);
    this.server.on('connection', (socket) => {
      this.clients.set(socket, { socket, waiting: 0, since: performance.now() });
      socket.on('error', () => socket.terminate());
      socket.on('close', () => {
        this.clients.delete(socket);
        context.drained();
      });
    });
  }

  get unsentBytes(): number {
    let most = 0;
    for (const socket of this.clients.keys()) most = Math.max(most, socket.bufferedAmount);
    return most;
  }

  async start(): Promise<void> {
    const bound = await listenHttp(this.http, this.address, `${this.context.name} sink`);
    this.context.log('info', `${this.context.name} sink serves WebSocket clients on ${formatAddress(bound)}`);
  }

  write(bytes: Buffer, ends: readonly number[]): boolean {
    if (this.clients.size === 0) return true;
    let start = 0;
    for (const end of ends) {
      // The clients share one copy: the socket may keep it longer than we may keep `bytes`.
      const message = Buffer.from(bytes.subarray(start, end));
      for (const socket of this.clients.keys()) {
        if (socket.readyState === socket.OPEN) socket.send(message, { binary: this.binary });
      }
      start = end;
    }
    this.watch ??= setInterval(() => this.look(), 50);
    return true;
  }

  async stop(deadline: AbortSignal): Promise<void> {
    while (!deadline.aborted && this.unsentBytes > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    clearInterval(this.watch);
    closeServer(this.http);
    await Promise.all([...this.clients.keys()].map((socket) => closed(socket, deadline)));
    this.http.closeAllConnections();
    this.server.close();
  }

  /** `ws` tells nobody when its buffer shrinks: look while something waits. */
  private look(): void {
    const now = performance.now();
    for (const client of this.clients.values()) {
      const waiting = client.socket.bufferedAmount;
      if (waiting === 0 || waiting < client.waiting) client.since = now;
      client.waiting = waiting;
      if (now - client.since > stalledMs) {
        this.context.log(
          'warning',
          `${this.context.name} sink: a client took nothing for ${stalledMs} ms, disconnected`,
        );
        client.socket.terminate();
      }
    }
    this.context.drained();
    if (this.unsentBytes === 0) {
      clearInterval(this.watch);
      this.watch = undefined;
    }
  }
}

function closed(socket: WebSocket, deadline: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    const timer = setTimeout(() => socket.terminate(), 1000);
    socket.once('close', () => clearTimeout(timer));
    deadline.addEventListener('abort', () => socket.terminate(), { once: true });
    socket.close(goingAway);
  });
}
