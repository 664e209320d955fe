import { setTimeout } from 'node:timers/promises';
import { stepsInCycle } from '../workloads/workload.js';
import { processUsage, type ProcessUsage } from './process-usage.js';
import type { Rig } from './rig.js';

interface Mark {
  readonly outputs: number;
  readonly activeSeconds: number;
  readonly stalledSeconds: number;
  readonly usage: ProcessUsage;
  readonly generator: ProcessUsage;
  readonly receiver: ProcessUsage;
}

export interface FloodResult {
  readonly messages: number;
  /** Messages per second of CPU time of the system under test. */
  readonly perCpuSecond: number;
  /** Messages per second of wall time. */
  readonly perSecond: number;
  /** Shares of one core. `wanted`: the time that the main thread ran or was ready to run. */
  readonly share: { cpu: number; wanted: number; generator: number; receiver: number };
  /** Share of the time that the generator waited for the system under test to take more. */
  readonly stalled: number;
  /** After each quarter of the interval. */
  readonly residentBytes: readonly number[];
  readonly residentBytesPeak: number;
  readonly readyMs: number;
}

/**
 * A system under test with as much load as it takes, which runs only while it has its turn.
 * Between turns it is stopped by the kernel (SIGSTOP), so its counters stand still and another can be measured
 * on the same core a moment later; the load waits in the sockets.
 */
export class Contender {
  private activeNs = 0n;
  private start: Mark | undefined;
  private readonly residentBytes: number[] = [];

  private constructor(
    private readonly rig: Rig,
    private readonly flooding: Promise<{ steps: number }>,
  ) {}

  static begin(rig: Rig): Contender {
    rig.child.kill('SIGSTOP');
    const flooding = rig.generator.call('flood', { stepsMax: Infinity });
    flooding.catch(() => undefined);
    return new Contender(rig, flooding);
  }

  async takeTurn(ms: number): Promise<void> {
    const before = process.hrtime.bigint();
    this.rig.child.kill('SIGCONT');
    await setTimeout(ms);
    this.rig.child.kill('SIGSTOP');
    this.activeNs += process.hrtime.bigint() - before;
  }

  /** The interval begins here. */
  async beginInterval(): Promise<void> {
    this.start = await this.mark();
  }

  /** In the interval; without what is still on its way. */
  async messagesSoFar(): Promise<number> {
    const { outputs } = await this.rig.receiver.call('sample', this.rig.child.pid!);
    return messagesOf(this.rig, outputs - this.start!.outputs);
  }

  noteMemory(): void {
    this.residentBytes.push(processUsage(this.rig.child.pid!).residentBytes);
  }

  /** Ends the interval, lets the system finish all it was sent, and compares its outputs with the right ones. */
  async finish(): Promise<FloodResult> {
    const result = this.between(this.start!, await this.mark());
    this.rig.child.kill('SIGCONT');
    await this.rig.generator.call('stop');
    await verify(this.rig, (await this.flooding).steps);
    return {
      ...result,
      residentBytes: quarters(this.residentBytes),
      residentBytesPeak: processUsage(this.rig.child.pid!).residentBytesPeak,
      readyMs: this.rig.readyMs,
    };
  }

  private async mark(): Promise<Mark> {
    const { receiver, generator, child } = this.rig;
    await this.outputsAtRest();
    const { outputs, usage } = await receiver.call('sample', child.pid!);
    const { stalledNs } = await generator.call('progress');
    return {
      outputs,
      usage,
      activeSeconds: Number(this.activeNs) / 1e9,
      stalledSeconds: stalledNs / 1e9,
      generator: processUsage(generator.pid),
      receiver: processUsage(receiver.pid),
    };
  }

  /** Waits until the receiver has taken all that the stopped system wrote. */
  private async outputsAtRest(): Promise<void> {
    const { receiver, child } = this.rig;
    for (let last = -1; ;) {
      const { bytes } = await receiver.call('sample', child.pid!);
      if (bytes === last) return;
      last = bytes;
      await setTimeout(20);
    }
  }

  private between(from: Mark, to: Mark) {
    const wall = to.activeSeconds - from.activeSeconds;
    const cpu = to.usage.cpuSeconds - from.usage.cpuSeconds;
    const messages = messagesOf(this.rig, to.outputs - from.outputs);
    return {
      messages,
      perCpuSecond: messages / cpu,
      perSecond: messages / wall,
      share: {
        cpu: cpu / wall,
        wanted: (to.usage.wantedSeconds - from.usage.wantedSeconds) / wall,
        generator: (to.generator.cpuSeconds - from.generator.cpuSeconds) / wall,
        receiver: (to.receiver.cpuSeconds - from.receiver.cpuSeconds) / wall,
      },
      stalled: Math.min(1, (to.stalledSeconds - from.stalledSeconds) / wall),
    };
  }
}

/** Outputs are what can be seen; a cycle has as many of them as it always has. */
function messagesOf({ workload }: Rig, outputs: number): number {
  return (outputs / workload.causes.length) * stepsInCycle(workload) * workload.streams.length;
}

function quarters(values: readonly number[]): number[] {
  return [1, 2, 3, 4].map((quarter) => values[Math.ceil((values.length * quarter) / 4) - 1] ?? 0);
}

/** Every run is checked: a figure for wrong outputs is worth nothing. */
export async function verify({ receiver, workload }: Rig, steps: number): Promise<void> {
  const faults = await receiver.call('verify', steps);
  if (faults.length > 0) throw new Error(`${workload.name}: ${faults.join('; ')}`);
}
