/**
 * What it costs to write and to read the messages of one batch between workers, by this codec beside MessagePack
 * (`msgpackr`, with records, which name members once) and JSON: every batch can be read by itself. Each codec runs in a
 * process of its own.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Packr } from 'msgpackr';
import { ByteWriter } from '@wallaroo/protocol';
import { MessageDecoder } from '../packages/worker/dist/core/codec/message-decoder.js';
import { MessageEncoder } from '../packages/worker/dist/core/codec/message-encoder.js';
import { MessagePack } from '../packages/worker/dist/core/codec/message-pack.js';
import { conditions, table } from './harness/report.js';
import { median } from './harness/statistics.js';

/** As in `bench/apps/cluster-keyed.ts`, with its key. */
interface Reading {
  readonly sensor: string;
  readonly value: number;
  readonly at: number;
}

export interface Codec {
  write(messages: readonly Reading[]): Buffer;
  /** @returns how many there were, and their sum */
  read(bytes: Buffer): readonly [count: number, sum: number];
}

const batchMessages = 128;
const rounds = 7;

function ours(): Codec {
  const messagePack = new MessagePack([]);
  const encoder = new MessageEncoder(messagePack, undefined);
  const decoder = new MessageDecoder(messagePack, undefined);
  const out = new ByteWriter(64 * 1024);
  return {
    write: (messages) => {
      out.length = 0;
      encoder.beginBatch();
      for (const message of messages) encoder.entry(out, 1, message.sensor, message);
      return Buffer.from(out.buffer.subarray(0, out.length));
    },
    read: (bytes) => {
      let count = 0;
      let sum = 0;
      decoder.beginBatch(bytes, 0, bytes.length);
      while (!decoder.done) {
        decoder.entry();
        sum += (decoder.value() as Reading).value;
        count++;
      }
      return [count, sum];
    },
  };
}

/** A batch as one list of target, key and message. */
type Batch = readonly (readonly [target: number, key: string, message: Reading])[];

const entriesOf = (messages: readonly Reading[]): Batch =>
  messages.map((message) => [1, message.sensor, message] as const);

function sumOf(batch: Batch): readonly [number, number] {
  return [batch.length, batch.reduce((sum, [, , { value }]) => sum + value, 0)];
}

function msgpackr(): Codec {
  const packr = new Packr({ useRecords: true, sequential: false, shouldShareStructure: () => false });
  return {
    write: (messages) => packr.pack(entriesOf(messages)),
    read: (bytes) => sumOf(packr.unpack(bytes) as Batch),
  };
}

function json(): Codec {
  return {
    write: (messages) => Buffer.from(JSON.stringify(entriesOf(messages))),
    read: (bytes) => sumOf(JSON.parse(bytes.toString()) as Batch),
  };
}

export const codecs: Readonly<Record<string, () => Codec>> = { 'this codec': ours, msgpackr, JSON: json };

export function batchOf(count: number): Reading[] {
  return Array.from({ length: count }, (_, i) => ({
    sensor: `sensor-${(i * 7919) % 1000}`,
    value: (i * 31) % 5000,
    at: 1_700_000_000_000 + i,
  }));
}

interface Cost {
  readonly writeNs: number;
  readonly readNs: number;
  readonly bytes: number;
}

export function measureCodec(name: string, batches: number): Cost {
  const codec = codecs[name]!();
  const messages = batchOf(batchMessages);
  const once = codec.write(messages);
  const costs = Array.from({ length: rounds }, () => {
    const start = process.cpuUsage();
    for (let i = 0; i < batches; i++) codec.write(messages);
    const written = process.cpuUsage(start).user;
    const middle = process.cpuUsage();
    for (let i = 0; i < batches; i++) codec.read(once);
    const read = process.cpuUsage(middle).user;
    const each = (us: number) => (us * 1000) / (batches * batchMessages);
    return { writeNs: each(written), readNs: each(read) };
  });
  return {
    writeNs: median(costs.map(({ writeNs }) => writeNs)),
    readNs: median(costs.map(({ readNs }) => readNs)),
    bytes: once.length / batchMessages,
  };
}

function main([name]: readonly string[]): void {
  if (name !== undefined) return console.log(JSON.stringify(measureCodec(name, 4000)));
  const rows = Object.keys(codecs).map((codec) => {
    const { stdout } = spawnSync(
      process.execPath,
      ['--import', 'tsx', fileURLToPath(import.meta.url), codec],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const { writeNs, readNs, bytes } = JSON.parse(stdout) as Cost;
    return [codec, writeNs.toFixed(0), readNs.toFixed(0), (writeNs + readNs).toFixed(0), bytes.toFixed(1)];
  });
  console.log(conditions());
  console.log(table(['codec', 'write ns / message', 'read ns / message', 'both', 'bytes / message'], rows));
}

if (process.argv[1]?.endsWith('codec.ts')) main(process.argv.slice(2));
