import { expect } from 'chai';
import { Changes } from './changes.js';
import { Client, frame } from './client.js';
import type { Member } from './cluster.js';
import { CollectingSink } from './sink.js';

/**
 * Both ends of the application `sequences`.
 *
 *     const sink = await SequenceSink.listen();
 *     const cluster = await Cluster.start({ app: 'sequences', ...sink.options });
 *     const sender = SequenceSender.start(cluster.initializer, sink);
 *     ...
 *     await sender.finish();   // all that was sent has come out
 *     sink.expectWhole();
 */
export class SequenceSink {
  /** What came that must not come. */
  readonly violations: string[] = [];
  lines = 0;
  private readonly changes = new Changes();
  private readonly keys = new Map<string, { newest: number; readonly ahead: Set<number> }>();
  private readonly rests: string[] = [];
  private sink!: CollectingSink;

  static async listen(): Promise<SequenceSink> {
    const sink = new SequenceSink();
    sink.sink = await CollectingSink.listen(0, (chunk, connection) => sink.take(chunk, connection));
    return sink;
  }

  /** Of a cluster. */
  get options() {
    return {
      app: 'sequences',
      sources: ['in'],
      out: () => `${this.sink.address},${this.sink.address}`,
    } as const;
  }

  /** All numbers of a key up to this one have come. */
  newest(key: string): number {
    return this.keys.get(key)?.newest ?? 0;
  }

  /** Messages whose numbers have come, repeats not counted. */
  get messages(): number {
    return [...this.keys.values()].reduce((sum, { newest, ahead }) => sum + newest + ahead.size, 0);
  }

  /** Waits for so many more of the messages that a worker makes. */
  async more(worker: string, messages: number): Promise<void> {
    const key = `${worker}:made0`;
    const goal = this.newest(key) + messages;
    await this.until(() => this.newest(key) >= goal, `message ${goal} of ${key}`);
  }

  until(holds: () => boolean, what: string, timeoutMs?: number): Promise<void> {
    return this.changes.until(holds, what, () => `there were ${this.lines} lines`, timeoutMs);
  }

  /** Nothing is missing between what has come. Output that was on its way from two workers at once may lie open. */
  get holes(): string[] {
    return [...this.keys].flatMap(([key, { newest, ahead }]) =>
      ahead.size > 0 ? [`${key} ${newest + 1} is missing, and ${Math.max(...ahead)} has come`] : [],
    );
  }

  expectWhole(): void {
    expect([...this.violations.slice(0, 10), ...this.holes.slice(0, 10)]).to.deep.equal([]);
  }

  close(): Promise<void> {
    return this.sink.close();
  }

  private take(chunk: Buffer, connection: number): void {
    const parts = ((this.rests[connection] ?? '') + chunk.toString('latin1')).split('\n');
    this.rests[connection] = parts.pop()!;
    for (const line of parts) this.takeLine(line);
    this.changes.changed();
  }

  private takeLine(line: string): void {
    this.lines++;
    const [key = '', text, ...verdict] = line.split(' ');
    if (verdict.join(' ') !== 'ok') this.violations.push(line);
    const number = Number(text);
    let known = this.keys.get(key);
    if (known === undefined) this.keys.set(key, (known = { newest: 0, ahead: new Set() }));
    if (number > known.newest) known.ahead.add(number);
    while (known.ahead.delete(known.newest + 1)) known.newest++;
  }
}

export interface SequenceOptions {
  readonly keys?: number;
  /** Messages of a key that are on their way at the same time, at most. */
  readonly window?: number;
  readonly pauseMs?: number;
}

/**
 * Sends to one worker, through all its lives: what no output was seen of when a connection ends is sent again. What
 * output was seen of is never sent again, so the cluster must not lose it.
 */
export class SequenceSender {
  readonly sent = new Map<string, number>();
  private readonly names: readonly string[];
  private stopping = false;
  private client: Client | undefined;
  private readonly done: Promise<void>;

  static start(worker: Member, sink: SequenceSink, options: SequenceOptions = {}): SequenceSender {
    return new SequenceSender(worker, sink, options);
  }

  private constructor(
    private readonly worker: Member,
    private readonly sink: SequenceSink,
    private readonly options: SequenceOptions,
  ) {
    this.names = Array.from({ length: options.keys ?? 20 }, (_, i) => `${worker.name}:sent${i}`);
    this.done = this.run();
    this.done.catch(() => undefined);
  }

  /** Sends nothing new, and resolves when output of all that was sent has come. */
  async finish(timeoutMs = 30_000): Promise<void> {
    this.stopping = true;
    const missing = () => this.names.filter((key) => this.sink.newest(key) < (this.sent.get(key) ?? 0));
    try {
      await this.sink.until(
        () => missing().length === 0,
        `the last messages of ${this.worker.name}`,
        timeoutMs,
      );
    } catch (cause) {
      const lacking = missing().map((key) => `${key}: ${this.sink.newest(key)} of ${this.sent.get(key)}`);
      throw new Error(lacking.slice(0, 10).join('\n'), { cause });
    } finally {
      this.abandon();
      await this.done;
    }
  }

  /** Lets go at once. */
  abandon(): void {
    this.stopping = true;
    this.over = true;
    this.client?.destroy();
  }

  private over = false;

  private async run(): Promise<void> {
    while (!this.over) {
      const client = await this.connected();
      if (client === undefined) {
        await pause(20);
        continue;
      }
      this.client = client;
      let open = true;
      void client.closed.then(() => (open = false));
      for (const key of this.names) {
        for (let number = this.sink.newest(key) + 1; number <= (this.sent.get(key) ?? 0); number++) {
          if (open) await client.write(frame(`${key} ${number}`));
        }
      }
      while (open && !this.over) {
        if (!this.stopping) await client.write(this.next());
        await pause(this.options.pauseMs ?? 50);
      }
      client.destroy();
    }
  }

  /** A message of each key that has not too many on their way. */
  private next(): Buffer {
    const { window = 20 } = this.options;
    const free = this.names.filter((key) => (this.sent.get(key) ?? 0) - this.sink.newest(key) < window);
    return Buffer.concat(
      free.map((key) => {
        const number = (this.sent.get(key) ?? 0) + 1;
        this.sent.set(key, number);
        return frame(`${key} ${number}`);
      }),
    );
  }

  /** Undefined while the worker is not there. */
  private async connected(): Promise<Client | undefined> {
    try {
      return await Client.connect(this.worker.port('in'));
    } catch {
      return undefined;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
