import type { Server } from 'node:http';
import { formatAddress, type Address } from '@wallaroo/protocol';
import { ListenError } from './errors.js';

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
