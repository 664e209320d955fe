import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';

/**
 * The metrics hub protocol: `u32 length, u8 type, body`.
 * The worker only speaks (connect, join, payload), the hub only listens.
 */

export type MetricCategory = 'computation' | 'start-to-end' | 'node-ingress-egress' | 'pipeline-ingestion';

/** Durations of one period. Bin 0 counts zeros, bin i counts 2^(i-1) <= nanoseconds < 2^i. */
export interface Metric {
  readonly name: string;
  readonly category: MetricCategory;
  readonly worker: string;
  readonly pipeline: string;
  /** Place in the pipeline: the decoder is 1. Zero for the other categories. */
  readonly id: number;
  /** 65 counts. */
  readonly bins: ArrayLike<number>;
  /** Nanoseconds; {@link noMinimum} when there is no sample. */
  readonly min: bigint;
  readonly max: bigint;
  readonly period: bigint;
  /** Unix time in nanoseconds, a multiple of the period. */
  readonly periodEnd: bigint;
}

export type HubMessage =
  | { readonly type: 'connect' }
  | { readonly type: 'join'; readonly topic: string; readonly worker?: string }
  | { readonly type: 'payload'; readonly event: string; readonly topic: string; readonly metric: Metric };

export const hubBins = 65;
export const noMinimum = 2n ** 64n - 1n;

const typeNumber = { connect: 1, join: 2, payload: 3 } as const;

/** The number that stands in front of a metric exceeds its true length by this much; hubs skip it, so it stays. */
const recordLengthSurplus = 152;

export function encodeHubMessage(message: HubMessage): Buffer {
  const writer = new ByteWriter(768);
  writer.u32(0).u8(typeNumber[message.type]);
  switch (message.type) {
    case 'connect':
      break;
    case 'join':
      writer.text32(message.topic);
      if (message.worker !== undefined) writer.text32(message.worker);
      break;
    case 'payload': {
      writer.text32(message.event).text32(message.topic);
      const record = encodeMetric(message.metric);
      writer.u32(record.length).bytes(record);
    }
  }
  writer.patchU32(0, writer.length - 4);
  return writer.toBuffer();
}

function encodeMetric(metric: Metric): Buffer {
  const writer = new ByteWriter(768);
  writer.u32(0).text32(metric.name).text32(metric.category).text32(metric.worker).text32(metric.pipeline);
  writer.u16(metric.id);
  for (let bin = 0; bin < hubBins; bin++) writer.u53(metric.bins[bin]!);
  writer.u64(metric.min).u64(metric.max).u64(metric.period).u64(metric.periodEnd);
  writer.patchU32(0, writer.length - 4 + recordLengthSurplus);
  return writer.toBuffer();
}

/**
 * Reads what follows the length of a frame.
 * @throws ShortInputError when bytes are missing, RangeError when the type is unknown
 */
export function decodeHubMessage(bytes: Buffer, start = 0, end = bytes.length): HubMessage {
  const reader = new ByteReader(bytes, start, end);
  const type = reader.u8();
  switch (type) {
    case typeNumber.connect:
      return { type: 'connect' };
    case typeNumber.join: {
      const topic = reader.text32();
      return reader.left > 0 ? { type: 'join', topic, worker: reader.text32() } : { type: 'join', topic };
    }
    case typeNumber.payload: {
      const event = reader.text32();
      const topic = reader.text32();
      reader.u32();
      return { type: 'payload', event, topic, metric: decodeMetric(reader) };
    }
    default:
      throw new RangeError(`unknown hub message type ${type}`);
  }
}

function decodeMetric(reader: ByteReader): Metric {
  reader.u32();
  return {
    name: reader.text32(),
    category: reader.text32() as MetricCategory,
    worker: reader.text32(),
    pipeline: reader.text32(),
    id: reader.u16(),
    bins: Array.from({ length: hubBins }, () => Number(reader.u64())),
    min: reader.u64(),
    max: reader.u64(),
    period: reader.u64(),
    periodEnd: reader.u64(),
  };
}
