/**
 * The keyed job on one or two processes, without a framework: messages of its own, half of them for the other
 * process, which gets them in batches of 256 over one connection. Plain code, as for this one job.
 *
 * A batch is a u32 length, then an array of messages in MessagePack. No number, no acknowledgement, no checksum:
 * what is lost is lost.
 */
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { Packr, RESERVE_START_SPACE } from 'msgpackr';

interface Reading {
  key: string;
  value: number;
  ts: number;
}

const batchMax = 256;
const sliceMs = 1;

const { values } = parseArgs({
  options: {
    keys: { type: 'string' },
    index: { type: 'string' },
    every: { type: 'string' },
    work: { type: 'string' },
    /** Of the other process; `listen` in the one that waits for it, nothing where there is no other. */
    peer: { type: 'string' },
  },
});
const keys = JSON.parse(readFileSync(values.keys!, 'utf8')) as string[];
const index = Number(values.index);
const every = Number(values.every);
const work = Number(values.work);
const firstTs = Date.now();

const totals = new Map<string, { count: number; sum: number }>();
let generated = 0;
let processed = 0;
let crossed = 0;
let at = 0;

function progress(final: boolean): string {
  const { user, system } = process.cpuUsage();
  return `${JSON.stringify({ final, generated, processed, crossed, cpuUs: user + system })}\n`;
}

function next(): Reading {
  const key = keys[at]!;
  at = at + 1 < keys.length ? at + 1 : 0;
  generated++;
  return { key, value: (generated & 0xffff) * 2 + index, ts: firstTs + generated };
}

/** Takes time, and gives what it was given but for rounding. */
function worked(value: number): number {
  let square = value * value;
  for (let i = 0; i < work; i++) square = Math.sqrt(square * square + 1);
  return Math.sqrt(square);
}

function count(reading: Reading): void {
  let total = totals.get(reading.key);
  if (total === undefined) {
    total = { count: 0, sum: 0 };
    totals.set(reading.key, total);
  }
  total.count++;
  total.sum += worked(reading.value);
  if ((reading.value & 1) !== index) crossed++;
  if (++processed % every === 0) process.stdout.write(progress(false));
}

/** FNV-1a with the finalizer of MurmurHash3; the lowest bit deals keys to the two processes. */
function ownerOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) & 1;
}

const packr = new Packr({ useRecords: true });
let batch: Reading[] = [];
let peer: Socket | undefined;
let full = false;
let stopping = false;

function sendBatch(): void {
  if (batch.length === 0) return;
  const bytes = packr.pack(batch, RESERVE_START_SPACE + 4);
  bytes.writeUInt32BE(bytes.length - 4, 0);
  batch = [];
  if (!peer!.write(bytes)) {
    full = true;
    peer!.once('drain', () => {
      full = false;
      setImmediate(slice);
    });
  }
}

function slice(): void {
  if (stopping) return;
  const end = performance.now() + sliceMs;
  do {
    for (let i = 0; i < 64; i++) {
      const reading = next();
      if (peer === undefined || ownerOf(reading.key) === index) {
        count(reading);
      } else {
        batch.push(reading);
        if (batch.length === batchMax) sendBatch();
        if (full) return;
      }
    }
  } while (performance.now() < end);
  sendBatch();
  if (!full) setImmediate(slice);
}

function stop(): void {
  if (stopping) return;
  stopping = true;
  if (peer === undefined) process.exit();
  sendBatch();
  peer.end();
}

function begin(socket?: Socket): void {
  peer = socket;
  let carry: Buffer = Buffer.alloc(0);
  peer?.on('data', (chunk: Buffer) => {
    const bytes = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk;
    let from = 0;
    while (from + 4 <= bytes.length) {
      const end = from + 4 + bytes.readUInt32BE(from);
      if (end > bytes.length) break;
      const readings = packr.unpack(bytes.subarray(from + 4, end)) as Reading[];
      for (const reading of readings) count(reading);
      from = end;
    }
    carry = bytes.subarray(from);
  });
  peer?.on('end', stop);
  peer?.on('close', () => process.exit());
  console.log('ready');
  setImmediate(slice);
}

process.once('SIGTERM', stop);
process.once('exit', () => process.stdout.write(progress(true)));
if (values.peer === undefined) {
  begin();
} else if (values.peer === 'listen') {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    server.close();
    begin(socket);
  });
  server.listen(0, '127.0.0.1', () => {
    console.log(`control: listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
} else {
  const [host, port] = values.peer.split(':');
  const socket = connect({ host: host!, port: Number(port), noDelay: true, allowHalfOpen: true }, () =>
    begin(socket),
  );
}
