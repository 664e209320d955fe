import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { Changes } from './changes.js';

const sockets = new Set<Socket>();

/** A connection on which frames with a u32 length go both ways, written and read as hex: no code of ours is between. */
export class RawClient {
  private received: Buffer = Buffer.alloc(0);
  private readonly changes = new Changes();
  readonly closed: Promise<void>;

  /** For `afterEach`. */
  static closeAll(): void {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  private constructor(private readonly socket: Socket) {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.changes.changed();
    });
    this.closed = new Promise((resolve) => socket.on('close', () => resolve()));
  }

  /** Sends a frame; blanks do not count. */
  send(hex: string): void {
    const body = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    this.socket.write(Buffer.concat([length, body]));
  }

  sendBytes(hex: string): void {
    this.socket.write(Buffer.from(hex, 'hex'));
  }

  /** The next frame, without its length. */
  async next(): Promise<Buffer> {
    const whole = () => this.received.length >= 4 && this.received.length >= 4 + this.received.readUInt32BE();
    await this.changes.until(whole, 'a frame', () => `there is '${this.received.toString('hex')}'`);
    const end = 4 + this.received.readUInt32BE();
    const frame = this.received.subarray(4, end);
    this.received = this.received.subarray(end);
    return frame;
  }

  /** The next frame with another tag. */
  async nextBut(tag: string): Promise<Buffer> {
    let frame = await this.next();
    while (frame.toString('hex', 0, 1) === tag) frame = await this.next();
    return frame;
  }

  /** The next frame that is no Ack must be this one. */
  async expect(hex: string): Promise<void> {
    const frame = await this.nextBut('06');
    expect(frame.toString('hex')).to.equal(hex.replaceAll(' ', ''));
  }

  async end(): Promise<void> {
    this.socket.end();
    await this.closed;
  }
}
