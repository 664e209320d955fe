import type { Dice } from '../random/dice.js';
import { ms } from '../world/schedule.js';
import type { Process } from '../world/process.js';
import type { World } from '../world/world.js';
import type { InputMessage, Lane } from './input.js';
import type { Journal } from './journal.js';
import type { PushedMessage } from './simulated-application.js';

export interface Pace {
  /** The messages of a lane are spread over about this time. */
  readonly overMs: number;
  /** Messages that may come at once. */
  readonly burst: number;
}

interface Feed {
  readonly lane: Lane;
  next: number;
  /** The process that is about to read some of it: a source reads once in a turn, however long that takes. */
  reader: Process | undefined;
}

/**
 * Puts messages into sources, as senders do that do not know of the cluster: what a process took is not sent
 * again when it dies, what it did not take waits for the next one.
 */
export class Feeder {
  private readonly feeds: Feed[] = [];
  private pace: Pace;
  private pausedAt = Infinity;

  constructor(
    private readonly world: World,
    private readonly dice: Dice,
    private readonly journal: Journal,
    pace: Pace,
    private readonly outputsOf: (message: InputMessage) => number,
  ) {
    this.pace = pace;
  }

  /** Opens lanes: their messages come from now on. */
  open(lanes: readonly Lane[]): void {
    for (const lane of lanes) {
      const feed = { lane, next: 0, reader: undefined };
      this.feeds.push(feed);
      this.later(feed, this.dice.fraction() * this.gapMs(feed));
    }
  }

  /** From now on messages come at another pace. */
  hurry(pace: Pace): void {
    this.pace = pace;
  }

  /** Senders have nothing more once this many messages have been taken in all. */
  stopAfter(messages: number): void {
    this.pausedAt = messages;
  }

  get pushed(): number {
    return this.feeds.reduce((sum, { next }) => sum + next, 0);
  }

  /** Nothing more comes, but for what is for hosts on which no worker is. */
  get done(): boolean {
    const { hosts } = this.world;
    return this.feeds.every(({ lane, next }) => next >= lane.messages.length || !hosts[lane.host]!.used);
  }

  /** What has been pushed so far, as lanes. */
  get taken(): Lane[] {
    return this.feeds.map(({ lane, next }) => ({ ...lane, messages: lane.messages.slice(0, next) }));
  }

  private later(feed: Feed, delayMs: number): void {
    this.world.schedule.after(ms(delayMs), () => this.feed(feed));
  }

  private feed(feed: Feed): void {
    if (feed.next >= feed.lane.messages.length || this.pushed >= this.pausedAt) return;
    const { process } = this.world.hosts[feed.lane.host]!;
    if (process?.alive && process.flow && !process.sourcesEnded && feed.reader !== process) {
      this.push(process, feed);
    }
    this.later(feed, this.gapMs(feed));
  }

  private push(process: Process, feed: Feed): void {
    const { lane } = feed;
    const count = this.dice.between(1, this.pace.burst);
    feed.reader = process;
    process.post((core) => {
      feed.reader = undefined;
      const inlet = core.engine.inlets.get(lane.source)!;
      for (let i = 0; i < count && core.flowing && !process.sourcesEnded; i++) {
        const message = lane.messages[feed.next];
        if (message === undefined || this.pushed >= this.pausedAt) return;
        feed.next++;
        inlet.push(this.written(message, process.life));
      }
    });
  }

  private written(message: InputMessage, life: number): PushedMessage {
    const outputs = this.outputsOf(message);
    const from = this.journal.add({ stage: 0, life, key: message.lane, from: 0, copy: 0, outputs });
    return { ...message, from };
  }

  private gapMs({ lane }: Feed): number {
    const average = (this.pace.overMs / Math.max(1, lane.messages.length)) * ((this.pace.burst + 1) / 2);
    return Math.min(this.dice.logUniform(average / 8, average * 4), this.pace.overMs / 4);
  }
}
