import { nothingSeen } from '@wallaroo/protocol';
import {
  keyOf,
  type StreamId,
  type StreamKey,
  type StreamPosition,
  type StreamPositions,
} from './stream-position.js';

export interface RegistryHost {
  /** With resilience positions are those of the newest checkpoint; otherwise the registry remembers them. */
  readonly resilience: boolean;
  leads(): boolean;
  /** All members have to say what they hold before anything is granted. */
  members(): readonly string[];
  positions(): StreamPositions;
  granted(member: string, position: StreamPosition): void;
  refused(member: string, stream: StreamId): void;
}

/**
 * Which member holds which stream: its clients bring it there and nowhere else. The leader knows it by what members
 * say; it is nowhere on disk, so at the begin of an epoch, and to a new leader, they say it again.
 */
export class StreamRegistry {
  private epoch = 0;
  private readonly holders = new Map<StreamKey, string>();
  private readonly reported = new Set<string>();
  /** Claims that came before all members had reported. */
  private waiting: { readonly member: string; readonly stream: StreamId }[] = [];
  /** Without resilience: of streams that were released. */
  private readonly idle = new Map<StreamKey, bigint>();

  constructor(private readonly host: RegistryHost) {}

  /** What was said in earlier epochs is void. */
  begin(epoch: number): void {
    if (epoch <= this.epoch) return;
    this.epoch = epoch;
    this.holders.clear();
    this.reported.clear();
    this.waiting = [];
  }

  /** A member says what it holds, perhaps before this one knows that it leads. */
  report(member: string, epoch: number, streams: readonly StreamId[]): void {
    this.begin(epoch);
    if (epoch < this.epoch) return;
    for (const stream of streams) this.holders.set(keyOf(stream), member);
    this.reported.add(member);
    this.answerWaiting();
  }

  claim(member: string, epoch: number, stream: StreamId): void {
    if (epoch !== this.epoch) return;
    if (!this.host.leads()) return this.host.refused(member, stream);
    this.waiting.push({ member, stream });
    this.answerWaiting();
  }

  release(member: string, epoch: number, { source, stream, position }: StreamPosition): void {
    const key = keyOf({ source, stream });
    if (epoch !== this.epoch || this.holders.get(key) !== member) return;
    this.holders.delete(key);
    if (!this.host.resilience) this.idle.set(key, position);
  }

  /** New members hold nothing. */
  joined(members: readonly string[]): void {
    if (this.host.leads()) for (const member of members) this.reported.add(member);
  }

  left(members: readonly string[]): void {
    for (const [key, holder] of this.holders) if (members.includes(holder)) this.holders.delete(key);
    this.answerWaiting();
  }

  private answerWaiting(): void {
    const { host } = this;
    if (!host.leads() || !host.members().every((member) => this.reported.has(member))) return;
    for (const { member, stream } of this.waiting.splice(0)) {
      const key = keyOf(stream);
      const holder = this.holders.get(key);
      if (holder !== undefined && holder !== member) {
        host.refused(member, stream);
        continue;
      }
      this.holders.set(key, member);
      const position = host.positions().get(key)?.position ?? this.idle.get(key) ?? nothingSeen;
      host.granted(member, { ...stream, position });
    }
  }
}
