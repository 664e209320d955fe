import { createServer, type Server, type Socket } from 'node:net';
import { formatAddress, type Address } from '@wallaroo/protocol';
import { ListenError } from './errors.js';

export interface ListenerOptions {
  /** What listens, for errors: `votes source`. */
  readonly what: string;
  /** Connections served at the same time. Further ones wait, unread, until one of these has ended. */
  readonly connectionsMax: number;
  readonly onConnection: (socket: Socket) => void;
  readonly onLimitReached?: () => void;
  /** True: when a peer ends its half of a connection, ours stays open until we end it. */
  readonly allowHalfOpen?: boolean;
}

/** Connections that wait; further ones are closed. */
const waitingMax = 256;

/** A TCP listener and its connections. Sockets are handed out paused. */
export class Listener {
  private readonly server: Server;
  private serving = 0;
  private readonly waiting: Socket[] = [];

  constructor(private readonly options: ListenerOptions) {
    const { allowHalfOpen = false } = options;
    this.server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen }, (socket) => {
      // The error is followed by 'close', which says all that matters here.
      socket.on('error', () => undefined);
      if (this.serving < options.connectionsMax) {
        this.serve(socket);
      } else {
        options.onLimitReached?.();
        this.hold(socket);
      }
    });
    // What `accept` may fail with, such as too many open files, passes; `listen` tells of its own errors.
    this.server.on('error', () => undefined);
  }

  /** @returns the address listened on, with the real port. @throws ListenError */
  listen(address: Address): Promise<Address> {
    return new Promise((resolve, reject) => {
      const failed = (error: Error) =>
        reject(new ListenError(this.options.what, formatAddress(address), error));
      this.server.once('error', failed);
      this.server.listen({ port: address.port, ...(address.host !== '' && { host: address.host }) }, () => {
        this.server.off('error', failed);
        resolve({ host: address.host, port: (this.server.address() as { port: number }).port });
      });
    });
  }

  /** Lets nobody in any more. Connections that are served stay, those that wait are closed. */
  close(): void {
    closeServer(this.server);
    for (const socket of this.waiting.splice(0)) socket.destroy();
  }

  /** Those that wait are not read, so their end is not noticed: there must not be too many of them. */
  private hold(socket: Socket): void {
    if (this.waiting.length >= waitingMax) {
      socket.destroy();
      return;
    }
    this.waiting.push(socket);
  }

  private serve(socket: Socket): void {
    this.serving++;
    socket.once('close', () => {
      this.serving--;
      const next = this.waiting.find((candidate) => !candidate.destroyed);
      this.waiting.splice(0, next ? this.waiting.indexOf(next) + 1 : this.waiting.length);
      if (next) this.serve(next);
    });
    this.options.onConnection(socket);
  }
}

/** Closes a server that listens, or as soon as it does: `close` in the middle of `listen` has no effect. */
export function closeServer(server: Server): void {
  if (server.listening) server.close();
  else server.prependOnceListener('listening', () => setImmediate(() => server.close()));
}
