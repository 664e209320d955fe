import { createServer, type Server } from 'node:http';
import { formatAddress, type Address } from '@wallaroo/protocol';
import { ListenError } from './errors.js';

/** A server for WebSocket handshakes: whoever asks for anything else is told so. */
export function handshakeServer(): Server {
  return createServer((_, response) => {
    response.writeHead(426, { Connection: 'close', Upgrade: 'websocket' });
    response.end('This is a WebSocket server.\n');
  });
}

/** @returns the address listened on, with the real port. @throws ListenError naming `what` */
export function listenHttp(server: Server, address: Address, what: string): Promise<Address> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(new ListenError(what, formatAddress(address), error));
    server.once('error', failed);
    server.listen({ port: address.port, ...(address.host !== '' && { host: address.host }) }, () => {
      server.off('error', failed);
      resolve({ host: address.host, port: (server.address() as { port: number }).port });
    });
  });
}
