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
import { SourceClients, type SourceCut } from '../../../core/streams/source-clients.js';
import type { SourceSession } from '../../../core/streams/source-session.js';
import { Listener } from '../../listener.js';
import { onOneLine } from '../../log.js';
import { reachable } from '../../reachable.js';
import { TcpConnection } from '../tcp-connection.js';
import { listenForClients, TcpConnections } from '../tcp-connections.js';

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

class ConnectorSource<T> implements RunningSource {
  readonly parallelism: number;
  address: Address | undefined;
  private readonly wanted: Address | undefined;
  private readonly listener: Listener;
  private readonly clientsOfSource: SourceClients;
  private readonly connections = new TcpConnections();

  constructor(
    private readonly context: SourceContext<T>,
    private readonly settings: Settings<T>,
  ) {
    const { name } = context;
    this.clientsOfSource = new SourceClients(context);
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
    if (!this.clientsOfSource.leaving) this.connections.unmute();
  }

  position(): Uint8Array {
    return this.context.pack(this.clientsOfSource.cut());
  }

  committed(position: Uint8Array): void {
    this.clientsOfSource.committed(this.context.unpack(position) as SourceCut);
  }

  positionsOfStreams(): ReadonlyMap<bigint, bigint> {
    return this.clientsOfSource.positions();
  }

  restore(): void {
    this.clientsOfSource.restore();
  }

  async handOver(successor: Address | undefined): Promise<void> {
    this.listener.close();
    this.mute();
    await new Promise<void>((resolve) => this.clientsOfSource.leave(resolve));
    this.clientsOfSource.sendAway(successor && formatAddress(successor));
    await this.connections.allDone();
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.listener.close();
    this.clientsOfSource.stop();
    await this.connections.stop(deadline);
  }

  private connected(socket: Socket): void {
    const { context, settings, clientsOfSource } = this;
    const { cookie, maxCredits, refillCredits } = settings;
    const peer = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? '?'}`;
    const session: SourceSession = clientsOfSource.connected({
      cookie,
      maxCredits,
      refillCredits,
      address: () => formatAddress(reachable(this.address!, socket.localAddress) ?? this.address!),
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
    void connection.done.then(() => clientsOfSource.disconnected(session));
    this.connections.add(connection);
  }
}
