import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { Destination } from './destination.js';
import type { MessageSource } from './messages.js';
import type { Pace } from './pace.js';
import type { SentLog } from './sent-log.js';

/** Batches that are due together go out in one write, up to about this much. */
const flushBytes = 256 * 1024;

export interface Sending {
  readonly source: MessageSource;
  readonly destinations: readonly Destination[];
  readonly pace: Pace;
  readonly messagesMax: number;
  readonly log: SentLog | undefined;
  /** Ends the sending between two writes. */
  readonly signal: AbortSignal;
}

/**
 * Sends to the destinations in turn until the limit is reached, the source is empty or the signal comes.
 * All destinations share one schedule: when one of them takes no more, all wait.
 */
export class Sender {
  /** Messages handed to the connections. */
  sent = 0;
  private owed = 0;
  private exhausted = false;

  constructor(private readonly sending: Sending) {}

  /** @throws DeliveryError, TruncatedInputError; whole messages in front of the fault have been sent */
  async run(): Promise<void> {
    const { destinations, messagesMax, pace, signal } = this.sending;
    while (this.sent < messagesMax && !this.exhausted && !signal.aborted) {
      const waitMs = this.owed > 0 ? 0 : pace.wait(performance.now());
      if (waitMs > 0) {
        await delay(waitMs, undefined, { signal }).catch(() => undefined);
        continue;
      }
      try {
        this.encodeWhatIsDue();
      } finally {
        this.sending.log?.flush();
        await Promise.all(destinations.map((destination) => destination.flush()));
      }
      // A schedule that is behind never waits above: this lets the sockets and the signals have their turn.
      await nextTurn();
    }
  }

  private encodeWhatIsDue(): void {
    const { source, destinations, pace, messagesMax, log } = this.sending;
    const now = performance.now();
    const time = log === undefined ? '' : `${Date.now()}000000`;
    for (let bytes = 0; bytes < flushBytes && this.sent < messagesMax;) {
      if (this.owed === 0) this.owed = pace.take(now);
      if (this.owed === 0) return;
      const { writer } = destinations[this.sent % destinations.length]!;
      const start = writer.length;
      if (!source.append(writer)) {
        this.exhausted = true;
        return;
      }
      log?.add(time, writer.buffer, start + source.headerLength, writer.length);
      bytes += writer.length - start;
      this.owed--;
      this.sent++;
    }
  }
}
