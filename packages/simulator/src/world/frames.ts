/**
 * The head of the frames that workers exchange, read here by itself: a checker that used the core's own
 * reading would share its mistakes.
 *
 *     u32 length of what follows, u32 checksum, u8 kind, u32 epoch, u32 sender's incarnation,
 *     u32 receiver's incarnation, u32 route version, u53 number
 */
export interface FrameHead {
  readonly kind: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  readonly route: number;
  readonly number: number;
  /** The whole frame. */
  readonly bytes: number;
}

/** Kinds from here on are numbered and sent again until they are acknowledged. */
export const firstNumberedKind = 16;
/** The state of slots on their way. */
export const stateKind = 19;

const headBytes = 33;

/** Calls `onFrame` for each frame in `bytes`. False when they are not whole frames. */
export function eachFrame(bytes: Buffer, onFrame: (head: FrameHead) => void): boolean {
  let at = 0;
  while (at + headBytes <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return false;
    onFrame(headAt(bytes, at));
    at = end;
  }
  return at === bytes.length;
}

/** Frames of one connection, out of the pieces in which they are read. */
export class FrameReader {
  private rest: Buffer = Buffer.alloc(0);

  /** Calls `onFrame` for each frame that is whole now. */
  push(bytes: Buffer, onFrame: (head: FrameHead) => void): void {
    const all = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    let at = 0;
    while (at + headBytes <= all.length && at + 4 + all.readUInt32BE(at) <= all.length) {
      onFrame(headAt(all, at));
      at += 4 + all.readUInt32BE(at);
    }
    this.rest = all.subarray(at);
  }
}

function headAt(bytes: Buffer, at: number): FrameHead {
  return {
    kind: bytes[at + 8]!,
    epoch: bytes.readUInt32BE(at + 9),
    from: bytes.readUInt32BE(at + 13),
    to: bytes.readUInt32BE(at + 17),
    route: bytes.readUInt32BE(at + 21),
    number: bytes.readUInt32BE(at + 25) * 0x1_0000_0000 + bytes.readUInt32BE(at + 29),
    bytes: 4 + bytes.readUInt32BE(at),
  };
}
