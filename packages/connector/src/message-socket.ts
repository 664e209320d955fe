import type { Socket } from 'node:net';
import {
  ByteWriter,
  connectorMessages,
  FrameSplitter,
  u32Frames,
  writeConnectorFrame,
  type ConnectorMessage,
} from '@wallaroo/protocol';

/** How long a peer may take to read the Error that ends its connection. */
const farewellMs = 1000;

/** What is sent in one turn of the event loop leaves in pieces of about this size. */
const pieceBytes = 64 * 1024;

/** A socket on which connector messages travel. */
export class MessageSocket {
  /** Frames of this turn: one write for many of them costs far less than one each. */
  private readonly gathered = new ByteWriter(1024);
  private scheduled = false;

  constructor(
    readonly socket: Socket,
    private readonly frameBytesMax: number,
  ) {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    // Every failure also ends `batches`, which is where it is dealt with.
    socket.on('error', () => undefined);
  }

  /** True when what was sent waits in this process; 'drain' of the socket tells when that is over. */
  get full(): boolean {
    return this.socket.writableNeedDrain;
  }

  /**
   * Sends a message; messages of one turn of the event loop leave together.
   * @throws InvalidMessageError when a value does not fit its field
   */
  send(message: ConnectorMessage): void {
    const { gathered } = this;
    const start = gathered.length;
    try {
      writeConnectorFrame(gathered, message);
    } catch (error) {
      gathered.length = start;
      throw error;
    }
    if (gathered.length >= pieceBytes) return this.flush();
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  /**
   * What the peer sends, a chunk of the socket at a time. Reads on only when the consumer asks for more.
   * @throws InvalidMessageError, OversizedFrameError after all messages before the fault; errors of the socket
   */
  async *batches(): AsyncGenerator<ConnectorMessage[], void> {
    let batch: ConnectorMessage[] = [];
    const splitter = new FrameSplitter(u32Frames(this.frameBytesMax), (bytes, start, end) => {
      batch.push(connectorMessages.decode(bytes, start, end));
    });
    const chunks = this.socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of chunks) {
      let fault: Error | undefined;
      try {
        splitter.push(chunk);
      } catch (error) {
        fault = error as Error;
      }
      if (batch.length > 0) {
        const ready = batch;
        batch = [];
        yield ready;
      }
      if (fault !== undefined) throw fault;
    }
  }

  /** Sends what was sent so far, then closes; at once when the peer does not read. */
  end(): void {
    const { socket } = this;
    if (socket.destroyed) return;
    this.flush();
    socket.setTimeout(farewellMs, () => socket.destroy());
    socket.destroySoon();
  }

  /** Tells the peer why, and closes. */
  fail(text: string): void {
    this.send({ type: 'error', text: text.slice(0, 1000) });
    this.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private flush(): void {
    const { gathered, socket } = this;
    if (gathered.length > 0 && socket.writable) socket.write(gathered.toBuffer());
    gathered.length = 0;
  }
}
