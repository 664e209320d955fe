import { FrameSplitter, type FrameFormat } from '@wallaroo/protocol';
import type { ConnectionId } from '../ports.js';
import { frameBytesMax, greetingBytesMax, readFrame, type Frame } from './frame.js';
import type { Hello } from './greeting.js';

export type ChannelName = 'control' | 'data';

/** A connection that a peer has dialled. Until it has greeted, it may send little, and must hurry. */
export class Inbound {
  /** The name of the peer, once it has greeted and was welcomed. */
  peer: string | undefined;
  /** A greeting that cannot be answered yet: the peer is ahead of us. */
  waiting: Hello | undefined;
  /** When it came, for those that are not let wait for ever. */
  waitsSince = 0;
  private readonly splitter: FrameSplitter;

  constructor(
    readonly connection: ConnectionId,
    readonly channel: ChannelName,
    readonly remoteHost: string,
    readonly acceptedAt: number,
    onFrame: (frame: Frame) => void,
  ) {
    this.splitter = new FrameSplitter(
      frameFormat(() => (this.peer === undefined ? greetingBytesMax : frameBytesMax)),
      (bytes, start, end) => onFrame(readFrame(bytes, start, end)),
    );
  }

  /** @throws OversizedFrameError, InvalidFrameError, and what the receiver of the frame throws */
  push(bytes: Buffer): void {
    this.splitter.push(bytes);
  }
}

/** u32 length; the limit is asked for at each frame. */
export function frameFormat(bytesMax: () => number): FrameFormat {
  return {
    headerLength: 4,
    payloadLength: (bytes, at) => bytes.readUInt32BE(at),
    get payloadBytesMax() {
      return bytesMax();
    },
  };
}
