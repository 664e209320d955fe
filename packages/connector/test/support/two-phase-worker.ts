import { unwrapTwoPhase, wrapTwoPhase, type TwoPhaseMessage } from '@wallaroo/protocol';
import { Peer } from './peer.js';

type Answer<Type> = Extract<TwoPhaseMessage, { type: Type }>;

/** The sink's side of a worker, over as many connections as it takes. Its checkpoints are complete once they are voted for. */
export class TwoPhaseWorker {
  /** Output of all complete checkpoints. */
  decided = Buffer.alloc(0);
  /** Output since then. */
  private pending = Buffer.alloc(0);
  private readonly complete = new Set<string>();
  private checkpoints = 0;
  private requests = 77777n;
  peer!: Peer;

  constructor(
    readonly worker: string,
    private readonly cookie = 'cookie',
  ) {}

  get stream(): string {
    return `app-w-${this.worker}-id-1`;
  }

  /** The start of a connection, up to the position that the sink answers. */
  async introduce(port: number): Promise<bigint> {
    this.pending = Buffer.alloc(0);
    this.peer = await Peer.connect({ port });
    this.peer.send(
      { type: 'hello', version: 'v0.0.1', cookie: this.cookie, program: 'app', instance: this.worker },
      { type: 'notify', stream: 1n, name: this.stream, pointOfReference: BigInt(this.decided.length) },
      wrapTwoPhase({ type: 'listUncommitted', request: ++this.requests }),
    );
    await this.peer.next('ok');
    return (await this.peer.next('notifyAck')).pointOfReference;
  }

  /** Introduces itself and decides what a former connection left open. The transactions that were. */
  async connect(port: number): Promise<readonly string[]> {
    await this.introduce(port);
    const { transactions } = await this.answer('replyUncommitted');
    for (const transaction of transactions) {
      this.send({ type: 'phase2', transaction, commit: this.complete.has(transaction) });
    }
    return transactions;
  }

  output(...parts: readonly Buffer[]): void {
    for (const bytes of parts) {
      const id = BigInt(this.decided.length + this.pending.length);
      this.peer.send({ type: 'message', stream: 1n, id, eventTime: 0n, key: Buffer.alloc(0), bytes });
      this.pending = Buffer.concat([this.pending, bytes]);
    }
  }

  /** Sends phase 1 for all output so far. */
  prepare(): string {
    const transaction = `${this.stream}:c_id=${++this.checkpoints}`;
    const start = BigInt(this.decided.length);
    const range = { stream: 1n, start, end: start + BigInt(this.pending.length) };
    this.send({ type: 'phase1', transaction, ranges: [range] });
    return transaction;
  }

  /** Waits for the vote; with a yes the checkpoint is complete. */
  async vote(transaction: string): Promise<boolean> {
    const { commit } = await this.answer('reply');
    if (commit) {
      this.complete.add(transaction);
      this.decided = Buffer.concat([this.decided, this.pending]);
    }
    this.pending = Buffer.alloc(0);
    return commit;
  }

  decide(transaction: string, commit: boolean): void {
    this.send({ type: 'phase2', transaction, commit });
  }

  /** A whole checkpoint. */
  async checkpoint(...parts: readonly Buffer[]): Promise<string> {
    this.output(...parts);
    const transaction = this.prepare();
    if (!(await this.vote(transaction))) throw new Error(`the sink voted against ${transaction}`);
    this.decide(transaction, true);
    return transaction;
  }

  send(message: TwoPhaseMessage): void {
    this.peer.send(wrapTwoPhase(message));
  }

  async answer<Type extends TwoPhaseMessage['type']>(type: Type): Promise<Answer<Type>> {
    const message = unwrapTwoPhase(await this.peer.next('message'));
    if (message.type !== type) throw new Error(`expected ${type}, got ${message.type}`);
    return message as Answer<Type>;
  }

  /** Resolves when the sink has dealt with all that was sent: it answers in order. */
  async settled(): Promise<readonly string[]> {
    this.send({ type: 'listUncommitted', request: ++this.requests });
    return (await this.answer('replyUncommitted')).transactions;
  }
}
