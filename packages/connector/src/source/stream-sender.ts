import { setTimeout as delay } from 'node:timers/promises';
import {
  connectorMessageOverhead,
  connectorSourceFrameBytesMax,
  nothingSeen,
  streamIdOf,
} from '@wallaroo/protocol';
import { RecordOrderError, RecordTooLongError } from '../errors.js';
import { RecordReader } from './record-reader.js';
import type { ReplayableStream, StreamRecord } from './replayable-stream.js';
import type { SourceConnection } from './source-connection.js';

export interface SenderEvents {
  opened(stream: string, after: bigint | undefined): void;
  refused(stream: string): void;
}

const noKey = Buffer.alloc(0);

/**
 * Brings one stream to the workers, over as many connections as that takes:
 *
 *     1. Notify, again and again while another worker holds the stream
 *     2. the records behind the position that the worker answered
 *     3. Eos, when the records are at their end or the caller wants no more
 *     4. wait until the last record is acknowledged
 */
export class StreamSender {
  readonly id: bigint;
  /** Last record that the workers will not ask for again. */
  acked: bigint | undefined;
  /** Last record that was ever sent; a replay after `close` goes up to here. */
  private sent: bigint | undefined;
  /** Where the stream ends; undefined as long as that is not known. */
  private ending: { readonly last: bigint | undefined } | undefined;
  private closing = false;
  private reader: RecordReader | undefined;
  /** Last record on this connection. */
  private last: bigint | undefined;
  private eosSent = false;
  private wake: (() => void) | undefined;
  private finished = false;

  constructor(
    private readonly stream: ReplayableStream,
    private readonly events: SenderEvents,
    private readonly refusedRetryMs: number,
  ) {
    this.id = stream.id ?? streamIdOf(stream.name);
  }

  get name(): string {
    return this.stream.name;
  }

  /**
   * Resolves when the whole stream is acknowledged.
   * @throws the connection's error when that ends first; RecordOrderError, RecordTooLongError; errors of the replay
   */
  async run(connection: SourceConnection): Promise<void> {
    const interrupt = () => this.interrupt();
    connection.signal.addEventListener('abort', interrupt);
    try {
      this.eosSent = false;
      if (this.nothingLeft() || !(await this.open(connection))) return;
      await this.sendRecords(connection);
      this.eosSent = true;
      await connection.send({ type: 'eos', stream: this.id });
      while (!this.finished) {
        connection.throwIfOver();
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      connection.signal.removeEventListener('abort', interrupt);
    }
  }

  /** To be told of each position of this stream that a worker acknowledges. */
  acknowledge(pointOfReference: bigint): void {
    const position = pointOfReference === nothingSeen ? 0n : pointOfReference;
    if (position > 0n) this.acked = position;
    if (this.eosSent && position >= (this.last ?? 0n)) this.finished = true;
    this.wake?.();
  }

  /** No records beyond those that were sent: end the stream there. */
  close(): void {
    this.closing = true;
    if (this.caughtUp()) this.reader?.stop();
  }

  /** False when there is no reason any more to open the stream. */
  private async open(connection: SourceConnection): Promise<boolean> {
    for (;;) {
      const pointOfReference = this.acked ?? 0n;
      const ack = await connection.notify({
        type: 'notify',
        stream: this.id,
        name: this.name,
        pointOfReference,
      });
      if (ack.success) {
        this.last = ack.pointOfReference === nothingSeen ? undefined : ack.pointOfReference;
        this.events.opened(this.name, this.last);
        return true;
      }
      this.events.refused(this.name);
      await delay(this.refusedRetryMs, undefined, { signal: connection.signal }).catch(() => undefined);
      connection.throwIfOver();
      if (this.nothingLeft()) return false;
    }
  }

  private async sendRecords(connection: SourceConnection): Promise<void> {
    const reader = new RecordReader(this.stream, this.last);
    this.reader = reader;
    try {
      while (!(this.closing && this.caughtUp())) {
        const record = await reader.next();
        if (reader.stopped) break;
        if (record === undefined) {
          this.ending = { last: this.last };
          break;
        }
        await this.sendRecord(connection, record);
      }
    } finally {
      reader.stop();
      this.reader = undefined;
    }
    connection.throwIfOver();
  }

  private async sendRecord(connection: SourceConnection, record: StreamRecord): Promise<void> {
    const { id, bytes, eventTime = 0n, key = noKey } = record;
    if (id >= nothingSeen || (this.last !== undefined && id <= this.last)) {
      throw new RecordOrderError(this.name, id, this.last ?? 0n);
    }
    const recordBytesMax = connectorSourceFrameBytesMax - connectorMessageOverhead;
    if (bytes.length + key.length > recordBytesMax) {
      throw new RecordTooLongError(bytes.length + key.length, recordBytesMax);
    }
    await connection.send({
      type: 'message',
      stream: this.id,
      id,
      eventTime,
      key: bufferOf(key),
      bytes: bufferOf(bytes),
    });
    this.last = id;
    if (this.sent === undefined || id > this.sent) this.sent = id;
  }

  private interrupt(): void {
    this.reader?.stop();
    this.wake?.();
  }

  private caughtUp(): boolean {
    return this.sent === undefined || (this.last !== undefined && this.last >= this.sent);
  }

  /** All that this stream will ever bring is acknowledged, though perhaps on a connection that is lost. */
  private nothingLeft(): boolean {
    if (this.finished) return true;
    if (this.ending?.last !== undefined) return (this.acked ?? 0n) >= this.ending.last;
    return this.closing && (this.sent === undefined || (this.acked ?? 0n) >= this.sent);
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
