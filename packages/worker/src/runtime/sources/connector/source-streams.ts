import { nothingSeen } from '@wallaroo/protocol';

/** A stream of which this worker has received something, or is about to. */
export interface Stream {
  readonly id: bigint;
  /** The last message that was processed; {@link nothingSeen} if there was none. */
  lastSeen: bigint;
  /** Who brings it. */
  holder: StreamHolder | undefined;
  /** Its client has said that no more will come. */
  ended: boolean;
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

/** The streams of one source at this worker: who brings each of them, and how far it has come. */
export class SourceStreams {
  private readonly streams = new Map<bigint, Stream>();

  /** Undefined when somebody else brings the stream. */
  claim(id: bigint, holder: StreamHolder): Stream | undefined {
    let stream = this.streams.get(id);
    if (stream?.holder !== undefined) return undefined;
    if (stream === undefined) this.streams.set(id, (stream = streamAt(id, nothingSeen)));
    stream.holder = holder;
    return stream;
  }

  /** Anybody may bring it again, behind the last message. */
  release(stream: Stream): void {
    stream.holder = undefined;
    stream.ended = false;
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
      if (stream?.holder === undefined) continue;
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

  /** Everything goes back; nobody brings anything. */
  restore(cut: readonly StreamCut[]): void {
    this.streams.clear();
    for (const [id, lastSeen] of cut) this.streams.set(id, streamAt(id, lastSeen));
  }
}

function streamAt(id: bigint, lastSeen: bigint): Stream {
  return { id, lastSeen, holder: undefined, ended: false };
}
