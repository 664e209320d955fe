import { connect, type Socket } from 'node:net';
import { formatAddress, type Address } from './address.js';
import {
  decodeExternalMessage,
  encodeExternalMessage,
  externalReplyBytesMax,
  type ExternalMessage,
} from './external-messages.js';
import { FrameSplitter, u32Frames } from './frame-splitter.js';

/** Nobody answers at the address, or not in time. */
export class ConnectFailedError extends Error {
  override readonly name = 'ConnectFailedError';
  constructor(
    readonly address: Address,
    options?: ErrorOptions,
  ) {
    super(`Unable to connect to ${formatAddress(address)}`, options);
  }
}

/** The connection ended before the answer was complete, or the answer's length is beyond the limit. */
export class NoReplyError extends Error {
  override readonly name = 'NoReplyError';
}

export interface ExternalClientOptions {
  /** How long to wait for the connection and, after that, for each reply. */
  readonly timeoutMs?: number;
}

/** One connection to a worker's external channel: the way of every operator tool. */
export class ExternalClient {
  private readonly replies: ExternalMessage[] = [];
  private failure: Error | undefined;
  private waiting: (() => void) | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly timeoutMs: number,
  ) {
    const splitter = new FrameSplitter(u32Frames(externalReplyBytesMax), (bytes, start, end) => {
      if (start === end) return;
      this.replies.push(decodeExternalMessage(bytes, start, end));
    });
    socket.on('data', (chunk) => {
      try {
        splitter.push(chunk);
      } catch (error) {
        this.fail(error as Error);
        socket.destroy();
      }
      this.waiting?.();
    });
    socket.on('error', (cause) => this.fail(new NoReplyError('the connection failed', { cause })));
    socket.on('close', () => this.fail(new NoReplyError('the connection was closed before the reply')));
  }

  /** @throws ConnectFailedError */
  static connect(
    address: Address,
    { timeoutMs = 10_000 }: ExternalClientOptions = {},
  ): Promise<ExternalClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(address.port, address.host || 'localhost');
      const failed = (cause?: Error) => {
        socket.destroy();
        reject(new ConnectFailedError(address, cause && { cause }));
      };
      socket.setTimeout(timeoutMs, failed);
      socket.once('error', failed);
      socket.once('connect', () => {
        socket.off('error', failed);
        socket.setTimeout(0);
        socket.setNoDelay(true);
        resolve(new ExternalClient(socket, timeoutMs));
      });
    });
  }

  send(message: ExternalMessage): void {
    this.socket.write(encodeExternalMessage(message));
  }

  /**
   * The next message from the worker.
   * @throws NoReplyError, InvalidExternalMessageError, OversizedFrameError
   */
  async receive(): Promise<ExternalMessage> {
    const timer = setTimeout(
      () => this.fail(new NoReplyError(`no reply within ${this.timeoutMs} ms`)),
      this.timeoutMs,
    );
    try {
      for (;;) {
        const reply = this.replies.shift();
        if (reply) return reply;
        if (this.failure) throw this.failure;
        await new Promise<void>((resolve) => (this.waiting = resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when all that was sent has been handed to the system and the connection is closed. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.destroyed) return resolve();
      this.socket.once('close', () => resolve());
      this.socket.end(() => this.socket.destroy());
    });
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.waiting?.();
  }
}
