import type { ConnectionId, Network } from '../ports.js';
import { frameKind, InvalidFrameError, makeFrame, sealFrame, type Frame } from './frame.js';

/**
 * The receiving end of a link: drops what has come before, hands on what follows in order, and says what has
 * been processed. It outlives connections; a session is one pair of incarnations in one epoch.
 *
 * Frames that cannot be processed at once are kept, in order; the sender's window bounds how many.
 */
export interface ReceiverSession {
  readonly epoch: number;
  /** The incarnation of the sender. */
  readonly from: number;
  readonly to: number;
}

/** A frame that waits: its bytes are its own. */
export interface HeldFrame {
  readonly kind: number;
  readonly route: number;
  readonly bytes: Buffer;
}

/** What a receiver does not look at, when that is planted. */
export interface ReceiverFaults {
  readonly keepsRepeated: boolean;
  readonly acknowledgesAtOnce: boolean;
  readonly anyIncarnation: boolean;
  readonly olderEpochs: boolean;
}

export const noReceiverFaults: ReceiverFaults = {
  keepsRepeated: false,
  acknowledgesAtOnce: false,
  anyIncarnation: false,
  olderEpochs: false,
};

export class Receiver {
  connection: ConnectionId | undefined;
  heardAt = 0;
  session: ReceiverSession | undefined;
  /** Bytes of the frames that wait. */
  heldBytes = 0;
  /** Frames dropped because they had come before. */
  repeated = 0;
  private held: HeldFrame[] = [];
  private first = 0;
  private accepted = 0;
  private acknowledged = 0;
  private toldFull = false;
  private processedNumber = 0;
  /** While something of a frame is kept for later, that frame and those behind it are not acknowledged. */
  private acknowledgedMax = Infinity;

  constructor(
    private readonly network: Network,
    private readonly planted: ReceiverFaults = noReceiverFaults,
  ) {}

  /** The number of the last frame that came in this session. */
  get received(): number {
    return this.accepted;
  }

  /** The number of the last frame that was processed. */
  get processed(): number {
    return this.processedNumber;
  }

  get waiting(): boolean {
    return this.first < this.held.length;
  }

  /** Begins a session. @param keep what came and was not processed is still to be processed */
  restart(session: ReceiverSession, keep: boolean): void {
    const renumbered = this.session === undefined || session.from !== this.session.from || !keep;
    this.session = session;
    if (!keep) {
      this.held = [];
      this.first = 0;
      this.heldBytes = 0;
    }
    if (renumbered) {
      // Frames of the sender's former life that still wait were sent, and are processed; their numbers are gone.
      this.accepted = 0;
      this.acknowledged = 0;
      this.processedNumber = this.first - this.held.length;
      this.acknowledgedMax = Infinity;
    }
  }

  attach(connection: ConnectionId, now: number): void {
    if (this.connection !== undefined && this.connection !== connection) this.network.close(this.connection);
    this.connection = connection;
    this.heardAt = now;
    this.acknowledged = 0;
    this.toldFull = false;
  }

  detach(): void {
    this.connection = undefined;
  }

  /**
   * Looks at a numbered frame. True: it is the next one, and counts as received.
   * @throws InvalidFrameError when frames before it are missing, or it is of another session
   */
  accept(frame: Frame): boolean {
    const { session } = this;
    const current =
      session !== undefined &&
      frame.from === session.from &&
      frame.to === session.to &&
      frame.epoch === session.epoch;
    if (!current && !this.overlooks(frame)) throw new InvalidFrameError('a frame of another session');
    if (!current && this.planted.anyIncarnation) return this.uncounted();
    if (frame.number <= this.accepted) {
      this.repeated++;
      return this.planted.keepsRepeated && this.uncounted();
    }
    if (frame.number > this.accepted + 1) {
      throw new InvalidFrameError(`frame ${frame.number} came where ${this.accepted + 1} must follow`);
    }
    this.accepted = frame.number;
    return true;
  }

  /** Keeps an accepted frame for later. */
  hold(frame: Frame): void {
    const bytes = Buffer.from(frame.bytes.subarray(frame.start, frame.end));
    this.held.push({ kind: frame.kind, route: frame.route, bytes });
    this.heldBytes += bytes.length;
  }

  /** The frame that is to be processed next, if one waits. */
  peek(): HeldFrame | undefined {
    return this.held[this.first];
  }

  /** All frames that wait, in order. */
  get waitingFrames(): readonly HeldFrame[] {
    return this.held.slice(this.first);
  }

  /** Frames of a time before this session are to be processed ahead of all others. */
  preload(frames: readonly HeldFrame[]): void {
    this.held = [...frames, ...this.waitingFrames];
    this.first = 0;
    this.processedNumber -= frames.length;
    for (const { bytes } of frames) this.heldBytes += bytes.length;
  }

  /** The frame that `peek` showed has been processed. */
  shift(): void {
    this.heldBytes -= this.held[this.first]!.bytes.length;
    this.first++;
    if (this.first === this.held.length) {
      this.held = [];
      this.first = 0;
    } else if (this.first >= 1024) {
      this.held = this.held.slice(this.first);
      this.first = 0;
    }
    this.processedNumber++;
  }

  /** An accepted frame was processed without being held. */
  passed(): void {
    this.processedNumber++;
  }

  /** Something of the frame that is being processed has to wait: its sender is to keep it. */
  retain(): void {
    this.acknowledgedMax = Math.min(this.acknowledgedMax, this.processedNumber);
  }

  /** All that was retained has been processed. */
  release(): void {
    this.acknowledgedMax = Infinity;
  }

  /**
   * Tells the sender what it need not keep any longer, and whether this worker is full, if there is news. A full
   * worker still processes what it is sent; but whoever sends to it is to take in less.
   */
  acknowledge(full = false): void {
    const processed = Math.min(this.processedNumber, this.acknowledgedMax);
    const number = this.planted.acknowledgesAtOnce ? this.accepted : processed;
    if (this.connection === undefined || this.session === undefined) return;
    if (number <= this.acknowledged && full === this.toldFull) return;
    this.acknowledged = Math.max(number, this.acknowledged);
    this.toldFull = full;
    this.answer(makeFrame(frameKind.acknowledgement), this.acknowledged, full ? 1 : 0);
  }

  pong(): void {
    this.answer(makeFrame(frameKind.pong), 0);
  }

  /** Whether a frame of another session is taken because a planted bug says so. */
  private overlooks({ from, to, epoch }: Frame): boolean {
    const { session, planted } = this;
    if (session === undefined) return false;
    if (from !== session.from || to !== session.to) return planted.anyIncarnation;
    return epoch < session.epoch && planted.olderEpochs;
  }

  /** A planted bug takes a frame that has no number here. */
  private uncounted(): true {
    this.processedNumber--;
    return true;
  }

  private answer(frame: Buffer, number: number, route = 0): void {
    if (this.connection === undefined || this.session === undefined) return;
    const { epoch, from, to } = this.session;
    this.network.write(this.connection, sealFrame(frame, { epoch, from: to, to: from, route, number }));
  }
}
