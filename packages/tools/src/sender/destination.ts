import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ByteWriter, formatAddress, type Address } from '@wallaroo/protocol';

/** The messages cannot reach one of the hosts. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
}

export interface ConnectOptions {
  /** How long to go on trying. */
  readonly withinMs: number;
  /** Called at the first attempt that fails. */
  readonly onRefused: () => void;
  /** Ends the attempts. */
  readonly signal: AbortSignal;
}

const retryMs = 250;
const writerCapacity = 16 * 1024;

/** One host, and the messages that wait for the next write to it. */
export class Destination {
  readonly writer = new ByteWriter(writerCapacity);
  private lost: DeliveryError | undefined;
  private finishing = false;
  private wake: (() => void) | undefined;

  private constructor(
    private readonly socket: Socket,
    address: Address,
    onLost: (error: DeliveryError) => void,
  ) {
    const lose = (cause?: Error) => {
      if (this.finishing && cause === undefined) return;
      this.lost ??= new DeliveryError(`Lost the connection to ${formatAddress(address)}`, { cause });
      onLost(this.lost);
      this.wake?.();
    };
    socket.on('error', lose);
    socket.on('close', () => lose());
    socket.on('drain', () => this.wake?.());
    // Nothing is expected from the host, but its end is noticed only by reading.
    socket.resume();
  }

  /** Tries again and again. @throws DeliveryError when the time is up; the signal's reason when it came */
  static async connect(
    address: Address,
    onLost: (error: DeliveryError) => void,
    { withinMs, onRefused, signal }: ConnectOptions,
  ): Promise<Destination> {
    const until = performance.now() + withinMs;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        const left = Math.max(1, until - performance.now());
        return new Destination(await attemptConnection(address, left, signal), address, onLost);
      } catch (cause) {
        signal.throwIfAborted();
        if (attempt === 1) onRefused();
        if (performance.now() + retryMs >= until) {
          const seconds = withinMs / 1000;
          throw new DeliveryError(`No connection to ${formatAddress(address)} within ${seconds} seconds`, {
            cause,
          });
        }
      }
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Sends what was written; resolves when the connection takes more. @throws DeliveryError */
  async flush(): Promise<void> {
    if (this.lost) throw this.lost;
    if (this.writer.length === 0) return;
    if (this.socket.write(this.writer.take(writerCapacity))) return;
    while (!this.lost && this.socket.writableNeedDrain) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    if (this.lost) throw this.lost;
  }

  /** Resolves when the last byte has been handed to the system. @throws DeliveryError */
  async finish(): Promise<void> {
    if (this.lost) throw this.lost;
    this.finishing = true;
    this.socket.end(() => this.wake?.());
    while (!this.lost && !this.socket.writableFinished) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    this.socket.destroy();
    if (this.lost) throw this.lost;
  }

  destroy(): void {
    this.finishing = true;
    this.socket.destroy();
  }
}

function attemptConnection(address: Address, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(address.port, address.host || 'localhost');
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      socket.off('error', failed);
      act();
    };
    const failed = (error: Error) =>
      settle(() => {
        socket.on('error', () => undefined).destroy();
        reject(error);
      });
    const aborted = () => failed(new Error('stopped'));
    const timer = setTimeout(() => failed(new Error('no answer')), timeoutMs);
    signal.addEventListener('abort', aborted, { once: true });
    socket.once('error', failed);
    socket.once('connect', () => settle(() => resolve(socket.setNoDelay(true))));
  });
}
