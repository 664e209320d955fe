/**
 * The core alone, without sockets: CPU nanoseconds per message as stages are added one by one.
 * Each variant runs in processes of its own, so that none is compiled for the needs of another.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FrameSplitter, u32Frames } from '@wallaroo/protocol';
import {
  application,
  ascii,
  computation,
  framed,
  framedTcpSource,
  record,
  source,
  stateComputation,
  stdoutSink,
  u32,
  u53,
  type Application,
  type RecordOf,
} from '@wallaroo/worker';
import { Engine } from '../packages/worker/dist/core/engine/engine.js';
import { planApplication } from '../packages/worker/dist/core/topology/planner.js';
import { median } from './harness/statistics.js';

const vote = record({ letter: ascii(1), votes: u32 });
type Vote = RecordOf<typeof vote>;
interface Total {
  letter: string;
  votes: number;
}
const total = record({ letter: ascii(1), votes: u53 });

const nothing = computation('nothing', (): Total | undefined => undefined);
const newCount = () => ({ votes: 0 });
const countVotes = stateComputation('count votes', newCount, ({ letter, votes }: Vote, state) => {
  state.votes += votes;
  return { letter, votes: state.votes };
});
const countSilently = stateComputation(
  'count votes',
  newCount,
  ({ votes }: Vote, state): Total | undefined => {
    state.votes += votes;
    return undefined;
  },
);
const votes = source('votes', framedTcpSource({ decoder: vote.decode }));
const sink = stdoutSink({ encoder: framed(total.encode) });

/** Frames are cut in every variant; each of the others adds a stage to the one before. */
const variants: Record<string, Application | undefined> = {
  'cut frames': undefined,
  '+ decode (and an empty computation)': application('decode', votes.to(nothing).toSink(sink)),
  '+ keyBy': application(
    'keyBy',
    votes
      .keyBy(({ letter }) => letter)
      .to(nothing)
      .toSink(sink),
  ),
  '+ state instead of the empty computation': application(
    'state',
    votes
      .keyBy(({ letter }) => letter)
      .to(countSilently)
      .toSink(sink),
  ),
  '+ encode': application(
    'encode',
    votes
      .keyBy(({ letter }) => letter)
      .to(countVotes)
      .toSink(sink),
  ),
};

/** Keeps the compiler from leaving out work whose result nobody reads. */
let touched = 0;

const messages = 7000;
const rounds = 5;
const warmUpMs = 400;
const measuredMs = 1000;

const [variant] = process.argv.slice(2);
if (variant === undefined) compare();
else console.log(measure(variants[variant]));

function compare(): void {
  const samples = Object.keys(variants).map((name) => ({ name, ns: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { name, ns } of samples) ns.push(measureInProcess(name));
  }
  console.log('| stages | ns of CPU per message, median | added | best |\n| --- | --- | --- | --- |');
  let before = 0;
  for (const { name, ns } of samples) {
    const middle = median(ns);
    console.log(
      `| ${name} | ${middle.toFixed(1)} | ${(middle - before).toFixed(1)} | ${Math.min(...ns).toFixed(1)} |`,
    );
    before = middle;
  }
}

function measureInProcess(name: string): number {
  const args = ['--import', 'tsx', fileURLToPath(import.meta.url), name];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

/** @returns nanoseconds of CPU for each message */
function measure(app: Application | undefined): number {
  const chunk = votesChunk();
  const push = app === undefined ? frameCutter() : engineOf(app);
  run(push, chunk, warmUpMs);
  const before = process.cpuUsage();
  const count = run(push, chunk, measuredMs);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / (count * messages);
}

function run(push: (chunk: Buffer) => void, chunk: Buffer, ms: number): number {
  const end = performance.now() + ms;
  let chunks = 0;
  while (performance.now() < end) {
    push(chunk);
    chunks++;
  }
  return chunks;
}

function frameCutter(): (chunk: Buffer) => void {
  const splitter = new FrameSplitter(u32Frames(16384), (bytes, start) => (touched += bytes[start]!));
  return (chunk) => splitter.push(chunk);
}

function engineOf(app: Application): (chunk: Buffer) => void {
  const engine = new Engine(planApplication(app), {
    worker: 'core',
    clock: { now: () => performance.now() * 1e6 },
    log: { write: () => undefined },
    output: () => ({ write: (bytes) => (touched += bytes.length) > 0 }),
    turnOpened: () => undefined,
  });
  const inlet = engine.inlets.get('votes')!;
  const splitter = new FrameSplitter(u32Frames(16384), (bytes, start, end) =>
    inlet.receive(bytes, start, end),
  );
  return (chunk) => {
    splitter.push(chunk);
    engine.endTurn();
  };
}

function votesChunk(): Buffer {
  const chunk = Buffer.alloc(messages * 9);
  for (let i = 0; i < messages; i++) {
    chunk.writeUInt32BE(5, i * 9);
    chunk[i * 9 + 4] = 97 + ((i * 7919) % 26);
    chunk.writeUInt32BE(i % 100, i * 9 + 5);
  }
  return chunk;
}
