import { ConnectorSource, type StreamRecord } from '@wallaroo/connector';
import type { Workload } from '../workloads/workload.js';
import { connectorCookie } from './connector-cookie.js';
import type { FloodProgress } from './sender.js';

const lengthBytes = 4;

/** Sends the only stream of a workload to a connector source, by the client library that authors use. */
export class ConnectorSender {
  private stopping = false;
  private steps = 0;
  private readonly source: ConnectorSource;
  private readonly payloads: readonly Buffer[];

  /** @throws TypeError for a workload of several streams: nothing here would keep them level */
  constructor(
    private readonly workload: Workload,
    ports: readonly number[],
  ) {
    const [stream, ...others] = workload.streams;
    if (others.length > 0) throw new TypeError(`${workload.name} has ${workload.streams.length} streams`);
    this.payloads = stream!.cycle.map((frame) => frame.subarray(lengthBytes));
    const addresses = ports.map((port) => ({ host: '127.0.0.1', port }));
    this.source = new ConnectorSource({ addresses, cookie: connectorCookie });
    this.source.start();
  }

  /** How long it waits for credit is not known: the library does not tell. */
  get progress(): FloodProgress {
    return { steps: this.steps, stalledNs: 0 };
  }

  stop(): void {
    this.stopping = true;
  }

  /** As fast as the library sends and the worker takes it, until `stop` or for `stepsMax` steps. */
  async flood(stepsMax: number): Promise<FloodProgress> {
    const replay = (after = 0n) => this.records(Number(after), stepsMax);
    await this.source.addStream({ name: this.workload.streams[0]!.source, replay });
    return this.progress;
  }

  private async *records(after: number, stepsMax: number): AsyncGenerator<StreamRecord> {
    const { payloads } = this;
    for (let step = after; !this.stopping && step < stepsMax; step++) {
      this.steps = step + 1;
      yield { id: BigInt(step + 1), bytes: payloads[step % payloads.length]! };
    }
  }
}
