/** The process that takes in the outputs, counts and verifies them; its parent commands it. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Patience } from '../harness/patience.js';
import { processUsage } from '../harness/process-usage.js';
import { workloadNamed } from '../workloads/catalogue.js';
import { outputsAfter, type Workload, type WorkloadName } from '../workloads/workload.js';
import { listenForCommittedOutput } from './committed-output.js';
import { LatencyRecorder } from './latency-recorder.js';
import { OutputMeter } from './output-meter.js';
import { answerCalls } from './remote-calls.js';
import type { Schedule } from './schedule.js';
import { faultsOf } from './verify.js';

/** Long enough for any stall, short enough that a lost message ends the run. */
const silenceSecondsMax = 15;

let workload: Workload;
let meter: OutputMeter;
/** What has come, though it may not count yet. */
let arrivals: OutputMeter;
let recorder: LatencyRecorder | undefined;
let connections = 0;
let wake: (() => void) | undefined;

const server = createServer((socket) => {
  connections += 1;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    meter.push(chunk);
    recorder?.received(meter.outputs);
    wake?.();
  });
});

/** Resolves when that many outputs have come, or when nothing has come for a long time. */
function arrived(outputs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      silence.end();
      wake = undefined;
      resolve();
    };
    const silence = new Patience(silenceSecondsMax, done);
    wake = () => {
      if (meter.outputs >= outputs) done();
      else silence.restart();
    };
    wake();
  });
}

const calls = {
  listen: async (name: WorkloadName) => {
    workload = workloadNamed(name);
    meter = arrivals = new OutputMeter(workload.outputShape);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },
  /** As a two-phase sink: outputs are verified once they are committed. */
  listenAsConnector: ({ workload: name, folder }: { workload: WorkloadName; folder: string }) => {
    workload = workloadNamed(name);
    meter = new OutputMeter(workload.outputShape);
    arrivals = new OutputMeter(workload.outputShape);
    return listenForCommittedOutput(folder, {
      connected: () => (connections += 1),
      staged: (bytes) => arrivals.push(bytes),
      committed: (bytes) => {
        meter.push(bytes);
        wake?.();
      },
    });
  },
  /** The answer to the `count`-th probe: is the application ready for the first step? */
  isPrimed: async (count: number) => {
    await arrived(count);
    const { outputShape, priming } = workload;
    if (outputShape.kind !== 'fixed') throw new Error('probes need outputs of a fixed length');
    return priming!.isPrimed(meter.tail().subarray(-outputShape.bytes));
  },
  /** Forgets what came while priming. */
  restart: () => {
    meter.restart();
  },
  /** What has come, and the usage of process `pid`, read with no time between them. */
  sample: (pid: number) => ({ outputs: arrivals.outputs, bytes: arrivals.bytes, usage: processUsage(pid) }),
  /** Waits for all outputs of `steps` steps and compares; gives what is wrong. */
  verify: async (steps: number) => {
    await arrived(outputsAfter(workload, steps));
    const extra = connections === 1 ? [] : [`${connections} connections came, 1 was expected`];
    return [...extra, ...faultsOf(workload, steps, meter)];
  },
  recordLatency: (schedule: Schedule) => {
    recorder = new LatencyRecorder(workload, schedule);
  },
  latency: () => recorder!.summary,
};

export type ReceiverCalls = typeof calls;
answerCalls(calls);
