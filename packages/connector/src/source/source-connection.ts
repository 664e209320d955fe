import { connect } from 'node:net';
import {
  connectorSourceFrameBytesMax,
  connectorSourceVersion,
  formatAddress,
  type Address,
  type ConnectorMessage,
} from '@wallaroo/protocol';
import { ConnectionLostError, PeerFaultError, PeerRefusedError } from '../errors.js';
import { MessageSocket } from '../message-socket.js';

type MessageOf<Type> = Extract<ConnectorMessage, { type: Type }>;
export type NotifyAck = MessageOf<'notifyAck'>;
export type Ack = MessageOf<'ack'>;

/** Why a connection is over. */
export type Ending =
  /** The worker asks to connect again: to `HOST:PORT`, or to the same place when it is empty. */
  { readonly why: 'restart'; readonly address: string } | { readonly why: 'lost'; readonly error: Error };

export interface Introduction {
  readonly cookie: string;
  readonly program: string;
  readonly instance: string;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * One connection to a worker's connector source, from Hello to its end.
 *
 *     us: Hello     worker: Ok(credits)
 *     us: Notify    worker: NotifyAck
 *     us: Message   worker: Ack(credits, positions)
 *
 * Every frame behind Hello costs a credit, Eos too: a worker counts all of them.
 */
export class SourceConnection {
  readonly ended: Promise<Ending>;
  /** Set once, when the connection is over. */
  private over: Ending | undefined;
  private settle!: (ending: Ending) => void;
  private readonly aborting = new AbortController();
  /** Those who wait for a credit. */
  private readonly credited: Waiter[] = [];
  private readonly notified = new Map<
    bigint,
    { resolve: (ack: NotifyAck) => void; reject: (e: Error) => void }
  >();
  private accepted: Waiter | undefined;

  private constructor(
    private readonly peer: MessageSocket,
    private credits: number,
    private readonly onAck: (ack: Ack) => void,
  ) {
    this.ended = new Promise((resolve) => (this.settle = resolve));
    peer.socket.on('drain', () => this.grant());
    void this.read();
  }

  /**
   * Connects and introduces itself. Resolves with the worker's Ok. The signal ends the connection, also later.
   * @throws ConnectionLostError, PeerRefusedError, PeerFaultError
   */
  static async open(
    address: Address,
    { cookie, program, instance }: Introduction,
    timeoutMs: number,
    signal: AbortSignal,
    onAck: (ack: Ack) => void,
  ): Promise<SourceConnection> {
    const socket = connect(address.port, address.host || 'localhost');
    const connection = new SourceConnection(
      new MessageSocket(socket, connectorSourceFrameBytesMax),
      0,
      onAck,
    );
    const accepted = new Promise<void>((resolve, reject) => (connection.accepted = { resolve, reject }));
    const late = () =>
      connection.end(new ConnectionLostError(`${formatAddress(address)} did not answer in ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    signal.addEventListener('abort', () => connection.end(), { signal: connection.signal });
    socket.once('error', (cause) =>
      connection.finish({
        why: 'lost',
        error: new ConnectionLostError(`no connection: ${cause.message}`, { cause }),
      }),
    );
    connection.peer.send({ type: 'hello', version: connectorSourceVersion, cookie, program, instance });
    try {
      await accepted;
    } finally {
      clearTimeout(timer);
    }
    return connection;
  }

  /** Aborted when the connection is over. */
  get signal(): AbortSignal {
    return this.aborting.signal;
  }

  /** @throws ConnectionLostError, PeerRefusedError, PeerFaultError when the connection is over */
  throwIfOver(): void {
    if (this.over !== undefined) throw errorOf(this.over);
  }

  /** Sends a message as soon as there is a credit for it; messages of one caller keep their order. */
  async send(message: MessageOf<'message' | 'eos' | 'notify'>): Promise<void> {
    if (this.over === undefined && this.credits > 0 && this.credited.length === 0 && !this.peer.full) {
      this.credits--;
    } else {
      this.throwIfOver();
      await new Promise<void>((resolve, reject) => this.credited.push({ resolve, reject }));
    }
    this.peer.send(message);
  }

  /** @throws ConnectionLostError when the connection ends before the answer */
  async notify(message: MessageOf<'notify'>): Promise<NotifyAck> {
    const answer = new Promise<NotifyAck>((resolve, reject) =>
      this.notified.set(message.stream, { resolve, reject }),
    );
    answer.catch(() => undefined);
    await this.send(message);
    return answer;
  }

  /** Lets what was sent go out, then closes. */
  end(error: Error = new ConnectionLostError('this side has closed the connection')): void {
    this.peer.end();
    this.finish({ why: 'lost', error });
  }

  private async read(): Promise<void> {
    try {
      for await (const batch of this.peer.batches()) {
        for (const message of batch) {
          if (this.over === undefined) this.receive(message);
        }
      }
      this.finish({ why: 'lost', error: new ConnectionLostError('the worker has closed the connection') });
    } catch (cause) {
      const { message } = cause as Error;
      this.peer.fail(message);
      this.finish({
        why: 'lost',
        error: new ConnectionLostError(`the connection failed: ${message}`, { cause }),
      });
    }
    this.peer.end();
  }

  private receive(message: ConnectorMessage): void {
    switch (message.type) {
      case 'ok': {
        if (this.accepted === undefined) return this.fault(message);
        this.credits = message.credits;
        this.accepted.resolve();
        this.accepted = undefined;
        return this.grant();
      }
      case 'notifyAck': {
        const waiting = this.notified.get(message.stream);
        if (waiting === undefined) return this.fault(message);
        this.notified.delete(message.stream);
        return waiting.resolve(message);
      }
      case 'ack': {
        if (this.accepted !== undefined) return this.fault(message);
        this.credits += message.credits;
        this.onAck(message);
        return this.grant();
      }
      case 'restart':
        this.peer.end();
        return this.finish({ why: 'restart', address: message.address });
      case 'error':
        return this.end(new PeerRefusedError(message.text));
      default:
        return this.fault(message);
    }
  }

  private fault({ type }: ConnectorMessage): void {
    this.peer.fail(`Invalid message: ${type}`);
    this.finish({ why: 'lost', error: new PeerFaultError(`the worker sent ${type} where none may come`) });
  }

  private grant(): void {
    while (this.credits > 0 && this.credited.length > 0 && !this.peer.full) {
      this.credits--;
      this.credited.shift()!.resolve();
    }
  }

  private finish(ending: Ending): void {
    if (this.over !== undefined) return;
    this.over = ending;
    const error = errorOf(ending);
    this.accepted?.reject(error);
    for (const { reject } of [...this.credited.splice(0), ...this.notified.values()]) reject(error);
    this.notified.clear();
    this.aborting.abort();
    this.settle(ending);
  }
}

function errorOf(ending: Ending): Error {
  return ending.why === 'lost'
    ? ending.error
    : new ConnectionLostError('the worker asks for a new connection');
}
