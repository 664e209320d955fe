import { nothingSeen } from '@wallaroo/protocol';

/**
 * A stream that this worker holds. Its numbers have 64 bits; those that each message brings are compared in halves, for
 * a bigint is an object and a look-up by one is slow.
 */
export class Stream {
  readonly idHigh: number;
  readonly idLow: number;
  /** The last message that was processed; -1 if there was none. */
  private seenHigh = -1;
  private seenLow = 0;
  /** Its client has said that no more will come. */
  ended = false;
  /** With resilience: up to here a checkpoint counts. */
  safe: bigint;

  constructor(
    readonly id: bigint,
    /** Of the last message that the cluster has; {@link nothingSeen} if there was none. */
    position: bigint,
    /** Who brings it. */
    public holder: StreamHolder | undefined,
  ) {
    [this.idHigh, this.idLow] = halves(id);
    if (position !== nothingSeen) [this.seenHigh, this.seenLow] = halves(position);
    this.safe = position;
  }

  /** The last message that was processed; {@link nothingSeen} if there was none. */
  get lastSeen(): bigint {
    return this.seenHigh < 0 ? nothingSeen : (BigInt(this.seenHigh) << 32n) | BigInt(this.seenLow);
  }

  /** Whether a message with this number has been processed. */
  hasSeen(high: number, low: number): boolean {
    return high < this.seenHigh || (high === this.seenHigh && low <= this.seenLow);
  }

  saw(high: number, low: number): void {
    // The number that stands for none.
    this.seenHigh = high === 0xffff_ffff && low === 0xffff_ffff ? -1 : high;
    this.seenLow = low;
  }
}

function halves(number: bigint): [high: number, low: number] {
  return [Number(number >> 32n), Number(number & 0xffff_ffffn)];
}

/** One client, as its streams know it. */
export interface StreamHolder {
  /** All up to these positions is safe; of `ended` streams there will be no more. */
  safe(positions: readonly Position[], ended: readonly Stream[]): void;
}

export interface Position {
  readonly stream: bigint;
  readonly pointOfReference: bigint;
}

/** Where one stream stood when a checkpoint was cut. */
type StreamCut = readonly [id: bigint, lastSeen: bigint, ended: boolean];

/** The cluster, which sees to it that a stream is at one worker at a time. */
export interface StreamCluster {
  readonly resilience: boolean;
  /** `answer` follows, with the position behind which the stream goes on; nothing: another worker holds it. */
  claim(stream: bigint, answer: (position: bigint | undefined) => void): void;
  release(stream: bigint, position: bigint): void;
}

/**
 * The streams of one source that this worker holds: who brings each of them, and how far it has come. A stream without a
 * client is given up when all that was seen of it is safe; without resilience at once.
 */
export class SourceStreams {
  private readonly streams = new Map<bigint, Stream>();

  constructor(private readonly cluster: StreamCluster) {}

  /** `answer` follows: nothing when somebody else brings the stream. */
  claim(id: bigint, holder: StreamHolder, answer: (stream: Stream | undefined) => void): void {
    const known = this.streams.get(id);
    if (known !== undefined) {
      if (known.holder !== undefined) return answer(undefined);
      known.holder = holder;
      return answer(known);
    }
    this.cluster.claim(id, (position) => {
      if (position === undefined) return answer(undefined);
      const stream = new Stream(id, position, holder);
      this.streams.set(id, stream);
      answer(stream);
    });
  }

  /** Anybody may bring it again, behind the last message. */
  release(stream: Stream): void {
    if (this.streams.get(stream.id) !== stream) return;
    stream.holder = undefined;
    stream.ended = false;
    this.giveUpIfSafe(stream);
  }

  /** Where all streams stand. */
  cut(): readonly StreamCut[] {
    return [...this.streams.values()].map(({ id, lastSeen, ended }) => [id, lastSeen, ended]);
  }

  /** What was processed before the cut is safe: those who bring the streams hear of it. */
  committed(cut: readonly StreamCut[]): void {
    const byHolder = new Map<StreamHolder, { positions: Position[]; ended: Stream[] }>();
    for (const [id, lastSeen, ended] of cut) {
      const stream = this.streams.get(id);
      if (stream === undefined) continue;
      stream.safe = lastSeen;
      if (stream.holder === undefined) {
        this.giveUpIfSafe(stream);
        continue;
      }
      const over = ended && stream.ended;
      // Before the first message there is nothing to say, unless that is all there will be.
      if (lastSeen === nothingSeen && !over) continue;
      let told = byHolder.get(stream.holder);
      if (told === undefined) byHolder.set(stream.holder, (told = { positions: [], ended: [] }));
      told.positions.push({ stream: id, pointOfReference: lastSeen });
      if (over) told.ended.push(stream);
    }
    for (const [holder, { positions, ended }] of byHolder) holder.safe(positions, ended);
  }

  /** Everything goes back: nothing is held here, nobody brings anything. */
  forget(): void {
    this.streams.clear();
  }

  private giveUpIfSafe({ id, lastSeen, safe }: Stream): void {
    if (this.cluster.resilience && safe !== lastSeen) return;
    this.streams.delete(id);
    this.cluster.release(id, lastSeen);
  }
}
