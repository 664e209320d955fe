import { Checkpointer, type CheckpointerHost } from '../checkpoint/checkpointer.js';
import type { SavedOutput } from '../checkpoint/kept-output.js';
import { Journal, type JournalHost } from '../checkpoint/journal.js';
import { LogDiskError, logStart, type LogPlace } from '../checkpoint/log-records.js';
import type { Frame } from '../link/frame.js';
import type { Peer } from '../membership/peer.js';
import { slotOf } from '../slots/hash.js';
import { Restore, type Restored } from './restore.js';

export interface DurabilityHost extends JournalHost, CheckpointerHost {
  /** Everything is as it was at the checkpoint: the epoch may begin. */
  restored(): void;
}

/** Where everything goes back to. */
export interface RollbackGoal {
  /** 0: to the start. */
  readonly checkpoint: number;
  /** This worker's part of it in its event log; none if it was no member then. */
  readonly end: LogPlace | undefined;
  readonly ownsSlot: (slot: number) => boolean;
}

/** What makes a worker outlive its death: its checkpoints, its journal, and the way back. */
export class Durability {
  readonly journal: Journal;
  readonly checkpointer: Checkpointer;
  private cancel: () => void = () => undefined;
  /** The rollback whose last step, at sources and sinks, is under way. */
  private goal: RollbackGoal | undefined;
  private beganAt = 0;
  /** A planted bug: what was on its way comes behind what is new. */
  private late: { readonly restored: Restored; readonly at: number } | undefined;

  constructor(private readonly host: DurabilityHost) {
    this.journal = new Journal(host);
    this.checkpointer = new Checkpointer(host, this.journal);
  }

  arrived(peer: Peer, frame: Frame): void {
    this.checkpointer.arrived(peer, frame);
  }

  commit(checkpoint: number): void {
    this.checkpointer.commit(checkpoint);
    for (const output of this.host.outputs.values()) output.commit(checkpoint);
    this.host.ends.commit(checkpoint);
  }

  /** The end is clean: nothing goes back any more, and nothing is written. */
  release(): void {
    this.checkpointer.stop();
    for (const output of this.host.outputs.values()) output.release();
  }

  /** Memory is empty, links are new: takes everything from the log. */
  rollBack(goal: RollbackGoal): void {
    const { host } = this;
    this.cancel();
    this.goal = undefined;
    this.checkpointer.forget();
    this.beganAt = host.clock.now();
    const { checkpoint, end } = goal;
    if (end === undefined) return this.startAnew(goal);
    const { slots } = host.engine.application;
    const wanted = (key: string) => goal.ownsSlot(slotOf(key, slots));
    const restore = new Restore(
      {
        files: host.files,
        operations: host.operations,
        owner: () => host.owner(),
        planted: host.planted,
        states: (...record) => this.checkpointer.restore(...record, wanted),
        baseRestored: () => this.checkpointer.baseRestored(),
        done: (restored) => this.took(goal, end, restored),
        damaged: (file, error) => host.damaged('events', file, error),
      },
      checkpoint,
      end,
    );
    this.cancel = () => restore.cancel();
  }

  /** Sources and sinks have gone back. */
  endsRestored(): void {
    if (this.goal === undefined) return;
    this.goal = undefined;
    this.host.restored();
  }

  tick(now: number): void {
    if (this.late !== undefined && now > this.late.at) {
      this.preload(this.late.restored);
      this.late = undefined;
      this.host.wake();
    }
    this.journal.tick(now);
  }

  /** This worker had no part in the checkpoint: it begins with nothing. */
  private startAnew(goal: RollbackGoal): void {
    const { files, operations } = this.host;
    let cancelled = false;
    this.cancel = () => (cancelled = true);
    const nothing: Restored = {
      base: logStart,
      positions: [],
      journal: logStart,
      inFlight: new Map(),
      outputs: new Map(),
      entries: 0,
    };
    const done = () => {
      if (!cancelled) this.took(goal, logStart, nothing);
    };
    const failed = (why: string) => {
      if (!cancelled) this.host.damaged('events', 0, new LogDiskError(0, why));
    };
    // What may stand there never counted, and nothing may follow it.
    files.cutOff(operations.begin(done, failed), 'events', 0, 0);
  }

  /** What was on its way is processed ahead of all that comes. */
  private preload({ inFlight }: Restored): void {
    for (const { name, data } of this.host.peers()) data.receiver.preload(inFlight.get(name) ?? []);
  }

  private took(goal: RollbackGoal, end: LogPlace, restored: Restored): void {
    const { host } = this;
    const { checkpoint } = goal;
    this.checkpointer.restored(checkpoint, end, restored.base);
    if (host.planted.has('recorded behind new')) this.late = { restored, at: host.clock.now() + 1e9 };
    else this.preload(restored);
    for (const [sink, output] of this.host.outputs) {
      const kept = host.planted.has('kept output is not restored') ? undefined : restored.outputs.get(sink);
      output.restore(checkpoint, kept ?? noOutput);
    }
    this.journal.restore(restored.journal);
    const seconds = ((host.clock.now() - this.beganAt) / 1e9).toFixed(1);
    if (checkpoint > 0) {
      host.log.line(`RESILIENCE: Rolled back to checkpoint ${checkpoint} of the event log in ${seconds} s.`);
    }
    host.log.line(`RESILIENCE: Replayed ${restored.entries} entries from recovery log file.`);
    this.goal = goal;
    host.ends.restore(
      checkpoint,
      new Map(restored.positions.map(({ source, position }) => [source, position])),
    );
    if (host.planted.has('ends are not waited for')) this.endsRestored();
  }
}

const noOutput: SavedOutput = { bytes: Buffer.alloc(0), ends: [], former: 0, formerBytes: 0 };
