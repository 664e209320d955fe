import { formatAddress, type Address } from '@wallaroo/protocol';
import type { WebSocket } from 'ws';
import type { Decoder } from '../../api/codec.js';
import { isNamed } from '../../api/errors.js';
import type { RunningSource, SourceConfig, SourceContext } from '../../api/source.js';
import { listenForWebSockets, type WebSocketListener } from '../websocket-listener.js';
import { onOneLine } from '../log.js';
import { warnOfNoAddress } from './tcp-connections.js';

export interface WebSocketSourceOptions<T> {
  /** Gets the payload of each frame, text or binary. */
  readonly decoder: Decoder<T>;
  /** Connections served at the same time, default 100. Further ones are refused with status 1013. */
  readonly parallelism?: number;
  /** Longest payload in bytes, default 16384. `--in NAME@HOST:PORT:MAXSIZE` overrides it. */
  readonly maxSize?: number;
  /** Where to listen if `--in` does not say. */
  readonly address?: Address;
}

/** Serves WebSocket clients: every frame that they send is one message. */
export function webSocketSource<T>(options: WebSocketSourceOptions<T>): SourceConfig<T> {
  return {
    kind: 'WebSocket',
    decoder: options.decoder,
    open: (context) => new WebSocketSource(context, options),
  };
}

/** Status codes of RFC 6455, section 7.4.1, and its registry. */
const invalidPayload = 1007;
const tryAgainLater = 1013;
const goingAway = 1001;

interface Client {
  readonly socket: WebSocket;
  /** Frames that came in one piece with the one on which the source was muted. */
  readonly held: Buffer[];
  /** It sent what is no message; what came before that still counts. */
  refused: boolean;
}

class WebSocketSource<T> implements RunningSource {
  readonly parallelism: number;
  address: Address | undefined;
  private readonly wanted: Address | undefined;
  private readonly maxSize: number;
  private listener: WebSocketListener | undefined;
  private readonly connections = new Set<Client>();
  private muted = true;
  private stopping = false;

  constructor(
    private readonly context: SourceContext<T>,
    options: WebSocketSourceOptions<T>,
  ) {
    this.parallelism = options.parallelism ?? 100;
    this.wanted = context.input?.address ?? options.address;
    this.maxSize = context.input?.maxSize ?? options.maxSize ?? 16384;
  }

  async start(): Promise<void> {
    const { name } = this.context;
    if (this.wanted === undefined) return warnOfNoAddress(this.context);
    this.listener = await listenForWebSockets({
      what: `${name} source`,
      address: this.wanted,
      messageBytesMax: this.maxSize,
      onConnection: (socket) => this.connected(socket),
    });
    this.address = this.listener.address;
    if (this.stopping) this.listener.close();
    this.context.log('info', `${name} source is listening on ${formatAddress(this.address)} (WebSocket)`);
  }

  mute(): void {
    this.muted = true;
    for (const { socket } of this.connections) socket.pause();
  }

  unmute(): void {
    this.muted = false;
    for (const client of this.connections) {
      while (!this.muted && client.held.length > 0) this.receive(client, client.held.shift()!);
      if (this.muted) return;
      if (!this.stopping) client.socket.resume();
    }
  }

  get clients(): number {
    return this.connections.size;
  }

  async drain(): Promise<void> {
    this.listener?.stopListening();
    while (this.connections.size > 0 && !this.stopping) await aMoment();
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.stopping = true;
    this.listener?.stopListening();
    for (const { socket } of this.connections) socket.pause();
    while (!deadline.aborted && [...this.connections].some(({ held }) => held.length > 0)) await aMoment();
    for (const { socket } of this.connections) {
      socket.close(goingAway);
      socket.terminate();
    }
    this.listener?.close();
  }

  private connected(socket: WebSocket): void {
    const client: Client = { socket, held: [], refused: false };
    socket.on('error', (error) => this.refuse(client, error));
    if (this.connections.size >= this.parallelism) {
      this.context.log(
        'warning',
        `${this.context.name} source: already ${this.parallelism} connections, one refused`,
      );
      socket.close(tryAgainLater);
      return;
    }
    this.connections.add(client);
    socket.on('close', () => {
      if (client.held.length === 0) this.connections.delete(client);
    });
    socket.on('message', (data) => {
      // A refused client may go on until it has read that it was refused.
      if (client.refused) return;
      const payload = data as Buffer;
      if (this.muted || client.held.length > 0) client.held.push(payload);
      else this.receive(client, payload);
    });
    if (this.muted) socket.pause();
  }

  private receive(client: Client, payload: Buffer): void {
    try {
      this.context.receive(payload, 0, payload.length);
    } catch (error) {
      client.held.length = 0;
      if (!isNamed(error, 'DecodeError')) return this.context.fail(error as Error);
      this.refuse(client, error as Error);
      client.socket.close(invalidPayload);
    }
    if (client.held.length === 0 && client.socket.readyState >= client.socket.CLOSING)
      this.connections.delete(client);
  }

  private refuse(client: Client, error: Error): void {
    if (client.refused || !this.connections.has(client)) return;
    client.refused = true;
    if (client.held.length === 0) this.connections.delete(client);
    this.context.log('error', `${this.context.name} source: ${onOneLine(error.message)}. Closed connection.`);
  }
}

function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
