import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { OversizedFrameError, type Address } from '@wallaroo/protocol';
import { lineFrames } from './line-frames.js';
import type { ReceiverSettings } from './options.js';
import type { SharedOutput } from './shared-output.js';

/** How long a sender that never pauses can delay the end. */
const lastReadsMs = 1000;

/** Listens, and writes what connections send to the output. */
export class Receiver {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  /** Counts every sign of life: a connection or a chunk. */
  private arrivals = 0;

  constructor(
    private readonly settings: ReceiverSettings,
    private readonly output: SharedOutput,
  ) {
    this.server = createServer({ highWaterMark: settings.bufferBytes }, (socket) => this.accept(socket));
  }

  /** The address in use: the port is the real one, also when 0 was asked for. Rejects when it cannot be had. */
  listen(): Promise<Address> {
    const { host, port } = this.settings.listen;
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host || undefined, () => {
        this.server.off('error', reject);
        resolve({ host, port: (this.server.address() as AddressInfo).port });
      });
    });
  }

  /**
   * Ends all connections. Bytes that had reached this machine are still in the output, as long as the senders
   * leave a pause within {@link lastReadsMs}: a turn of the event loop in which nothing arrived.
   */
  async stop(): Promise<void> {
    let until = performance.now() + lastReadsMs;
    for (let seen = -1; seen !== this.arrivals && performance.now() < until;) {
      await nextTurn();
      seen = this.arrivals;
      await nextTurn();
      if (this.output.isHeld) {
        // The connections are paused: their silence means nothing, and a slow reader must not use up their time.
        const heldAt = performance.now();
        await this.output.flush();
        until += performance.now() - heldAt;
        seen = -1;
      }
    }
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await this.output.flush();
  }

  private accept(socket: Socket): void {
    this.arrivals++;
    this.sockets.add(socket);
    this.output.add(socket);
    const receive = this.receiveFunction();
    socket.on('data', (chunk) => {
      this.arrivals++;
      try {
        receive(chunk);
      } catch (error) {
        if (!(error instanceof OversizedFrameError)) throw error;
        console.error('Received an expect larger than 16kb. Exiting.');
        socket.destroy();
      }
    });
    // A peer that resets its connection has ended it: there is nobody to tell.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
  }

  private receiveFunction(): (chunk: Buffer) => void {
    const { framed, write } = this.settings;
    const keep = (bytes: Buffer) => {
      if (write) this.output.write(bytes);
    };
    return framed ? lineFrames(keep) : keep;
  }
}
