import { unreachable } from '../invariant.js';
import type { ControlMessage } from '../membership/messages.js';
import { StreamClaims, type ClaimAnswer } from './stream-claims.js';
import type { StreamId, StreamPosition, StreamPositions } from './stream-position.js';
import { StreamRegistry } from './stream-registry.js';

export interface ClusterStreamsHost {
  readonly name: string;
  readonly resilience: boolean;
  epoch(): number;
  leader(): string;
  members(): readonly string[];
  /** Of the newest checkpoint. */
  positions(): StreamPositions;
  send(member: string, message: ControlMessage): void;
}

export type StreamMessage = Extract<
  ControlMessage,
  { type: 'claimStream' | 'streamGranted' | 'streamRefused' | 'streamReleased' | 'streamsHeld' }
>;

/**
 * A stream that clients bring to a source is at one member at a time, and goes on where the cluster has it from:
 *
 *     member: claimStream     leader: streamGranted, with the position, or streamRefused
 *     member: streamReleased  when its client has gone, and a checkpoint counts that has all it has sent
 *     member: streamsHeld     when an epoch begins, or another member leads
 *
 * Positions go with checkpoints: what members have seen when they are cut is in the record that makes it count.
 */
export class ClusterStreams {
  private readonly claims: StreamClaims;
  private readonly registry: StreamRegistry;

  constructor(private readonly host: ClusterStreamsHost) {
    const { epoch } = host;
    const tell = (message: ControlMessage) => host.send(host.leader(), message);
    this.claims = new StreamClaims({
      hold: (streams) => tell({ type: 'streamsHeld', epoch: epoch(), streams }),
      claim: (stream) => tell({ type: 'claimStream', epoch: epoch(), ...stream }),
      release: (position) => tell({ type: 'streamReleased', epoch: epoch(), ...position }),
    });
    this.registry = new StreamRegistry({
      resilience: host.resilience,
      leads: () => host.leader() === host.name,
      members: () => host.members(),
      positions: () => host.positions(),
      granted: (member, position) =>
        host.send(member, { type: 'streamGranted', epoch: epoch(), ...position }),
      refused: (member, stream) => host.send(member, { type: 'streamRefused', epoch: epoch(), ...stream }),
    });
  }

  claim(stream: StreamId, answer: ClaimAnswer): void {
    this.claims.claim(stream, answer);
  }

  release(position: StreamPosition): void {
    this.claims.release(position);
  }

  epochBegan(): void {
    this.registry.begin(this.host.epoch());
    if (this.host.resilience) this.claims.forget();
    this.claims.tellAgain();
  }

  membersJoined(names: readonly string[]): void {
    this.registry.joined(names);
  }

  membersLeft(names: readonly string[], formerLeader: string): void {
    this.registry.left(names);
    if (names.includes(formerLeader)) this.claims.tellAgain();
  }

  handle(from: string, message: StreamMessage): void {
    const { claims, registry, host } = this;
    // An answer of a leader that was is void: the new one is asked again.
    const answers = from === host.leader() && message.epoch === host.epoch();
    switch (message.type) {
      case 'claimStream':
        return registry.claim(from, message.epoch, idOf(message));
      case 'streamReleased':
        return registry.release(from, message.epoch, message);
      case 'streamsHeld':
        return registry.report(from, message.epoch, message.streams);
      case 'streamGranted':
        return answers ? claims.granted(message) : undefined;
      case 'streamRefused':
        return answers ? claims.refused(idOf(message)) : undefined;
      default:
        return unreachable(message);
    }
  }
}

function idOf({ source, stream }: StreamId): StreamId {
  return { source, stream };
}
