import type { LineLog } from '../ports.js';
import type { Peer } from './peer.js';

/** A member that is not heard for a moment is not told of: connections break and come back. */
const graceNs = 1e9;

/** Which members are there. One is when it can be spoken to and speaks: both directions must be alive. */
export class Attendance {
  constructor(
    private readonly silenceNs: number,
    private readonly log: LineLog,
  ) {}

  present(peer: Peer, now: number): boolean {
    const { boundary, receiver } = peer.control;
    return (
      boundary.open &&
      now - boundary.heardAt < this.silenceNs &&
      receiver.connection !== undefined &&
      now - receiver.heardAt < this.silenceNs
    );
  }

  /** Marks members that are away, and those that are back. */
  watch(members: readonly Peer[], now: number, stopping: boolean): void {
    for (const peer of members) {
      if (this.present(peer, now)) {
        if (peer.away) this.log.line(`${peer.name} is back.`);
        peer.away = false;
        peer.awaySince = undefined;
        continue;
      }
      peer.awaySince ??= now;
      if (peer.away || now - peer.awaySince < graceNs) continue;
      peer.away = true;
      const effect = stopping ? 'The shutdown waits for it' : 'Processing is paused until it is back';
      const text = `${peer.name} is unreachable. ${effect}; start it again with the same command.`;
      this.log.write('warning', 'Membership', text);
    }
  }

  /** Not there for longer than a broken connection takes to come back. */
  gone(peer: Peer, now: number): boolean {
    return peer.awaySince !== undefined && now - peer.awaySince > graceNs + this.silenceNs;
  }
}
