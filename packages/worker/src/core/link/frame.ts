import { crc32, type ByteWriter } from '@wallaroo/protocol';

/**
 * What travels between two workers, on control and on data connections alike:
 *
 *     u32 length       of all that follows it
 *     u32 checksum     CRC-32 of all that follows it
 *     u8  kind
 *     u32 epoch, u32 incarnation of the sender, u32 incarnation of the receiver, u32 route version
 *                      (of an acknowledgement: 1 when its sender is full, else 0)
 *     u53 number       1, 2, 3 ... on one link; for an acknowledgement the last number processed; else 0
 *     payload
 */
export const frameHeaderBytes = 33;
/** Bytes in front of what `length` counts. */
const lengthBytes = 4;
const checksumEnd = 8;

export const frameKind = {
  hello: 1,
  welcome: 2,
  refusal: 3,
  ping: 4,
  pong: 5,
  acknowledgement: 6,
  /** Kinds from here on are numbered, kept until they are acknowledged, and sent again after a reconnect. */
  control: 16,
  batch: 17,
  /** All that the sender had for slots on their way, and meant for the member that gives them up, is ahead of this. */
  barrier: 18,
  /** State of slots on their way. */
  state: 19,
  /** That was all of it. */
  stateEnd: 20,
  /** u64 the checkpoint that the sender has been cut for, u64 the newest that counts: what is ahead of this belongs to
   *  what came before. */
  checkpoint: 21,
} as const;

export type FrameKind = (typeof frameKind)[keyof typeof frameKind];
export const firstNumberedKind = 16;

/** Before a peer has said who it is, it may send no longer frames than this. */
export const greetingBytesMax = 64 * 1024;
/** The longest frame between workers that know each other. */
export const frameBytesMax = 64 * 1024 * 1024;

export interface FrameStamp {
  readonly epoch: number;
  /** The incarnation of the sender. */
  readonly from: number;
  /** The incarnation of the receiver; 0 before it is known. */
  readonly to: number;
  readonly route: number;
  readonly number: number;
}

export interface Frame extends FrameStamp {
  readonly kind: number;
  /** The payload is `bytes` from `start` to `end`, valid during the call only. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Bytes that are no frame: the connection they came on is closed. */
export class InvalidFrameError extends Error {
  override readonly name = 'InvalidFrameError';
}

/** Leaves room for the header at the start of an empty writer. */
export function beginFrame(out: ByteWriter): void {
  out.reserve(frameHeaderBytes);
  out.length = frameHeaderBytes;
}

/** A frame with a payload of its own. */
export function makeFrame(kind: FrameKind, payload: Uint8Array = nothing): Buffer {
  const frame = Buffer.allocUnsafeSlow(frameHeaderBytes + payload.length);
  frame[checksumEnd] = kind;
  frame.set(payload, frameHeaderBytes);
  return frame;
}

/** Completes the header of a frame whose kind and payload stand. */
export function sealFrame(frame: Buffer, stamp: FrameStamp): Buffer {
  const high = Math.floor(stamp.number / 0x1_0000_0000);
  frame.writeUInt32BE(frame.length - lengthBytes, 0);
  frame.writeUInt32BE(stamp.epoch, 9);
  frame.writeUInt32BE(stamp.from, 13);
  frame.writeUInt32BE(stamp.to, 17);
  frame.writeUInt32BE(stamp.route, 21);
  frame.writeUInt32BE(high, 25);
  frame.writeUInt32BE(stamp.number - high * 0x1_0000_0000, 29);
  frame.writeUInt32BE(crc32(frame, checksumEnd), lengthBytes);
  return frame;
}

export function setKind(frame: Buffer, kind: FrameKind): void {
  frame[checksumEnd] = kind;
}

/** @param start behind the length, as a `FrameSplitter` hands it on. @throws InvalidFrameError */
export function readFrame(bytes: Buffer, start: number, end: number): Frame {
  if (end - start < frameHeaderBytes - lengthBytes)
    throw new InvalidFrameError('a frame without a whole header');
  if (bytes.readUInt32BE(start) !== crc32(bytes, start + 4, end)) {
    throw new InvalidFrameError('the checksum of a frame does not fit its bytes');
  }
  return {
    kind: bytes[start + 4]!,
    epoch: bytes.readUInt32BE(start + 5),
    from: bytes.readUInt32BE(start + 9),
    to: bytes.readUInt32BE(start + 13),
    route: bytes.readUInt32BE(start + 17),
    number: bytes.readUInt32BE(start + 21) * 0x1_0000_0000 + bytes.readUInt32BE(start + 25),
    bytes,
    start: start + frameHeaderBytes - lengthBytes,
    end,
  };
}

const nothing = Buffer.alloc(0);
