import {
  connectorMessages,
  connectorSinkVersion,
  encodeConnectorFrame,
  InvalidMessageError,
  outputStream,
  twoPhaseStream,
  unwrapTwoPhase,
  wrapTwoPhase,
  type ConnectorMessage,
  type TwoPhaseMessage,
} from '@wallaroo/protocol';

export interface SinkSessionHost {
  readonly cookie: string;
  readonly application: string;
  readonly worker: string;
  /** Tells the sinks of a worker apart. */
  readonly sink: string;
  readonly resilience: boolean;
  /** Sends a whole frame. */
  send(frame: Buffer): void;
  /** Closes the connection behind what was sent. Another one follows. */
  close(): void;
  warn(text: string): void;
}

/** Output in the frame that carries it. */
interface Piece {
  readonly frame: Buffer;
  /** The offset behind it. */
  readonly end: number;
}

/** What was asked to be prepared, and is not decided. */
interface Transaction {
  readonly checkpoint: number;
  readonly end: number;
  /** The sink has said yes. */
  voted: boolean;
  /** Who waits for that. */
  readonly waiting: readonly Prepared[];
}

/** Called with a failure if what was asked for will not come. */
type Prepared = (failure?: string) => void;

const noKey = Buffer.alloc(0);
const firstRequest = 77778n;
const requestOfWorkersLeft = 7n;
const creditsMin = 2;

/**
 * What a worker says to one connector sink, over as many connections as it takes:
 *
 *     away        no connection
 *     greeting    Hello, Notify, ListUncommitted are sent; Ok, NotifyAck, ReplyUncommitted are awaited, in this order
 *     ready       output goes out, unless a transaction is undecided
 *
 * With resilience all output is kept until its transaction is committed. What was not is sent again behind the last
 * commit: after a vote against it, after a transaction that was given up, and on the next connection.
 */
export class SinkSession {
  private state: 'away' | 'greeting' | 'ready' = 'away';
  private awaited: 'ok' | 'notifyAck' | 'replyUncommitted' = 'ok';
  private request = firstRequest - 1n;
  /** The newest checkpoint that counts; the one that was asked for last. */
  private counted = 0;
  private newest = 0;
  /** Output behind `base`: with resilience what is not committed, without it what was not sent. */
  private pieces: Piece[] = [];
  private base = 0;
  /** How many of the pieces were sent on this connection. */
  private sent = 0;
  private transaction: Transaction | undefined;
  /** Workers that have left, of which the sink has not been told. */
  private left: readonly string[] = [];
  /** Set once nothing goes back any more. */
  private ending: (() => void) | undefined;

  constructor(private readonly host: SinkSessionHost) {}

  /** The offset behind all output. */
  get offset(): number {
    return this.pieces.at(-1)?.end ?? this.base;
  }

  /** Bytes that the connection has not been given. */
  get waitingBytes(): number {
    return this.offset - (this.sent > 0 ? this.pieces[this.sent - 1]!.end : this.base);
  }

  get keptBytes(): number {
    return this.offset - this.base;
  }

  /** The sink has introduced itself. */
  get ready(): boolean {
    return this.state === 'ready';
  }

  connected(): void {
    const { cookie, application: program, worker: instance } = this.host;
    this.state = 'greeting';
    this.awaited = 'ok';
    this.sent = 0;
    this.send({ type: 'hello', version: connectorSinkVersion, cookie, program, instance });
    const pointOfReference = BigInt(this.transaction?.end ?? this.base);
    this.send({ type: 'notify', stream: outputStream, name: this.name, pointOfReference });
    this.say({ type: 'listUncommitted', request: ++this.request });
  }

  /** The connection is gone. */
  lost(why: string): void {
    if (this.state === 'away') return;
    this.state = 'away';
    this.sent = 0;
    // A vote outlives the connection, a question does not.
    if (this.transaction?.voted === false) for (const tell of this.giveUp()) tell(why);
  }

  /** One frame from the sink: tag and body. */
  receive(bytes: Buffer, start: number, end: number): void {
    if (this.state === 'away') return;
    try {
      this.handle(connectorMessages.decode(bytes, start, end));
    } catch (error) {
      if (!(error instanceof InvalidMessageError)) throw error;
      this.refuse('Unable to decode message');
    }
  }

  /** Takes a copy of whole messages. */
  write(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const { offset } = this;
    const position = { stream: outputStream, id: BigInt(offset), eventTime: 0n, key: noKey };
    const frame = encodeConnectorFrame({ type: 'message', ...position, bytes });
    this.pieces.push({ frame, end: offset + bytes.length });
    this.sendOutput();
  }

  /** What an earlier question was about, if it is not decided by `counted`, belongs to this one. */
  prepare(checkpoint: number, counted: number, done: Prepared): void {
    this.commit(counted);
    const waiting = [...this.giveUp(), done];
    this.newest = checkpoint;
    if (this.state === 'ready') {
      this.sendOutput();
      const transaction = { checkpoint, end: this.offset, voted: false, waiting };
      this.transaction = transaction;
      return this.ask(transaction);
    }
    // Without output there is nothing that could be lost.
    const failure = this.offset === 0 ? undefined : 'the sink is not connected';
    for (const tell of waiting) tell(failure);
  }

  /** A checkpoint counts. */
  commit(checkpoint: number): void {
    const { transaction } = this;
    if (transaction === undefined || transaction.checkpoint > checkpoint) return;
    this.transaction = undefined;
    this.counted = transaction.checkpoint;
    this.base = transaction.end;
    const first = this.pieces.findIndex(({ end }) => end > transaction.end);
    const gone = this.pieces.splice(0, first < 0 ? this.pieces.length : first).length;
    this.sent = Math.max(0, this.sent - gone);
    if (this.state === 'ready') this.decide(this.idOf(transaction.checkpoint), true);
    this.sendOutput();
    this.finishSome();
  }

  /** Everything is as it was at a checkpoint, with so much output before it. What was on its way is void. */
  restore(checkpoint: number, offset: number): void {
    this.state = 'away';
    this.transaction = undefined;
    this.pieces = [];
    this.sent = 0;
    this.counted = checkpoint;
    this.newest = Math.max(this.newest, checkpoint);
    this.base = offset;
  }

  workersLeft(workers: readonly string[]): void {
    this.left = [...this.left, ...workers];
    this.tellWhoLeft();
  }

  /** Nothing goes back any more: `done` follows when all output is sent, and committed. */
  finish(done: () => void): void {
    this.ending = done;
    if (this.transaction?.voted) this.commit(this.transaction.checkpoint);
    this.finishSome();
  }

  private get name(): string {
    const { application, worker, sink } = this.host;
    return `${application}-w-${worker}-id-${sink}`;
  }

  private idOf(checkpoint: number): string {
    return `${this.name}:c_id=${checkpoint}`;
  }

  private handle(message: ConnectorMessage): void {
    switch (message.type) {
      case 'ok':
        if (!this.takes('ok')) return;
        if (message.credits < creditsMin) return this.refuse(`HEY, too few credits: ${message.credits}`);
        this.awaited = 'notifyAck';
        return;
      case 'notifyAck':
        if (!this.takes('notifyAck')) return;
        if (!message.success) return this.refuse('Got NotifyAck success=false');
        this.awaited = 'replyUncommitted';
        return;
      case 'message':
        if (message.stream !== twoPhaseStream) return this.refuse(`Bad stream_id ${message.stream}`);
        return this.handleTwoPhase(unwrapTwoPhase(message));
      case 'restart':
        return this.drop('the sink asked for a new connection');
      case 'error':
        return this.refuse(`Received ERROR msg: ${message.text}`);
      default:
        return this.refuse(`Invalid message: ${message.type}`);
    }
  }

  private handleTwoPhase(message: TwoPhaseMessage): void {
    switch (message.type) {
      case 'replyUncommitted':
        if (this.takes('replyUncommitted')) this.begin(message.transactions);
        return;
      case 'reply':
        return this.state === 'ready'
          ? this.onVote(message.transaction, message.commit)
          : this.refuse('Invalid message: reply');
      default:
        return this.refuse(`Invalid message: ${message.type}`);
    }
  }

  /** Answers come in the order of the questions. */
  private takes(answer: typeof this.awaited): boolean {
    if (this.state === 'greeting' && this.awaited === answer) return true;
    this.refuse(`Invalid message: ${answer}`);
    return false;
  }

  /** The sink has said what it holds undecided: what is decided it is told, and output goes on. */
  private begin(undecided: readonly string[]): void {
    const { transaction } = this;
    const open = transaction === undefined ? undefined : this.idOf(transaction.checkpoint);
    this.state = 'ready';
    for (const id of undecided) if (id !== open) this.decide(id, id === this.idOf(this.counted));
    if (transaction !== undefined) {
      // A sink that does not remember its vote is asked again: the checkpoint may count already.
      const remembers = undecided.includes(open!);
      for (const { frame, end } of this.pieces) {
        if (end > transaction.end) break;
        if (!remembers) this.host.send(frame);
        this.sent++;
      }
      if (!remembers) this.ask(transaction);
    }
    this.tellWhoLeft();
    this.sendOutput();
    this.finishSome();
  }

  private onVote(id: string, commit: boolean): void {
    const { transaction } = this;
    // One that was given up meanwhile.
    if (transaction === undefined || id !== this.idOf(transaction.checkpoint)) return;
    if (!commit) {
      const waiting = transaction.voted ? [] : this.giveUp();
      // The next connection begins behind the last commit, whatever the sink has missed.
      this.drop('the sink voted against it');
      for (const tell of waiting) tell('the sink voted against it');
    } else if (!transaction.voted) {
      transaction.voted = true;
      for (const tell of transaction.waiting) tell();
    }
  }

  /** What is undecided is aborted, and sent again. @returns who still waits for it */
  private giveUp(): readonly Prepared[] {
    const { transaction } = this;
    if (transaction === undefined) return [];
    this.transaction = undefined;
    this.sent = 0;
    if (this.state === 'ready') this.decide(this.idOf(transaction.checkpoint), false);
    return transaction.voted ? [] : transaction.waiting;
  }

  private sendOutput(): void {
    if (this.state === 'ready' && this.transaction === undefined) {
      while (this.sent < this.pieces.length) this.host.send(this.pieces[this.sent++]!.frame);
      if (!this.host.resilience) {
        this.base = this.offset;
        this.pieces = [];
        this.sent = 0;
      }
    }
  }

  private finishSome(): void {
    const { ending } = this;
    if (ending === undefined || this.transaction !== undefined) return;
    if (this.keptBytes === 0) {
      this.ending = undefined;
      ending();
    } else if (this.host.resilience && this.state === 'ready') {
      const last = this.newest + 1;
      this.prepare(last, this.counted, (failure) => {
        if (failure === undefined) this.commit(last);
      });
    }
  }

  private tellWhoLeft(): void {
    if (this.state !== 'ready' || this.left.length === 0) return;
    this.say({ type: 'workersLeft', request: requestOfWorkersLeft, workers: this.left });
    this.left = [];
  }

  private ask({ checkpoint, end }: Transaction): void {
    const ranges = [{ stream: outputStream, start: BigInt(this.base), end: BigInt(end) }];
    this.say({ type: 'phase1', transaction: this.idOf(checkpoint), ranges });
  }

  private decide(transaction: string, commit: boolean): void {
    this.say({ type: 'phase2', transaction, commit });
  }

  private say(message: TwoPhaseMessage): void {
    this.send(wrapTwoPhase(message));
  }

  private send(message: ConnectorMessage): void {
    this.host.send(encodeConnectorFrame(message));
  }

  private refuse(text: string): void {
    this.host.warn(text);
    this.send({ type: 'error', text: text.slice(0, textCharactersMax) });
    this.drop(text);
  }

  private drop(why: string): void {
    this.lost(why);
    this.host.close();
  }
}

/** What a sink has sent may be repeated to it, but not without bound. */
const textCharactersMax = 10_000;
