import { firstNumberedKind, FrameReader, type FrameHead } from '../world/frames.js';
import type { Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import type { Socket } from '../world/socket.js';
import type { Report } from './finding.js';

/**
 * A frame on a data connection is taken only if its epoch and its incarnations are current: a worker that has gone
 * on since closes the connection on which such a frame has come.
 */
export class FencingChecker implements Partial<Watch> {
  private readonly readers = new Map<Socket, FrameReader>();
  /** What the process that is called now is told of, though it should have been told earlier. */
  private stale: { readonly to: Socket; readonly text: string } | undefined;

  constructor(
    private readonly processOf: (life: number) => Process,
    private readonly report: Report,
  ) {}

  /** A reader of the network. */
  readonly read = (to: Socket, bytes: Buffer): void => {
    // Of those that the other end has dialled; frames on control connections belong to no epoch.
    if (to.channel !== 'data' || to.id > 0) return;
    let reader = this.readers.get(to);
    if (reader === undefined) this.readers.set(to, (reader = new FrameReader()));
    reader.push(bytes, (head) => {
      if (head.kind >= firstNumberedKind) this.comes(to, head);
    });
  };

  called(): void {
    const { stale } = this;
    this.stale = undefined;
    if (stale?.to.open) this.report({ checker: 'fencing', text: stale.text });
  }

  ended(): void {
    this.stale = undefined;
  }

  private comes(to: Socket, { epoch, from, to: incarnation, number }: FrameHead): void {
    const { status } = this.processOf(to.process.life).core;
    if (epoch === status.epoch && incarnation === status.incarnation) return;
    const text =
      `${to.process.name}, in epoch ${status.epoch} and incarnation ${status.incarnation}, took frame ${number} of ` +
      `epoch ${epoch} from incarnation ${from} of ${to.peer!.process.name} to its incarnation ${incarnation}`;
    this.stale = { to, text };
  }
}
