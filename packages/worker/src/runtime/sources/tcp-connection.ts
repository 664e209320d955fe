import type { Socket } from 'node:net';
import { OversizedFrameError } from '@wallaroo/protocol';
import { isNamed } from '../../api/errors.js';
import type { SourceClient, SourceContext } from '../../api/source.js';
import { onOneLine } from '../log.js';

/** Cuts what one connection sends into payloads. */
export interface Splitter {
  push(chunk: Buffer): void;
  pause(): void;
  resume(): void;
  /** True when no whole payload is left to hand on. */
  readonly idle: boolean;
  /** Bytes of a payload that has begun and not ended. */
  readonly incomplete: number;
  /** The peer has sent all. */
  end?(): void;
}

/** How long a peer that is dismissed may take to end its side. */
const farewellMs = 1000;

/** One client of a TCP source. Bytes that are no messages close it, with one line, and touch nothing else. */
export class TcpConnection implements SourceClient {
  /** Settles when all whole messages that were read have been pushed and the socket is closed. */
  readonly done: Promise<void>;
  private resolveDone!: () => void;
  private closed = false;
  private ended = false;
  private stopping = false;
  private muted = true;
  private refused = false;
  private readonly peer: string;

  constructor(
    private readonly socket: Socket,
    private readonly splitter: Splitter,
    private readonly context: SourceContext<unknown>,
  ) {
    this.done = new Promise((resolve) => (this.resolveDone = resolve));
    this.peer = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? '?'}`;
    splitter.pause();
    socket.on('data', (chunk: Buffer) => this.guarded(() => splitter.push(chunk)));
    socket.on('end', () => {
      this.ended = true;
      this.guarded(() => undefined);
    });
    socket.on('close', () => {
      this.closed = true;
      this.settle();
    });
  }

  mute(): void {
    this.muted = true;
    this.splitter.pause();
    if (!this.refused) this.socket.pause();
  }

  unmute(): void {
    this.muted = false;
    this.guarded(() => this.splitter.resume());
    if (!this.muted && !this.stopping && !this.closed) this.socket.resume();
  }

  /** Reads nothing more and pushes what is left, now or when it is unmuted. */
  stop(): void {
    this.stopping = true;
    // What the stream holds was read from the system: 'data' events bring it to the splitter.
    while (this.socket.read() !== null);
    this.socket.pause();
    this.settle();
  }

  /** Hands on nothing more. What was sent goes out first, and the peer has a moment to read it. */
  dismiss(): void {
    const { socket } = this;
    if (this.refused) return;
    this.refused = true;
    if (this.closed) return this.resolveDone();
    // Closed with bytes unread, the connection would be reset, and what was sent lost.
    const timer = setTimeout(() => this.destroy(), farewellMs);
    socket.once('close', () => {
      clearTimeout(timer);
      this.resolveDone();
    });
    socket.resume();
    socket.end();
  }

  destroy(): void {
    this.socket.destroy();
    this.resolveDone();
  }

  private guarded(work: () => void): void {
    if (this.refused || (this.splitter.idle && this.closed)) return;
    try {
      work();
      if (this.ended && this.splitter.idle) this.finishStream();
    } catch (error) {
      this.refuse(error as Error);
      return;
    }
    this.settle();
  }

  private finishStream(): void {
    this.ended = false;
    this.splitter.end?.();
    const { incomplete } = this.splitter;
    if (incomplete > 0) {
      this.context.log('warning', `${this.source} ended within a message; ${incomplete} bytes dropped`);
    }
  }

  /** What it has sent is no message, or not to be processed: nothing more is taken. */
  refuse(error: Error): void {
    if (this.refused) return;
    this.refused = true;
    if (error instanceof OversizedFrameError) {
      this.context.log(
        'error',
        `SourceTCPHandler: Received unexpected expect of size: ${error.announced}, exceeds max: ${error.max}. ` +
          `Closed connection. (${this.source})`,
      );
    } else if (isNamed(error, 'DecodeError')) {
      this.context.log('error', `${onOneLine(error.message)}. Closed connection. (${this.source})`);
    } else {
      this.context.fail(error);
    }
    this.destroy();
  }

  private get source(): string {
    return `${this.context.name} source, connection from ${this.peer}`;
  }

  private settle(): void {
    if (!this.splitter.idle) return;
    if (this.stopping && !this.closed) this.socket.destroy();
    if (this.closed) this.resolveDone();
  }
}
