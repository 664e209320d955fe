import type { Dice } from '../random/dice.js';
import type { Channel, ConnectionId, CoreMember } from './core.js';
import type { Destination } from './path.js';
import type { Trace } from './trace.js';
import { crc32 } from '@wallaroo/protocol';

/** What the network knows of a process. */
export interface NetworkProcess {
  readonly life: number;
  readonly name: string;
  readonly host: number;
  readonly alive: boolean;
  readonly sockets: Map<ConnectionId, Socket>;
  /** Lets the process do something as soon as it gets to it; never, if it dies before. */
  post(act: (core: CoreMember) => void): void;
}

/** How bytes that came are cut into the pieces that a process reads. */
export type Segmentation = 'whole' | 'random' | 'crumbs';

/**
 * One end of a connection. What arrives waits here until the process reads it: a process that is slow reads
 * more at once, and never sees in another order what came in one.
 */
export class Socket implements Destination {
  peer: Socket | undefined;
  lastArrival = 0;
  readonly coming: (() => void)[] = [];
  /** Bytes sent to this end that have not arrived. */
  underWayBytes = 0;
  /** How many of the bytes under way will arrive: a connection that breaks loses an end of what is in it. */
  arriving = Infinity;
  /** Whatever is sent to this end vanishes, and nobody is told. */
  lost = false;
  /** The process has closed it, was told of its end, or is dead. */
  gone = false;
  private opened: ((core: CoreMember) => void) | undefined;
  private ending: string | undefined;
  private inbox: Buffer[] = [];
  private reading = false;

  constructor(
    readonly process: NetworkProcess,
    readonly id: ConnectionId,
    readonly channel: Channel,
    private readonly segmentation: Segmentation,
    private readonly dice: Dice,
    private readonly trace: Trace,
    /** Looks at what the process is about to read. */
    private readonly reads: (to: Socket, bytes: Buffer) => void,
  ) {
    process.sockets.set(id, this);
  }

  get open(): boolean {
    return !this.gone && this.peer !== undefined;
  }

  /** The connection stands. @param tell how the process is told */
  establish(peer: Socket, tell: (core: CoreMember) => void): void {
    this.peer = peer;
    this.opened = tell;
    this.read();
  }

  arrive(bytes: Buffer): void {
    this.inbox.push(bytes);
    this.read();
  }

  /** The end of the connection has come here. @param abruptly what was not read yet is lost */
  end(why: string, abruptly: boolean): void {
    if (this.ending !== undefined || this.gone) return;
    if (abruptly) this.inbox = [];
    this.ending = why;
    this.read();
  }

  private read(): void {
    if (this.reading || this.gone) return;
    this.reading = true;
    this.process.post((core) => {
      this.reading = false;
      if (this.gone) return;
      this.tell(core);
      if (this.inbox.length > 0 || this.ending !== undefined) this.read();
    });
  }

  private tell(core: CoreMember): void {
    const { id, process, trace } = this;
    if (this.opened !== undefined) {
      const tell = this.opened;
      this.opened = undefined;
      trace.add('opened', process.name, id);
      tell(core);
    } else if (this.inbox.length > 0) {
      const bytes = this.take();
      trace.add('received', process.name, id, bytes.length, crc32(bytes));
      this.reads(this, bytes);
      core.received(id, bytes);
    } else if (this.ending !== undefined) {
      this.gone = true;
      process.sockets.delete(id);
      trace.addText('closed', process.name, `${id} ${this.ending}`);
      core.closed(id, this.ending);
    }
  }

  private take(): Buffer {
    const all = this.inbox.length === 1 ? this.inbox[0]! : Buffer.concat(this.inbox);
    const count = this.pieceOf(all.length);
    this.inbox = count < all.length ? [all.subarray(count)] : [];
    // A buffer of its own: a core that keeps it keeps what it was given.
    return Buffer.from(all.subarray(0, count));
  }

  private pieceOf(length: number): number {
    switch (this.segmentation) {
      case 'whole':
        return length;
      case 'random':
        return this.dice.chance(0.5) ? length : this.dice.between(1, length);
      case 'crumbs':
        return this.dice.chance(0.3)
          ? Math.min(length, this.dice.between(1, 12))
          : this.dice.between(1, length);
    }
  }
}
