import type { Channel } from './core.js';
import { eachFrame, firstNumberedKind } from './frames.js';
import type { Socket } from './socket.js';

/** What one worker has sent to the others. */
export interface Traffic {
  /** Frames with content; heartbeats, greetings and acknowledgements are counted by bytes only. */
  frames: number;
  bytes: number;
}

/** Counts what each worker sends, apart for control and data connections. */
export class TrafficCounter {
  readonly byHost: Record<Channel, Traffic>[] = [];

  constructor(hosts: number) {
    for (let host = 0; host < hosts; host++) {
      this.byHost.push({ control: { frames: 0, bytes: 0 }, data: { frames: 0, bytes: 0 } });
    }
  }

  /** A tap of the network. */
  readonly see = ({ process, channel }: Socket, bytes: Buffer): void => {
    const traffic = this.byHost[process.host]![channel];
    traffic.bytes += bytes.length;
    eachFrame(bytes, ({ kind }) => {
      if (kind >= firstNumberedKind) traffic.frames++;
    });
  };

  total(channel: Channel): Traffic {
    const sum = { frames: 0, bytes: 0 };
    for (const host of this.byHost) {
      sum.frames += host[channel].frames;
      sum.bytes += host[channel].bytes;
    }
    return sum;
  }
}
