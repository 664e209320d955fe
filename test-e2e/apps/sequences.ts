import { parseArgs } from 'node:util';
import {
  application,
  connectorSink,
  connectorSource,
  framedTcpSource,
  source,
  stateComputation,
  tcpSink,
  type RunningSource,
  type SourceConfig,
  type SourceContext,
} from '@wallaroo/worker';

/**
 * Finds out by itself whether messages were lost, repeated or mixed up, whatever becomes of its workers.
 *
 * Messages are numbered from 1 for each key. Those of the source `made` each worker makes itself, and makes again
 * when it goes back; those of `in` come as `KEY NUMBER` from a client that sends again what it has seen no output
 * of. A state for each key sees that no number is missing; then one for each group of keys, mostly on another
 * worker, sees it again. `KEY NUMBER ok` comes out, or what was wrong instead of `ok`.
 *
 * With `--connectors` a third source takes streams of the same kind, and a sink that commits in two phases what comes of
 * them.
 *
 *     --made N     messages that each worker makes in a second, default 200
 *     --keys N     of these, default 20
 */
interface Numbered {
  readonly key: string;
  readonly number: number;
  readonly fault: string;
}

class Sequence {
  last = 0;
}

class Group {
  readonly last = new Map<string, number>();
}

export default function sequences(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      made: { type: 'string', default: '200' },
      keys: { type: 'string', default: '20' },
      connectors: { type: 'boolean', default: false },
    },
  });
  const made = madeSource(workerName(), Number(values.made), Number(values.keys));
  const sent = framedTcpSource({ decoder: numbered });
  const brought = connectorSource({ decoder: numbered, cookie: 'way in', maxCredits: 200 });
  const toConnector = connectorSink({ name: 'brought', encoder: line, cookie: 'way out' });
  return application(
    'sequences',
    checked('made', made).toSink(tcpSink({ name: 'made', encoder: line, deliver: 'on-commit' })),
    // Its client may have to send again what had arrived.
    checked('in', sent, true).toSink(tcpSink({ name: 'in', encoder: line })),
    ...(values.connectors ? [checked('brought', brought).toSink(toConnector)] : []),
  );
}

function numbered(bytes: Buffer, start: number, end: number): Numbered {
  const [key = '', number] = bytes.toString('latin1', start, end).split(' ');
  return { key, number: Number(number), fault: '' };
}

function checked(name: string, from: SourceConfig<Numbered>, repeats = false) {
  return source(name, from)
    .keyBy(({ key }) => key)
    .to(
      stateComputation(`keys of ${name}`, Sequence, (message: Numbered, state) => {
        const { last } = state;
        if (message.number <= last && repeats) return undefined;
        state.last = message.number;
        return message.number === last + 1 ? message : { ...message, fault: `the state was at ${last}` };
      }),
    )
    .keyBy(({ key }) => `group ${key.slice(-2)}`)
    .to(
      stateComputation(`groups of ${name}`, Group, (message: Numbered, state) => {
        const last = state.last.get(message.key) ?? 0;
        state.last.set(message.key, message.number);
        if (message.fault !== '' || message.number === last + 1) return message;
        return { ...message, fault: `the group was at ${last}` };
      }),
    );
}

function line({ key, number, fault }: Numbered): string {
  return `${key} ${number} ${fault || 'ok'}\n`;
}

function workerName(): string {
  const at = process.argv.indexOf('--name');
  return at < 0 ? 'initializer' : process.argv[at + 1]!;
}

function madeSource(worker: string, perSecond: number, keys: number): SourceConfig<Numbered> {
  return { kind: 'made', open: (context) => new MadeSource(context, worker, perSecond, keys) };
}

const everyMs = 10;

/** Message `i` is the same whenever it is made. */
class MadeSource implements RunningSource {
  readonly parallelism = 1;
  private next = 0;
  private due = 0;
  private running = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: SourceContext<Numbered>,
    private readonly worker: string,
    private readonly perSecond: number,
    private readonly keys: number,
  ) {}

  async start(): Promise<void> {
    this.timer = setInterval(() => this.make(), everyMs);
  }

  position(): Uint8Array {
    return this.context.pack(this.next);
  }

  restore(position: Uint8Array | undefined): void {
    this.next = position === undefined ? 0 : (this.context.unpack(position) as number);
  }

  mute(): void {
    this.running = false;
  }

  unmute(): void {
    this.running = true;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
  }

  private make(): void {
    if (!this.running) return;
    this.due += (this.perSecond * everyMs) / 1000;
    while (this.due >= 1 && !this.context.muted) {
      this.due--;
      const i = this.next++;
      const key = `${this.worker}:made${i % this.keys}`;
      this.context.push({ key, number: Math.floor(i / this.keys) + 1, fault: '' });
    }
    this.due %= 1;
  }
}
