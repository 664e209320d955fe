import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { stepsInCycle, type Workload } from '../workloads/workload.js';
import { Histogram } from './histogram.js';
import { LoopedStream } from './looped-stream.js';
import { elapsedNs, type Schedule } from './schedule.js';

const pieceBytes = 128 * 1024;

export interface FloodProgress {
  readonly steps: number;
  /** Time during which a stream waited for the other side to take more: near all of it if that is the slower. */
  readonly stalledNs: number;
}

/** Sends a workload's streams, level with each other. */
export class Sender {
  private stopping = false;
  private steps = 0;
  private stalledNs = 0n;

  private constructor(
    private readonly workload: Workload,
    private readonly streams: readonly LoopedStream[],
    private readonly sockets: readonly Socket[],
  ) {}

  static async connect(workload: Workload, ports: readonly number[]): Promise<Sender> {
    const sockets = ports.map((port) => connect({ port, host: '127.0.0.1', noDelay: true }));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const streams = workload.streams.map((stream) => new LoopedStream(stream));
    return new Sender(workload, streams, sockets);
  }

  sendPreamble(): void {
    const { preamble } = this.workload.priming!;
    this.sockets[preamble.stream]!.write(preamble.bytes);
  }

  sendProbe(): void {
    const { probe } = this.workload.priming!;
    this.sockets[probe.stream]!.write(probe.bytes);
  }

  get progress(): FloodProgress {
    return { steps: this.steps, stalledNs: Number(this.stalledNs) };
  }

  stop(): void {
    this.stopping = true;
  }

  /** As fast as the other side takes it, until `stop` or for `stepsMax` steps. */
  async flood(stepsMax: number): Promise<FloodProgress> {
    const longest = Math.max(...this.streams.map((stream) => stream.bytesPerMessage));
    const piece = Math.min(stepsInCycle(this.workload) * 64, Math.ceil(pieceBytes / longest));
    while (!this.stopping && this.steps < stepsMax) {
      const next = Math.min(stepsMax, this.steps + piece);
      const full = this.write(this.steps, next);
      this.steps = next;
      const before = process.hrtime.bigint();
      await Promise.all(full.map((socket) => once(socket, 'drain')));
      this.stalledNs += process.hrtime.bigint() - before;
    }
    return this.progress;
  }

  /**
   * Each tick's messages when they are due. Sleeps on a futex, for timers are too coarse and a busy loop would
   * take the core away from the receiver. Gives how late the ticks were sent, in us.
   */
  async pace(
    schedule: Schedule,
  ): Promise<{ steps: number; latenessUs: { p50: number; p99: number; max: number } }> {
    const lateness = new Histogram();
    const never = new Int32Array(new SharedArrayBuffer(4));
    for (let tick = 0; tick < schedule.ticks; tick++) {
      const due = tick * schedule.tickNs;
      const early = due - elapsedNs(schedule);
      if (early > 0) Atomics.wait(never, 0, 0, early / 1e6);
      if (tick >= schedule.warmUpTicks) lateness.record((elapsedNs(schedule) - due) / 1000);
      this.write(tick * schedule.stepsPerTick, (tick + 1) * schedule.stepsPerTick);
      await setImmediate();
    }
    this.steps = schedule.ticks * schedule.stepsPerTick;
    const latenessUs = { p50: lateness.percentile(50), p99: lateness.percentile(99), max: lateness.max };
    return { steps: this.steps, latenessUs };
  }

  /** Gives the sockets that want no more for now. */
  private write(from: number, to: number): Socket[] {
    return this.sockets.filter((socket, index) => {
      let more = true;
      for (const slice of this.streams[index]!.slices(from, to)) more = socket.write(slice);
      return !more;
    });
  }
}
