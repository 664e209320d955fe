import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { RunningSink, RunningSource, SinkConfig, SourceConfig, SourceContext } from '@wallaroo/worker';
import { LatencyLog } from '../rescale/latency-log.js';
import { keyOf, messageEncoder, nowMs, SteadyRate, timedCount, type Message } from './timed-count.js';

interface Load {
  readonly keys: number;
  readonly hotKeys: number;
  readonly perMs: number;
}

const messagesBetweenLines = 10_000;

/**
 * Many keys, of which a share changes all the time, for measuring what it costs that their state outlives a crash.
 *
 * The worker with `--load` first makes all keys, then sends messages for every tenth of them (`--changing 0.1`), each
 * once before any comes again, in an order without order: `--rate` a second, or as fast as they are processed. After a
 * crash it goes on where it was. With `--report`, what its sink has seen is written there at the end.
 *
 *     --keys N   --changing SHARE   --rate MESSAGES-PER-SECOND   --load   --report FILE
 *
 * Lines of JSON on stdout say how far it is; see `bench/resilience/subject.ts`.
 */
export default function resilience(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      keys: { type: 'string', default: '10000' },
      changing: { type: 'string', default: '0.1' },
      rate: { type: 'string', default: 'Infinity' },
      load: { type: 'boolean', default: false },
      report: { type: 'string' },
    },
  });
  const keys = Number(values.keys);
  const load = {
    keys,
    hotKeys: Math.max(1, Math.floor(keys * Number(values.changing))),
    perMs: Number(values.rate) / 1000,
  };
  return timedCount('resilience', {
    load: loadSource(load, values.load),
    report: reportSink(values.report),
    // States of 100 bytes, but for the first one in a batch.
    owner: 'somebody or other, far away',
  });
}

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function loadSource(load: Load, active: boolean): SourceConfig<Message> {
  return { kind: 'load', open: (context) => new LoadSource(context, load, active) };
}

class LoadSource implements RunningSource {
  readonly parallelism = 1;
  private made = 0;
  /** Messages since then. */
  private sent = 0;
  private readonly rate: SteadyRate;
  private timer: NodeJS.Timeout | undefined;
  private immediate: NodeJS.Immediate | undefined;
  private readonly step: number;

  constructor(
    private readonly context: SourceContext<Message>,
    private readonly load: Load,
    private readonly active: boolean,
  ) {
    this.rate = new SteadyRate(load.perMs);
    this.step = coprimeNear(load.hotKeys * 0.618, load.hotKeys);
  }

  async start(): Promise<void> {
    if (this.active) this.immediate = setImmediate(() => this.run());
  }

  position(): Uint8Array {
    return this.context.pack([this.made, this.sent]);
  }

  restore(position: Uint8Array | undefined): void {
    [this.made, this.sent] =
      position === undefined ? [0, 0] : (this.context.unpack(position) as [number, number]);
  }

  mute(): void {}

  unmute(): void {}

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    clearImmediate(this.immediate);
  }

  private run(): void {
    const filling = this.made < this.load.keys;
    if (!this.context.muted) this.push(filling);
    if (filling || this.load.perMs === Infinity) this.immediate = setImmediate(() => this.run());
    else this.timer = setTimeout(() => this.run(), 1);
  }

  private push(filling: boolean): void {
    if (filling) return this.fill();
    if (this.load.perMs === Infinity) {
      const now = nowMs();
      while (nowMs() < now + 1) {
        for (let i = 0; i < 64; i++) {
          this.send(now);
          if (this.context.muted) return;
        }
      }
      return;
    }
    this.rate.catchUp((due) => {
      this.send(due);
      return !this.context.muted;
    });
  }

  private fill(): void {
    for (let i = 0; i < 500 && this.made < this.load.keys; i++) {
      this.context.push({ key: keyOf(this.made++), due: 0 });
      if (this.context.muted) break;
    }
    if (this.made === this.load.keys) say({ filled: this.made });
  }

  private send(due: number): void {
    const { hotKeys, keys } = this.load;
    const number = ((this.sent++ % hotKeys) * this.step) % hotKeys;
    this.context.push({ key: keyOf(Math.floor((number * keys) / hotKeys)), due });
  }
}

function coprimeNear(wanted: number, modulus: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let step = Math.max(1, Math.floor(wanted));
  while (divisor(step, modulus) !== 1) step++;
  return step;
}

function reportSink(report: string | undefined): SinkConfig<Message> {
  return {
    kind: 'report',
    encoder: messageEncoder,
    open: (context) => {
      const log = new LatencyLog();
      let outputs = 0;
      let said = 0;
      return {
        unsentBytes: 0,
        start: async () => undefined,
        write: (bytes) => {
          if (report !== undefined) log.take(bytes, nowMs());
          if (outputs === 0) say({ firstOutput: true });
          outputs += bytes.length / 12;
          if (outputs - said >= messagesBetweenLines) {
            said = outputs;
            const { user, system } = process.cpuUsage();
            say({ outputs, cpuUs: user + system });
          }
          return true;
        },
        stop: async () => {
          if (report !== undefined) writeFileSync(report, JSON.stringify(log.summary()));
          context.drained();
        },
      } satisfies RunningSink;
    },
  };
}
