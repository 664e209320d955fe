import { eachFrame, firstNumberedKind, type FrameHead } from '../world/frames.js';
import type { Socket } from '../world/socket.js';
import type { Report } from './finding.js';

interface Spoken {
  readonly stamp: string;
  number: number;
}

/**
 * What goes over the wire: on one connection, numbered frames bear one pair of incarnations and one epoch, and
 * follow each other without gap or repeat. What is sent anew on another connection begins where the receiver
 * was, so nothing is left out between two connections either.
 */
export class WireChecker {
  private readonly onConnection = new Map<Socket, Spoken>();
  /** The greatest number sent so far, by link and incarnations. */
  private readonly onLink = new Map<string, number>();

  constructor(private readonly report: Report) {}

  /** A tap of the network. */
  readonly see = (from: Socket, bytes: Buffer, whole: boolean): void => {
    const framed = eachFrame(bytes, (head) => {
      if (head.kind >= firstNumberedKind) this.numbered(from, head);
    });
    if (whole && !framed) this.fail(from, 'was given bytes that are not whole frames');
  };

  private numbered(from: Socket, { epoch, from: sender, to, number }: FrameHead): void {
    const stamp = `epoch ${epoch}, incarnations ${sender} and ${to}`;
    const before = this.onConnection.get(from);
    if (before === undefined) {
      this.onConnection.set(from, { stamp, number });
    } else {
      if (before.stamp !== stamp) this.fail(from, `changed from ${before.stamp} to ${stamp}`);
      if (number !== before.number + 1) this.fail(from, `has frame ${number} behind frame ${before.number}`);
      before.number = number;
    }
    // Numbers go on over epochs, as long as both ends live.
    const link = `${from.process.life} ${from.peer!.process.life} ${from.channel} ${sender} ${to}`;
    const greatest = this.onLink.get(link) ?? 0;
    if (number > greatest + 1) this.fail(from, `has frame ${number} where ${greatest + 1} was never sent`);
    if (number > greatest) this.onLink.set(link, number);
  }

  private fail({ process, peer, channel }: Socket, text: string): void {
    this.report({
      checker: 'wire',
      text: `the ${channel} link from ${process.name} to ${peer!.process.name} ${text}`,
    });
  }
}
