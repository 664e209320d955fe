import type { Socket } from 'node:net';
import {
  connectorSourceFrameBytesMax,
  encodeConnectorFrame,
  formatAddress,
  FrameSplitter,
  u32Frames,
  type Address,
} from '@wallaroo/protocol';
import type { Decoder } from '../../../api/codec.js';
import { ApplicationError } from '../../../api/errors.js';
import type { ConnectorInput, RunningSource, SourceConfig, SourceContext } from '../../../api/source.js';
import { Listener } from '../../listener.js';
import { onOneLine } from '../../log.js';
import { reachable } from '../../reachable.js';
import { TcpConnection } from '../tcp-connection.js';
import { listenForClients, TcpConnections } from '../tcp-connections.js';
import { SourceSession } from './source-session.js';
import { SourceStreams } from './source-streams.js';

export interface ConnectorSourceOptions<T> {
  /** Gets the bytes of each message. An empty message counts as received, and is not decoded. */
  readonly decoder: Decoder<T>;
  /** What clients have to say to be let in, if `--in` does not say. */
  readonly cookie?: string;
  /** Messages that a client may send before it hears more, default 1000. */
  readonly maxCredits?: number;
  /** A client gets new credits when it has so many left, default half of `maxCredits`. */
  readonly refillCredits?: number;
  /** Connections served at the same time, default 10. Further ones wait. */
  readonly parallelism?: number;
  /** Where to listen if `--in` does not say. */
  readonly address?: Address;
}

/**
 * Listens for clients that speak the connector protocol, and can be asked again for what they have sent. With
 * resilience each message counts once, whatever dies: clients are told from where to go on.
 * @throws ApplicationError when `refillCredits` is not below `maxCredits`
 */
export function connectorSource<T>(options: ConnectorSourceOptions<T>): SourceConfig<T> {
  const { maxCredits = 1000, refillCredits = Math.floor(maxCredits / 2) } = options;
  checkCredits(maxCredits, refillCredits);
  return {
    kind: 'Connector',
    decoder: options.decoder,
    takesConnectorInput: true,
    open: (context) => {
      const settings = { maxCredits, refillCredits, cookie: options.cookie, ...context.input?.connector };
      const { cookie } = settings;
      if (cookie === undefined) {
        throw new ApplicationError(
          `Source '${context.name}' has no cookie: give --in ${context.name}@HOST:PORT:COOKIE:MAX_CREDITS:REFILL_CREDITS`,
        );
      }
      checkCredits(settings.maxCredits, settings.refillCredits);
      return new ConnectorSource(context, { ...options, ...settings, cookie });
    },
  };
}

/** @throws ApplicationError */
function checkCredits(maxCredits: number, refillCredits: number): void {
  if (!isCount(maxCredits) || maxCredits < 1) {
    throw new ApplicationError(`connectorSource: maxCredits must be 1 or more, not ${maxCredits}`);
  }
  if (!isCount(refillCredits) || refillCredits >= maxCredits) {
    throw new ApplicationError(
      `connectorSource: refillCredits must be from 0 to ${maxCredits - 1}, not ${refillCredits}`,
    );
  }
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

type Settings<T> = ConnectorSourceOptions<T> & ConnectorInput;

interface Client {
  readonly socket: Socket;
  readonly session: SourceSession;
}

/** What is kept of a source with a checkpoint. */
interface Cut {
  readonly streams: ReturnType<SourceStreams['cut']>;
  /** Nothing was taken after it: this worker leaves. */
  readonly last: boolean;
}

class ConnectorSource<T> implements RunningSource {
  readonly parallelism: number;
  address: Address | undefined;
  private readonly wanted: Address | undefined;
  private readonly listener: Listener;
  private readonly streams: SourceStreams;
  private readonly sessions = new Set<Client>();
  private readonly connections = new TcpConnections();
  /** Nothing more is taken, and clients are about to be sent elsewhere. */
  private leaving = false;
  private successor: Address | undefined;
  private lastCutCounts: () => void = () => undefined;

  constructor(
    private readonly context: SourceContext<T>,
    private readonly settings: Settings<T>,
  ) {
    const { name } = context;
    this.streams = new SourceStreams(context);
    this.parallelism = settings.parallelism ?? 10;
    this.wanted = context.input?.address ?? settings.address;
    this.listener = new Listener({
      what: `${name} source`,
      connectionsMax: this.parallelism,
      onConnection: (socket) => this.connected(socket),
      onLimitReached: () =>
        context.log('warning', `${name} source: already reached connection limit (${this.parallelism})`),
    });
    if (this.wanted !== undefined) {
      context.log('info', `${name} source will listen (but not yet) on ${formatAddress(this.wanted)}`);
    }
  }

  async start(): Promise<void> {
    this.address = await listenForClients(this.context, this.listener, this.wanted);
  }

  mute(): void {
    this.connections.mute();
  }

  unmute(): void {
    if (!this.leaving) this.connections.unmute();
  }

  position(): Uint8Array {
    const cut: Cut = { streams: this.streams.cut(), last: this.leaving };
    return this.context.pack(cut);
  }

  committed(position: Uint8Array): void {
    const { streams, last } = this.context.unpack(position) as Cut;
    this.streams.committed(streams);
    for (const { session } of this.sessions) session.refill();
    if (last) this.lastCutCounts();
  }

  positionsOfStreams(): ReadonlyMap<bigint, bigint> {
    return new Map(this.streams.cut().map(([id, lastSeen]) => [id, lastSeen]));
  }

  restore(): void {
    // What they have sent since then has to come again. Who has not begun to send may go on.
    this.restartClients(({ session }) => session.begun);
    this.streams.forget();
    this.lastCutCounts();
  }

  async handOver(successor: Address | undefined): Promise<void> {
    this.listener.close();
    this.mute();
    this.leaving = true;
    this.successor = successor;
    if (this.context.resilience && this.sessions.size > 0) {
      await new Promise<void>((resolve) => (this.lastCutCounts = resolve));
    }
    this.restartClients(() => true);
    await this.connections.allDone();
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.listener.close();
    this.lastCutCounts();
    await this.connections.stop(deadline);
  }

  private restartClients(which: (client: Client) => boolean): void {
    for (const client of [...this.sessions].filter(which)) {
      client.session.restart(formatAddress(this.successor ?? this.addressFor(client)));
    }
  }

  /** Where this client can reach this source. */
  private addressFor({ socket }: Client): Address {
    return reachable(this.address!, socket.localAddress) ?? this.address!;
  }

  private connected(socket: Socket): void {
    const { context, settings, streams } = this;
    const { cookie, maxCredits, refillCredits } = settings;
    const peer = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? '?'}`;
    const session: SourceSession = new SourceSession({
      cookie,
      maxCredits,
      refillCredits,
      resilience: context.resilience,
      streams,
      send: (message) => void socket.write(encodeConnectorFrame(message)),
      close: () => connection.dismiss(),
      deliver: (bytes, start, end) => context.receive(bytes, start, end),
      warn: (text) =>
        context.log('error', `${onOneLine(text)} (${context.name} source, connection from ${peer})`),
    });
    const splitter = new FrameSplitter(u32Frames(connectorSourceFrameBytesMax), (bytes, start, end) =>
      session.receive(bytes, start, end),
    );
    // A client whose machine is gone must not hold its streams for ever.
    socket.setKeepAlive(true, 30_000);
    const connection = new TcpConnection(socket, splitter, context);
    const client: Client = { socket, session };
    this.sessions.add(client);
    void connection.done.then(() => {
      this.sessions.delete(client);
      session.closed();
    });
    this.connections.add(connection);
  }
}
