import { connect, type Socket } from 'node:net';
import { encodeHubMessage, noMinimum, type Address } from '@wallaroo/protocol';
import type { Engine } from '../core/engine/engine.js';
import type { Meter } from '../core/metrics/meter.js';
import { unixMs } from './unix-time.js';

const periodNs = 2_000_000_000n;
const reconnectMs = 250;
/** While the hub has not taken more than this, periods are dropped: metrics never cost the data path memory. */
const unsentBytesMax = 1024 * 1024;

/**
 * Reports the engine's meters to a metrics hub every two seconds of Unix time, if there was anything to count.
 * Without a hub nothing is timed, and it is looked for again every 250 ms.
 */
export class MetricsReporter {
  private socket: Socket | undefined;
  private connected = false;
  private stopped = false;
  private retry: NodeJS.Timeout | undefined;
  private period: NodeJS.Timeout | undefined;
  private readonly topic: string;
  private counted = new Map<Meter, number>();

  constructor(
    private readonly engine: Engine,
    private readonly worker: string,
    private readonly hub: Address,
  ) {
    this.topic = `metrics:${engine.application.name}`;
  }

  start(): void {
    this.connect();
    this.schedulePeriod();
  }

  /** Sends what the current period has so far, then closes. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    clearTimeout(this.period);
    this.report(periodEnd());
    this.socket?.destroySoon();
  }

  private connect(): void {
    const socket = connect({ port: this.hub.port, host: this.hub.host || 'localhost', noDelay: true });
    this.socket = socket;
    socket.unref();
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      this.connected = true;
      this.engine.timed = true;
      for (const meter of this.engine.meters) meter.startPeriod();
      socket.resume();
      socket.write(encodeHubMessage({ type: 'connect' }));
      socket.write(encodeHubMessage({ type: 'join', topic: this.topic, worker: this.worker }));
    });
    socket.once('close', () => {
      this.connected = false;
      this.engine.timed = false;
      if (!this.stopped) this.retry = setTimeout(() => this.connect(), reconnectMs).unref();
    });
  }

  private schedulePeriod(): void {
    const end = periodEnd();
    this.period = setTimeout(
      () => {
        this.report(end);
        this.schedulePeriod();
      },
      Number(end - unixNs()) / 1e6 + 1,
    ).unref();
  }

  private report(end: bigint): void {
    const { meters } = this.engine;
    const active = meters.some((meter) => meter.count !== this.counted.get(meter));
    if (this.connected && active && this.socket!.writableLength < unsentBytesMax) {
      for (const meter of meters) {
        meter.settle();
        if (meter.count > 0) this.socket!.write(this.payload(meter, end));
      }
    }
    for (const meter of meters) {
      meter.startPeriod();
      this.counted.set(meter, meter.count);
    }
  }

  private payload(meter: Meter, end: bigint): Buffer {
    const { bins, min, max } = meter.histogram;
    return encodeHubMessage({
      type: 'payload',
      event: 'metrics',
      topic: this.topic,
      metric: {
        name: meter.name,
        category: meter.category,
        worker: this.worker,
        pipeline: meter.pipeline,
        id: meter.position,
        bins,
        min: min === Infinity ? noMinimum : BigInt(min),
        max: BigInt(max),
        period: periodNs,
        periodEnd: end,
      },
    });
  }
}

function unixNs(): bigint {
  return BigInt(Math.round(unixMs() * 1e6));
}

function periodEnd(): bigint {
  return (unixNs() / periodNs + 1n) * periodNs;
}
