import { formatAddress, type Address } from '@wallaroo/protocol';
import type { WebSocket } from 'ws';
import type { Encoder } from '../../api/codec.js';
import { ApplicationError } from '../../api/errors.js';
import type { RunningSink, SinkConfig, SinkContext } from '../../api/sink.js';
import { whenAborted } from '../when-aborted.js';
import { listenForWebSockets, type WebSocketListener } from '../websocket-listener.js';

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
const tryAgainLater = 1013;
const clientsMax = 256;
/** Clients have nothing to say; a longer frame ends the connection. */
const clientBytesMax = 4096;

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
  private listener: WebSocketListener | undefined;
  private stopping = false;
  private readonly clients = new Map<WebSocket, Client>();
  private watch: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: SinkContext,
    private readonly address: Address,
    private readonly binary: boolean,
  ) {}

  get unsentBytes(): number {
    let most = 0;
    for (const socket of this.clients.keys()) most = Math.max(most, socket.bufferedAmount);
    return most;
  }

  async start(): Promise<void> {
    const { name } = this.context;
    this.listener = await listenForWebSockets({
      what: `${name} sink`,
      address: this.address,
      messageBytesMax: clientBytesMax,
      onConnection: (socket) => this.connected(socket),
    });
    const at = formatAddress(this.listener.address);
    this.context.log('info', `${name} sink serves WebSocket clients on ${at}`);
    if (this.stopping) this.listener.close();
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
    if (this.watch === undefined) {
      for (const client of this.clients.values()) client.since = performance.now();
      this.watch = setInterval(() => this.look(), 50);
    }
    return true;
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.stopping = true;
    while (!deadline.aborted && this.unsentBytes > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    clearInterval(this.watch);
    this.listener?.stopListening();
    await Promise.all([...this.clients.keys()].map((socket) => closed(socket, deadline)));
    this.listener?.close();
  }

  private connected(socket: WebSocket): void {
    const { context } = this;
    socket.on('error', () => socket.terminate());
    if (this.clients.size >= clientsMax) {
      context.log('warning', `${context.name} sink: already ${clientsMax} clients, one refused`);
      socket.close(tryAgainLater);
      return;
    }
    this.clients.set(socket, { socket, waiting: 0, since: performance.now() });
    socket.on('close', () => {
      this.clients.delete(socket);
      context.drained();
    });
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
    whenAborted(deadline, () => socket.terminate());
    socket.close(goingAway);
  });
}
