import type { Socket } from 'node:net';
import { formatAddress, type Address } from '@wallaroo/protocol';
import { Listener } from './listener.js';
import type { WorkerLog } from './log.js';

const connectionsMax = 64;
/** A connection that says nothing for this long is closed. */
const silenceMs = 5000;

/**
 * The control or the data channel of a worker that has no peers: it holds the address that other workers
 * would come to, and turns away whoever comes.
 */
export class PeerPort {
  private readonly listener: Listener;
  private readonly connections = new Set<Socket>();

  constructor(
    private readonly worker: string,
    private readonly channel: 'control' | 'data',
    private readonly log: WorkerLog,
  ) {
    this.listener = new Listener({
      what: `${worker} ${channel}`,
      connectionsMax,
      onConnection: (socket) => {
        this.connections.add(socket);
        socket.once('close', () => this.connections.delete(socket));
        const refuse = (why: string) => {
          if (socket.destroyed) return;
          log.line(`${worker} ${channel}: closed a connection from ${socket.remoteAddress ?? '?'}: ${why}`);
          socket.destroy();
        };
        socket.setTimeout(silenceMs, () => refuse(`silent for ${silenceMs} ms`));
        socket.once('data', () => refuse('this cluster has one worker, and no peer is expected'));
        socket.resume();
      },
    });
  }

  /** @throws ListenError */
  async listen(address: Address): Promise<Address> {
    const bound = await this.listener.listen(address);
    this.log.line(`${this.worker} ${this.channel}: listening on ${formatAddress(bound)}`);
    return bound;
  }

  close(): void {
    this.listener.close();
    for (const socket of this.connections) socket.destroy();
  }
}
