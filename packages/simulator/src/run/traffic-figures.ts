import type { Traffic } from '../world/traffic.js';
import { runScenario } from './run.js';
import { drawScenario, type Scenario } from './scenario.js';

/** What workers say to each other while nothing goes wrong. */
export interface TrafficFigures {
  readonly workers: number;
  /** Messages that entered, and virtual seconds from the first start to the last end. */
  readonly messages: number;
  readonly seconds: number;
  readonly control: Traffic;
  readonly data: Traffic;
  readonly controlFramesPerWorker: number;
  readonly controlBytesPerWorkerAndSecond: number;
  readonly dataBytesPerMessage: number;
}

/** Runs a cluster of this size without faults, on a fixed input for each worker, and counts what it sends. */
export function countTraffic(workers: number): TrafficFigures {
  const report = runScenario(quietScenario(workers));
  if (report.violation !== undefined) throw new Error(report.violation.text);
  const [control, data] = [report.traffic.total('control'), report.traffic.total('data')];
  const seconds = report.virtualMs / 1000;
  return {
    workers,
    messages: report.pushed,
    seconds,
    control,
    data,
    controlFramesPerWorker: control.frames / workers,
    controlBytesPerWorkerAndSecond: control.bytes / workers / seconds,
    dataBytesPerMessage: data.bytes / report.pushed,
  };
}

function quietScenario(workers: number): Scenario {
  const latency = { leastMs: 0.05, mostMs: 0.5, tailChance: 0, tailMs: 1 };
  return {
    ...drawScenario(1, { workers, faults: [] }),
    spares: 0,
    shape: {
      slots: 1024,
      sources: 1,
      front: false,
      inner: false,
      multiply: false,
      second: 'keyBy',
      third: false,
      sinks: 1,
    },
    input: { messages: 500, firstKeys: 100, secondKeys: 100, payload: 'text', payloadBytes: 50 },
    horizonMs: 10_000,
    burst: 10,
    windowBytes: { link: 1024 * 1024, sink: 1024 * 1024 },
    latency,
    segmentation: 'whole',
    diskLatency: latency,
    sinkLatency: latency,
    shutDownEarly: false,
  };
}
