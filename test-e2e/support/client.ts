import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A u32 length (or one of `headerLength` bytes, in either order) and the payload. */
export function frame(
  payload: string | Uint8Array,
  { headerLength = 4, littleEndian = false }: { headerLength?: number; littleEndian?: boolean } = {},
): Buffer {
  const body = Buffer.from(payload as Uint8Array);
  const header = Buffer.alloc(headerLength);
  for (let i = 0, rest = body.length; i < headerLength; i++, rest = Math.floor(rest / 256)) {
    header[littleEndian ? i : headerLength - 1 - i] = rest % 256;
  }
  return Buffer.concat([header, body]);
}

export function frames(payloads: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(payloads.map((payload) => frame(payload)));
}

/** The payloads of whole u32 frames, and how many bytes of an incomplete one are behind them. */
export function unframe(bytes: Buffer): { payloads: Buffer[]; rest: number } {
  const payloads: Buffer[] = [];
  let at = 0;
  while (at + 4 <= bytes.length && at + 4 + bytes.readUInt32BE(at) <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    payloads.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return { payloads, rest: bytes.length - at };
}

/** One connection to a port of a worker. */
export class Client {
  /** Settles when the connection is closed, by whomever. */
  readonly closed: Promise<void>;
  readonly chunks: Buffer[] = [];

  static async connect(port: number): Promise<Client> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    return new Client(socket);
  }

  private constructor(readonly socket: Socket) {
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.chunks.push(chunk));
    // Half-open is for the tests; a peer that ends has ended.
    socket.on('end', () => socket.end());
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Resolves when the system has taken the bytes, or the connection is gone. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    await new Promise<void>((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** As {@link write}, in pieces: `socket.bytesWritten` tells how far it is. */
  async writeSlowly(bytes: Buffer, pieceBytes = 65_536): Promise<void> {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await this.write(bytes.subarray(at, at + pieceBytes));
    }
  }

  /** Writes `bytes` in two pieces that the peer reads one after the other, as far as one can make it. */
  async writeCut(bytes: Buffer, at: number): Promise<void> {
    await this.write(bytes.subarray(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    await this.write(bytes.subarray(at));
  }

  /** Sends the end and waits until the peer has ended too. */
  async end(): Promise<void> {
    this.socket.end();
    await this.closed;
  }

  /** Ends with a TCP reset. */
  async reset(): Promise<void> {
    this.socket.resetAndDestroy();
    await this.closed;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Sends bytes on a connection of their own. */
export async function sendAll(port: number, bytes: Uint8Array): Promise<void> {
  const client = await Client.connect(port);
  await client.write(bytes);
  await client.end();
}

/** A port on which somebody listens until `close`. */
export async function takenPort(): Promise<{ port: number; close: () => void }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** A port on which nobody listens, for now. */
export async function freePort(): Promise<number> {
  const { port, close } = await takenPort();
  close();
  return port;
}
