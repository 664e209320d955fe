import { setTimeout } from 'node:timers/promises';
import { Scratch } from './scratch.js';
import { Subject } from './subject.js';

/** Several checkpoints long: what one costs lies at its beginning. */
const turnMs = 4000;

export interface Rate {
  readonly outputs: number;
  /** Messages per second of CPU time, all threads. */
  readonly perCpuSecond: number;
  readonly perSecond: number;
}

export interface ThroughputRound {
  readonly plain: Rate;
  readonly resilient: Rate;
}

export interface ThroughputOptions {
  readonly keys: number;
  readonly seconds: number;
  readonly resilientFirst: boolean;
}

/**
 * As fast as they can, a worker with checkpoints beside one without: both live at the same time, and take turns on one
 * core. So both meet the same machine.
 */
export function measureThroughput({
  keys,
  seconds,
  resilientFirst,
}: ThroughputOptions): Promise<ThroughputRound> {
  return Scratch.use(async (scratch) => {
    const contenders: Contender[] = [];
    for (const resilient of [resilientFirst, !resilientFirst]) {
      const subject = await Subject.launch({ folder: scratch.folder(`${resilient}`), keys, resilient });
      scratch.subjects.push(subject);
      await subject.has('filled');
      await subject.has('firstOutput');
      subject.signal('SIGSTOP');
      contenders.push(new Contender(subject));
    }
    const turns = Math.max(1, Math.round((seconds * 1000) / turnMs));
    const takeTurns = async (count: number) => {
      for (let turn = 0; turn < count; turn++) {
        for (const contender of turn % 2 === 0 ? contenders : [...contenders].reverse()) {
          await contender.takeTurn(Math.min(turnMs, seconds * 1000));
        }
      }
    };
    // The first checkpoints write everything, and again when all keys are made.
    await takeTurns(2);
    for (const contender of contenders) await contender.begin();
    await takeTurns(turns);
    const [one, other] = [await contenders[0]!.end(), await contenders[1]!.end()];
    return resilientFirst ? { plain: other, resilient: one } : { plain: one, resilient: other };
  });
}

class Contender {
  private activeMs = 0;
  private from = { outputs: 0, cpuUs: 0, activeMs: 0 };

  constructor(private readonly subject: Subject) {}

  async takeTurn(ms: number): Promise<void> {
    const before = performance.now();
    this.subject.signal('SIGCONT');
    await setTimeout(ms);
    this.subject.signal('SIGSTOP');
    this.activeMs += performance.now() - before;
  }

  async begin(): Promise<void> {
    this.from = { ...(await this.subject.progress()), activeMs: this.activeMs };
  }

  async end(): Promise<Rate> {
    const { from, activeMs } = this;
    const to = await this.subject.progress();
    const outputs = to.outputs - from.outputs;
    return {
      outputs,
      perCpuSecond: (outputs / (to.cpuUs - from.cpuUs)) * 1e6,
      perSecond: (outputs / (activeMs - from.activeMs)) * 1e3,
    };
  }
}
