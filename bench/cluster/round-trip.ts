import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { end } from '../harness/children.js';
import { ownerOf } from '../workloads/cluster-readings.js';
import { launchGroup, makes, type Make } from './programs.js';

const questionsPerSecond = 200;
const warmUpQuestions = 400;
const answerSecondsMax = 10;

export interface RoundTripOptions {
  /** To each of the two systems. */
  readonly questions: number;
  readonly warmUp?: number;
}

/** Microseconds from the write of a question to the read of its answer. */
export interface RoundTrips {
  readonly us: readonly number[];
}

/**
 * Asks worker and baseline in turn, at a low rate: in at the first process, over the link, out of the second one.
 * The moment of a question is that of its write: a client that is late is no fault of theirs.
 */
export async function roundTrips(options: RoundTripOptions): Promise<Readonly<Record<Make, RoundTrips>>> {
  const { questions, warmUp = warmUpQuestions } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'wallaroo-bench-'));
  const clients: EchoClient[] = [];
  try {
    for (const make of makes) {
      const client = new EchoClient(make);
      clients.push(client);
      await client.launch(join(scratch, make));
    }
    const start = performance.now();
    for (let i = 0; i < warmUp + questions; i++) {
      for (const [turn, client] of clients.entries()) {
        const due = start + ((i + turn / clients.length) * 1000) / questionsPerSecond;
        const wait = due - performance.now();
        if (wait > 0) await setTimeout(wait);
        client.ask(i);
      }
    }
    const [worker, baseline] = await Promise.all(clients.map((client) => client.answers()));
    return { worker: { us: worker!.slice(warmUp) }, baseline: { us: baseline!.slice(warmUp) } };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
    rmSync(scratch, { recursive: true, force: true });
  }
}

class EchoClient {
  private readonly asked: number[] = [];
  private readonly us: number[] = [];
  private carry: Buffer = Buffer.alloc(0);
  private questions: Socket | undefined;
  private processes: Awaited<ReturnType<typeof launchGroup>> = [];
  private readonly connections = new Set<Socket>();

  private readonly server = createServer({ noDelay: true });

  constructor(private readonly make: Make) {
    this.server.on('connection', (socket) => {
      this.connections.add(socket);
      socket.on('data', (bytes: Buffer) => this.take(bytes));
      socket.on('error', () => socket.destroy());
    });
  }

  async launch(folder: string): Promise<void> {
    mkdirSync(folder);
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    const out = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    let port = 0;
    const args = ['--in', '127.0.0.1:0', '--out', out];
    this.processes = await launchGroup({
      make: this.make,
      job: 'cluster-echo',
      args: [args, args],
      scratch: folder,
      onLine: (index, line) => {
        const found = index === 0 && /source is listening on .*:(\d+)/.exec(line);
        if (found) port = Number(found[1]);
      },
    });
    this.questions = connect({ host: '127.0.0.1', port, noDelay: true });
    this.questions.on('error', () => this.questions!.destroy());
    await new Promise((resolve) => this.questions!.once('connect', resolve));
  }

  ask(number: number): void {
    const frame = Buffer.allocUnsafe(20);
    frame.writeUInt32BE(16, 0);
    frame.write(remoteKeys[number % remoteKeys.length]!, 4, 'latin1');
    frame.writeUInt32BE(number, 16);
    this.asked[number] = performance.now();
    this.questions!.write(frame);
  }

  /** Resolves when every question is answered. @throws Error when one is not */
  async answers(): Promise<readonly number[]> {
    for (let waited = 0; this.us.length < this.asked.length; waited += 0.01) {
      if (waited > answerSecondsMax) {
        throw new Error(
          `${this.make}: ${this.us.length} answers to ${this.asked.length} questions after ${answerSecondsMax} s`,
        );
      }
      await setTimeout(10);
    }
    return this.us;
  }

  async end(): Promise<void> {
    await Promise.all(this.processes.map(({ child }) => end(child)));
    this.questions?.destroy();
    for (const socket of this.connections) socket.destroy();
    this.server.close();
  }

  private take(chunk: Buffer): void {
    const now = performance.now();
    const bytes = this.carry.length > 0 ? Buffer.concat([this.carry, chunk]) : chunk;
    let at = 0;
    for (; at + 12 <= bytes.length; at += 12) {
      const number = bytes.readUInt32BE(at + 4);
      if (number !== this.us.length) {
        throw new Error(`${this.make}: answer ${number} came where ${this.us.length} was due`);
      }
      this.us.push((now - this.asked[number]!) * 1000);
    }
    this.carry = bytes.subarray(at);
  }
}

/** Keys of twelve characters that the second process owns. */
const remoteKeys = Array.from({ length: 200 }, (_, i) => `sensor${String(i).padStart(6, '0')}`).filter(
  (key) => ownerOf(key) === 1,
);
