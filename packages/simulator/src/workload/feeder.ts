import type { Dice } from '../random/dice.js';
import { ms } from '../world/schedule.js';
import { RecordReader, recordKind, seeds } from '@wallaroo/worker/core';
import type { ResilienceScenario } from '../run/scenario.js';
import type { Watch } from '../world/host.js';
import type { LogDisk } from '../world/log-disk.js';
import type { Report } from '../checkers/finding.js';
import { StreamClients } from './stream-clients.js';
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
  /** As `next`, before the source was taken back. */
  furthest: number;
  /** Somebody will look after it again. */
  scheduled: boolean;
  /** The process that is about to read some of it: a source reads once in a turn, however long that takes. */
  reader: Process | undefined;
}

/** What positions of sources are made of: how many messages of each lane have been pushed. */
type Counts = Record<string, number>;

/**
 * Puts messages into sources, as senders do that do not know of the cluster: what a process took is not sent
 * again when it dies, what it did not take waits for the next one.
 */
export class Feeder implements Partial<Watch> {
  private readonly feeds: Feed[] = [];
  private pace: Pace;
  private pausedAt = Infinity;
  private readonly forgetful = new Set<number>();
  private readonly clients: StreamClients;

  constructor(
    private readonly world: World,
    private readonly dice: Dice,
    private readonly journal: Journal,
    pace: Pace,
    private readonly outputsOf: (message: InputMessage) => number,
    private readonly resilience: ResilienceScenario | undefined,
    report: Report,
  ) {
    this.pace = pace;
    this.clients = new StreamClients(
      {
        world,
        report,
        burst: pace.burst,
        gapMs: (lane) => this.gapMs(lane),
        paused: () => this.pushed >= this.pausedAt,
        push: ({ core, life }, { source }, message) =>
          core.engine.inlets.get(source)!.push(this.written(message, life)),
      },
      dice.stream('streams'),
    );
    if (resilience !== undefined) world.watches.push(this);
  }

  /** A worker starts: of what its former life had taken for the journal, what is there need not be sent again. */
  born(process: Process): void {
    process.wishes.transactional = this.resilience?.sinks === 'two-phase';
    process.wishes.streams = () => process.streamSources.positions();
    process.wishes.positions = (checkpoint) => {
      this.clients.cut(process, checkpoint);
      return this.positions(process.host);
    };
    const journaled = journaledCounts(this.world.hosts[process.host]!.logs.journal);
    for (const feed of this.feeds) {
      if (feed.lane.host !== process.host || !this.isJournaled(feed)) continue;
      this.rewind(feed, journaled[feed.lane.name]);
    }
  }

  /** A worker goes on without the end of its journal, of which nothing says that it was there. */
  forgotten(host: number): void {
    this.forgetful.add(host);
  }

  /** More than was known of what its former life had taken is there. */
  recount(host: number): void {
    const journaled = journaledCounts(this.world.hosts[host]!.logs.journal);
    for (const feed of this.feeds) {
      if (feed.lane.host === host && this.isJournaled(feed))
        feed.next = Math.max(feed.next, journaled[feed.lane.name] ?? 0);
    }
  }

  /** Senders that can be asked again send again what followed a position. */
  restored({ host }: Process, positions: ReadonlyMap<string, Buffer>): void {
    for (const feed of this.feeds) {
      if (feed.lane.host !== host || this.isJournaled(feed)) continue;
      const position = positions.get(feed.lane.source);
      const counts = position === undefined ? {} : (JSON.parse(position.toString()) as Counts);
      this.rewind(feed, counts[feed.lane.name]);
    }
  }

  private rewind(feed: Feed, next = 0): void {
    feed.furthest = Math.max(feed.furthest, feed.next);
    feed.next = next;
    this.rearm(feed);
  }

  /** It had nothing to do any more, and has again. */
  private rearm(feed: Feed): void {
    if (!feed.scheduled) this.later(feed, this.gapMs(feed.lane));
  }

  private positions(host: number): Map<string, Buffer> {
    const bySource = new Map<string, Counts>();
    for (const { lane, next } of this.feeds) {
      if (lane.host !== host || this.resilience?.journaled.includes(lane.source)) continue;
      const counts = bySource.get(lane.source) ?? {};
      counts[lane.name] = next;
      bySource.set(lane.source, counts);
    }
    return new Map([...bySource].map(([source, counts]) => [source, Buffer.from(JSON.stringify(counts))]));
  }

  private isJournaled({ lane }: Feed): boolean {
    return this.resilience?.journaled.includes(lane.source) ?? false;
  }

  /** Opens lanes: their messages come from now on. */
  open(lanes: readonly Lane[]): void {
    for (const lane of lanes) {
      if (this.resilience?.streamed.includes(lane.source)) {
        this.clients.open(lane);
        continue;
      }
      const feed: Feed = { lane, next: 0, furthest: 0, scheduled: false, reader: undefined };
      this.feeds.push(feed);
      this.later(feed, this.dice.fraction() * this.gapMs(lane));
    }
  }

  /** From now on messages come at another pace. */
  hurry(pace: Pace): void {
    this.pace = pace;
  }

  /** Senders have nothing more once this many messages have been taken in all. */
  stopAfter(messages: number): void {
    this.pausedAt = messages;
    for (const feed of this.feeds) this.rearm(feed);
  }

  get pushed(): number {
    return this.feeds.reduce((sum, { next }) => sum + next, this.clients.pushed);
  }

  /** Nothing more comes, but for what is for hosts on which no worker is. */
  get done(): boolean {
    const { hosts } = this.world;
    if (!this.clients.done) return false;
    return this.feeds.every(({ lane, next }) => next >= lane.messages.length || !hosts[lane.host]!.used);
  }

  /** What has been pushed so far, as lanes. */
  get taken(): Lane[] {
    const fed = this.feeds.map(({ lane, next }) => ({ ...lane, messages: lane.messages.slice(0, next) }));
    return [...fed, ...this.clients.taken];
  }

  /**
   * Messages that were taken back and never taken again: their source had to end, with its worker, before it was there
   * once more. What had been made of them before may have been handed on.
   */
  get takenBack(): ReadonlySet<string> {
    const fed = this.feeds
      .filter((feed) => !this.isJournaled(feed) || this.forgetful.has(feed.lane.host))
      .flatMap(({ lane, next, furthest }) => lane.messages.slice(next, furthest))
      .map(({ lane, number }) => `${lane}.${number}`);
    return new Set([...fed, ...this.clients.takenBack]);
  }

  private later(feed: Feed, delayMs: number): void {
    feed.scheduled = true;
    this.world.schedule.after(ms(delayMs), () => {
      feed.scheduled = false;
      this.feed(feed);
    });
  }

  private feed(feed: Feed): void {
    if (feed.next >= feed.lane.messages.length || this.pushed >= this.pausedAt) return;
    const { process } = this.world.hosts[feed.lane.host]!;
    if (process?.alive && process.flow && !process.sourcesEnded && feed.reader !== process) {
      this.push(process, feed);
    }
    this.later(feed, this.gapMs(feed.lane));
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
        const written = this.written(message, process.life);
        if (this.isJournaled(feed)) {
          const bytes = Buffer.from(JSON.stringify(written));
          core.journal(lane.source, bytes, 0, bytes.length);
        } else inlet.push(written);
      }
    });
  }

  private written(message: InputMessage, life: number): PushedMessage {
    const outputs = this.outputsOf(message);
    const from = this.journal.add({ stage: 0, life, key: message.lane, from: 0, copy: 0, outputs });
    return { ...message, from };
  }

  private gapMs(lane: Lane): number {
    const average = (this.pace.overMs / Math.max(1, lane.messages.length)) * ((this.pace.burst + 1) / 2);
    return Math.min(this.dice.logUniform(average / 8, average * 4), this.pace.overMs / 4);
  }
}

/** How many messages of each lane a journal has, or had: up to its end, behind which whatever is there is not read. */
function journaledCounts(journal: LogDisk): Counts {
  const counts: Counts = {};
  const removed = new Set(journal.removedNumbers);
  journal.removed.forEach((content, i) => void countMessages(journal.removedNumbers[i]!, content, counts));
  let end: number | undefined;
  for (const file of journal.numbers) {
    if (end !== undefined && end !== file) break;
    const content = journal.content(file);
    const whole = countMessages(file, content, counts);
    // It is damaged where nobody reads any more, and was counted as it had been.
    if (!whole && !removed.has(file)) break;
    end = file + content.length;
  }
  return counts;
}

/** @returns whether there is nothing else in the file */
function countMessages(file: number, content: Buffer, counts: Counts): boolean {
  const reader = new RecordReader({ file, offset: 0, sum: 0 }, seeds.journal, (kind, bytes, from, end) => {
    if (kind !== recordKind.input) return;
    // All of it is one run.
    for (let at = from + 12 + bytes.readUInt32BE(from + 8) + 12; at < end;) {
      const length = bytes.readUInt32BE(at);
      at += 4 + length;
      const { lane, number } = JSON.parse(bytes.toString('utf8', at - length, at)) as InputMessage;
      counts[lane] = Math.max(counts[lane] ?? 0, number + 1);
    }
  });
  try {
    reader.push(Buffer.from(content));
  } catch {
    return false;
  }
  return reader.incomplete === 0;
}
