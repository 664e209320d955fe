import type { DecodeError } from '../../api/errors.js';
import type { Log } from '../ports.js';

/** An exception in a function of the application. Its text names the place; `cause` is what was thrown. */
export class UserCodeError extends Error {
  override readonly name = 'UserCodeError';
  constructor(where: string, message: unknown, options: { cause: unknown }) {
    super(`${where} failed on ${shortened(message)}: ${errorText(options.cause)}`, options);
  }
}

/** What happens to a message on which a function of the application failed. */
export class FailurePolicy {
  /** Messages dropped because a function threw. */
  skipped = 0;
  private logged = 0;
  private loggedAt = -Infinity;

  constructor(
    private readonly onError: 'stop' | 'skip',
    private readonly log: Log,
    private readonly now: () => number,
  ) {}

  /**
   * Returns when the message is to be skipped.
   * @param where pipeline, stage and key, in words
   * @throws UserCodeError when the worker is to stop
   */
  failed(where: string, message: unknown, cause: unknown): void {
    this.settle(new UserCodeError(where, message, { cause }));
  }

  /**
   * A decoder refused the bytes of a peer. Returns when they are to be skipped.
   * @throws `error` when the connection that they came from is to be closed
   */
  refused(error: DecodeError): void {
    this.settle(error);
  }

  private settle(error: Error): void {
    if (this.onError === 'stop') throw error;
    this.skipped++;
    const now = this.now();
    if (now - this.loggedAt < skipLogIntervalNs) return;
    const unlogged = this.skipped - this.logged - 1;
    const others = unlogged === 0 ? '' : ` (and ${unlogged} more since the last such line)`;
    this.log.write('error', 'Application', `Skipped a message${others}: ${error.message}`);
    this.loggedAt = now;
    this.logged = this.skipped;
  }
}

/** At most one line about skipped messages in this time. */
const skipLogIntervalNs = 1e9;

const messageCharactersMax = 200;

/** A message in one line for people. */
export function shortened(message: unknown): string {
  const text = messageText(message);
  return text.length <= messageCharactersMax ? text : `${text.slice(0, messageCharactersMax)}...`;
}

function messageText(message: unknown): string {
  if (message instanceof Uint8Array) {
    return `${message.length} bytes ${Buffer.from(message.subarray(0, 64)).toString('hex')}`;
  }
  try {
    const json = JSON.stringify(message, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
    return json ?? String(message);
  } catch {
    return Object.prototype.toString.call(message);
  }
}

function errorText(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : `threw ${shortened(thrown)}`;
}
