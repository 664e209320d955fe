import {
  connectorSinkVersion,
  connectorSourceVersion,
  twoPhaseStream,
  unwrapTwoPhase,
  wrapTwoPhase,
  type ConnectorMessage,
  type TwoPhaseMessage,
} from '@wallaroo/protocol';
import { PeerFaultError, PeerRefusedError } from '../errors.js';
import type { MessageSocket } from '../message-socket.js';
import type { ConnectorSinkEvents, SinkStream } from './sink-events.js';
import type { Range, StreamStore } from './stream-store.js';

type MessageOf<Type> = Extract<ConnectorMessage, { type: Type }>;
type Output = MessageOf<'message'>;

/** What a connection needs from its sink. */
export interface SinkHost {
  readonly cookie: string;
  readonly credits: number;
  /** Makes the connection the only one of its stream, and opens the stream's files. */
  claim(stream: string, connection: SinkConnection): Promise<StreamStore>;
  tell<Name extends keyof ConnectorSinkEvents>(event: Name, ...args: ConnectorSinkEvents[Name]): void;
}

/** How far the worker has come; each state holds what exists in it. */
type State =
  | { readonly at: 'start' }
  | { readonly at: 'greeted'; readonly worker: string; readonly program: string }
  | { readonly at: 'open'; readonly stream: SinkStream; readonly id: bigint; readonly store: StreamStore };

/**
 * One connection of a worker:
 *
 *     worker: Hello                    sink: Ok(credits)
 *     worker: Notify(name)             sink: NotifyAck(position)
 *     worker: listUncommitted          sink: replyUncommitted
 *     worker: output, phase1           sink: reply
 *     worker: phase2
 *
 * Messages are dealt with one after the other; the socket is read on when all that came is on disk. That is
 * the back-pressure: credits are granted at the start, and workers do not count them.
 */
export class SinkConnection {
  /** Resolves when the connection is over and the files of its stream are closed. */
  readonly ended: Promise<void>;
  private state: State = { at: 'start' };
  /** Set when a newer connection has taken the stream, or the sink closes. */
  private replacedBecause: string | undefined;

  constructor(
    private readonly peer: MessageSocket,
    private readonly host: SinkHost,
    introductionTimeoutMs: number,
  ) {
    const late = () => {
      if (this.state.at !== 'open') peer.fail('no introduction in time');
    };
    const timer = setTimeout(late, introductionTimeoutMs);
    this.ended = this.run().finally(() => clearTimeout(timer));
  }

  /** Ends the connection behind what it is doing now. */
  async replace(because: string): Promise<void> {
    this.replacedBecause = because;
    this.peer.fail(because);
    await this.ended;
  }

  private async run(): Promise<void> {
    let reason: Error | undefined;
    try {
      for await (const batch of this.peer.batches()) await this.receiveAll(batch);
    } catch (error) {
      reason = error as Error;
      this.peer.fail(reason.message);
    }
    this.peer.end();
    if (this.state.at !== 'open') return this.host.tell('disconnected', undefined, reason);
    const { store, stream } = this.state;
    await store.close().catch((error: Error) => (reason ??= error));
    this.host.tell('disconnected', stream, reason);
  }

  private async receiveAll(batch: readonly ConnectorMessage[]): Promise<void> {
    let outputs: Output[] = [];
    for (const message of batch) {
      if (message.type === 'message' && message.stream !== twoPhaseStream) {
        outputs.push(message);
        continue;
      }
      await this.write(outputs);
      outputs = [];
      this.throwIfReplaced();
      await this.receive(message);
      this.throwIfReplaced();
    }
    await this.write(outputs);
  }

  private throwIfReplaced(): void {
    if (this.replacedBecause !== undefined) throw new PeerRefusedError(this.replacedBecause);
  }

  private async receive(message: ConnectorMessage): Promise<void> {
    switch (message.type) {
      case 'hello':
        return this.greet(message);
      case 'notify':
        return this.open(message);
      case 'message':
        return this.decide(unwrapTwoPhase(message));
      case 'error':
        throw new PeerRefusedError(message.text);
      default:
        throw new PeerFaultError(`Invalid message: ${message.type}`);
    }
  }

  private greet({ version, cookie, program, instance }: MessageOf<'hello'>): void {
    if (this.state.at !== 'start') throw new PeerFaultError('Invalid message: hello');
    // Workers write their version for sinks in another way than they want it from sources.
    if (version !== connectorSinkVersion && version !== connectorSourceVersion) {
      throw new PeerFaultError(`Unknown protocol version: ${version}`);
    }
    if (cookie !== this.host.cookie) throw new PeerFaultError('Bad cookie');
    this.state = { at: 'greeted', worker: instance, program };
    this.peer.send({ type: 'ok', credits: this.host.credits });
  }

  private async open({ stream: id, name }: MessageOf<'notify'>): Promise<void> {
    if (this.state.at !== 'greeted' || id === twoPhaseStream)
      throw new PeerFaultError('Invalid message: notify');
    const { worker, program } = this.state;
    const store = await this.host.claim(name, this);
    const stream = { name, worker, program };
    this.state = { at: 'open', stream, id, store };
    this.peer.send({
      type: 'notifyAck',
      success: true,
      stream: id,
      pointOfReference: BigInt(store.position),
    });
    this.host.tell('connected', stream, store.position);
  }

  private async write(outputs: readonly Output[]): Promise<void> {
    if (outputs.length === 0) return;
    const { store, id } = this.opened();
    for (let first = 0; first < outputs.length;) {
      const start = outputs[first]!.id;
      let end = start;
      let next = first;
      for (; next < outputs.length && outputs[next]!.id === end; next++) {
        const { stream, bytes } = outputs[next]!;
        if (stream !== id) throw new PeerFaultError(`Bad/unregistered stream_id ${stream}`);
        end += BigInt(bytes.length);
      }
      const bytes = outputs.slice(first, next).map((output) => output.bytes);
      await store.write(position(start), bytes.length === 1 ? bytes[0]! : Buffer.concat(bytes));
      first = next;
    }
  }

  private async decide(message: TwoPhaseMessage): Promise<void> {
    const { store, stream } = this.opened();
    switch (message.type) {
      case 'listUncommitted':
        return this.answer({
          type: 'replyUncommitted',
          request: message.request,
          transactions: store.undecided,
        });
      case 'phase1': {
        const { transaction } = message;
        const vote = await store.prepare(transaction, this.rangeOf(message));
        if (vote.commit) this.host.tell('prepared', stream, transaction);
        else this.host.tell('votedNo', stream, transaction, vote.why);
        return this.answer({ type: 'reply', transaction, commit: vote.commit });
      }
      case 'phase2': {
        const { transaction } = message;
        if (!message.commit) {
          if (await store.abort(transaction)) this.host.tell('aborted', stream, transaction);
          return;
        }
        const range = await store.commit(transaction);
        if (range) this.host.tell('committed', stream, transaction, range);
        return;
      }
      case 'workersLeft':
        return this.host.tell('workersLeft', message.workers);
      default:
        throw new PeerFaultError(`Invalid message: ${message.type}`);
    }
  }

  private rangeOf({ ranges }: Extract<TwoPhaseMessage, { type: 'phase1' }>): Range {
    const [range] = ranges;
    if (ranges.length !== 1 || range?.stream !== this.opened().id || range.start > range.end) {
      throw new PeerFaultError('phase 1 must name one range of the stream');
    }
    return { start: position(range.start), end: position(range.end) };
  }

  private answer(message: TwoPhaseMessage): void {
    this.peer.send(wrapTwoPhase(message));
  }

  private opened(): Extract<State, { at: 'open' }> {
    if (this.state.at !== 'open') throw new PeerFaultError('Bad protocol FSM state');
    return this.state;
  }
}

/** Files have positions up to 2^53 - 1, and that is plenty. */
function position(offset: bigint): number {
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw new PeerFaultError(`no position in a file: ${offset}`);
  return Number(offset);
}
