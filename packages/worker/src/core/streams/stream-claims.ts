import { keyOf, type StreamId, type StreamKey, type StreamPosition } from './stream-position.js';

/** Where the stream goes on; undefined: another member holds it. */
export type ClaimAnswer = (position: bigint | undefined) => void;

export interface ClaimsHost {
  /** To whoever leads now. */
  hold(streams: readonly StreamId[]): void;
  claim(stream: StreamId): void;
  release(position: StreamPosition): void;
}

/** The streams that this member holds, or asks the leader for. */
export class StreamClaims {
  private readonly held = new Map<StreamKey, StreamId>();
  private readonly asked = new Map<StreamKey, { readonly stream: StreamId; readonly answer: ClaimAnswer }>();

  constructor(private readonly host: ClaimsHost) {}

  /** `answer` is called once, unless everything goes back before; asked for again, a stream is refused meanwhile. */
  claim(stream: StreamId, answer: ClaimAnswer): void {
    const key = keyOf(stream);
    if (this.asked.has(key)) return answer(undefined);
    this.asked.set(key, { stream, answer });
    this.host.claim(stream);
  }

  release(position: StreamPosition): void {
    if (this.held.delete(keyOf(position))) this.host.release(position);
  }

  granted({ source, stream, position }: StreamPosition): void {
    this.answered({ source, stream }, position);
  }

  refused(stream: StreamId): void {
    this.answered(stream, undefined);
  }

  /** Somebody else leads, or it begins anew: it has to know what is held here, and what is asked for. */
  tellAgain(): void {
    this.host.hold([...this.held.values()]);
    for (const { stream } of this.asked.values()) this.host.claim(stream);
  }

  /** Everything goes back: nothing is held. */
  forget(): void {
    this.held.clear();
    this.asked.clear();
  }

  private answered(stream: StreamId, position: bigint | undefined): void {
    const key = keyOf(stream);
    const asked = this.asked.get(key);
    if (asked === undefined) return;
    this.asked.delete(key);
    if (position !== undefined) this.held.set(key, stream);
    asked.answer(position);
  }
}
