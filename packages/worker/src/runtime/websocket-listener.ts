import { formatAddress, type Address } from '@wallaroo/protocol';
import type { WebSocket } from 'ws';
import { ListenError } from './errors.js';
import { closeServer } from './listener.js';

export interface WebSocketListenerOptions {
  /** What listens, for errors: `votes source`. */
  readonly what: string;
  readonly address: Address;
  /** A client that sends a longer message is cut off. */
  readonly messageBytesMax: number;
  readonly onConnection: (socket: WebSocket) => void;
}

export interface WebSocketListener {
  /** Where it listens, with the real port. */
  readonly address: Address;
  /** Lets nobody in any more. */
  stopListening(): void;
  /** Ends all connections that are left. */
  close(): void;
}

/** @throws ListenError */
export async function listenForWebSockets({
  what,
  address,
  messageBytesMax,
  onConnection,
}: WebSocketListenerOptions): Promise<WebSocketListener> {
  // Loaded when it is needed: it would add a third to the time in which a worker starts.
  const [{ createServer }, { WebSocketServer }] = await Promise.all([import('node:http'), import('ws')]);
  // Whoever asks for anything else than a WebSocket is told so.
  const http = createServer((_, response) => {
    response.writeHead(426, { Connection: 'close', Upgrade: 'websocket' });
    response.end('This is a WebSocket server.\n');
  });
  const server = new WebSocketServer({ server: http, maxPayload: messageBytesMax });
  server.on('error', () => undefined);
  server.on('connection', onConnection);
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error) => reject(new ListenError(what, formatAddress(address), error));
    http.once('error', failed);
    http.listen({ port: address.port, ...(address.host !== '' && { host: address.host }) }, () => {
      http.off('error', failed);
      resolve();
    });
  });
  return {
    address: { host: address.host, port: (http.address() as { port: number }).port },
    stopListening: () => closeServer(http),
    close: () => {
      closeServer(http);
      http.closeAllConnections();
      server.close();
    },
  };
}
