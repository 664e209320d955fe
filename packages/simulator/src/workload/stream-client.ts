import {
  connectorMessages,
  connectorSourceVersion,
  nothingSeen,
  type ConnectorMessage,
} from '@wallaroo/protocol';
import type { SourceSession } from '@wallaroo/worker/core';
import type { Report } from '../checkers/finding.js';
import type { Dice } from '../random/dice.js';
import type { Process } from '../world/process.js';
import { ms } from '../world/schedule.js';
import type { World } from '../world/world.js';
import type { InputMessage, Lane } from './input.js';

const cookie = 'a cookie';

/** One connection of a client. */
interface Link {
  readonly process: Process;
  session: SourceSession | undefined;
  /** What has come over it and was not read. */
  readonly queue: Buffer[];
  open: boolean;
  reading: boolean;
  /** When what was sent last arrives, in either direction. */
  upAt: number;
  downAt: number;
}

export interface StreamClientHost {
  readonly world: World;
  readonly report: Report;
  /** Frames that a worker reads at once. */
  readonly burst: number;
  /** How long a client waits before its next message. */
  gapMs(lane: Lane): number;
  /** Senders have nothing more for now. */
  paused(): boolean;
  push(process: Process, lane: Lane, message: InputMessage): void;
}

/**
 * A client that brings one stream, as the connector protocol has it: to any worker, from where the cluster says that it
 * goes on, until all of it is safe. Now and then it goes to another worker.
 */
export class StreamClient {
  /** All has been acknowledged. */
  finished: boolean;
  /** So many messages has the cluster taken, as far as is known here. */
  taken = 0;
  /** As `taken`, before the cluster went back. */
  furthest = 0;
  private link: Link | undefined;
  private next = 0;
  private credits = 0;
  private streaming = false;
  private eosSaid = false;
  /** The last message that is safe. */
  private safe = -1;
  /** Where it was sent. */
  private sentTo = '';
  /** How often it goes to another worker, by message. */
  private readonly restlessness: number;
  private readonly saysEos: boolean;

  constructor(
    readonly lane: Lane,
    /** Of the stream. */
    readonly id: bigint,
    private readonly dice: Dice,
    private readonly host: StreamClientHost,
  ) {
    this.restlessness = dice.pick([0, 0.02, 0.2]);
    this.saysEos = dice.chance(0.5);
    this.finished = lane.messages.length === 0;
  }

  start(): void {
    if (!this.finished) this.later(() => this.connect());
  }

  /** A process is dead. */
  ended(process: Process): void {
    if (this.link?.process === process) this.lost(this.link);
  }

  private connect(): void {
    if (this.link !== undefined) return;
    const open = this.host.world.hosts.flatMap(({ process }) =>
      process?.alive && process.endsOpen && !process.streamSources.closed ? [process] : [],
    );
    const process =
      open.find(({ name }) => name === this.sentTo) ?? (open.length > 0 ? this.dice.pick(open) : undefined);
    this.sentTo = '';
    if (process === undefined) return this.later(() => this.connect());
    const link: Link = {
      ...{ process, session: undefined, queue: [], open: true, reading: false, upAt: 0, downAt: 0 },
    };
    this.link = link;
    this.streaming = false;
    this.eosSaid = false;
    process.post(() => this.letIn(link));
  }

  private letIn(link: Link): void {
    const { process } = link;
    if (!link.open) return;
    if (process.streamSources.closed) return this.lost(link);
    const clients = process.streamSources.source(this.lane.source);
    const maxCredits = this.dice.between(1, 40);
    const session = clients.connected({
      cookie,
      maxCredits,
      refillCredits: this.dice.below(maxCredits),
      address: () => process.name,
      send: (message) => {
        link.downAt = Math.max(link.downAt + 1, this.arrival());
        this.host.world.schedule.after(link.downAt - this.now, () => this.heard(link, message));
      },
      close: () => {
        link.open = false;
        process.post(() => clients.disconnected(session));
        this.later(() => this.lost(link));
      },
      deliver: (bytes, start, end) => {
        const number = Number(bytes.toString('utf8', start, end));
        this.taken = number + 1;
        this.furthest = Math.max(this.furthest, this.taken);
        this.host.push(process, this.lane, this.lane.messages[number]!);
      },
      warn: (text) => this.complain(`${process.name} is told ${text}`),
    });
    link.session = session;
    this.say({ type: 'hello', version: connectorSourceVersion, cookie, program: 'simulated', instance: '1' });
  }

  private say(message: ConnectorMessage): void {
    const link = this.link!;
    link.upAt = Math.max(link.upAt + 1, this.arrival());
    this.host.world.schedule.after(link.upAt - this.now, () => {
      link.queue.push(connectorMessages.encode(message));
      this.read(link);
    });
  }

  /** A worker reads while it may, and the rest when it may again. */
  private read(link: Link): void {
    const { process, queue } = link;
    if (link.reading || !link.open || !process.alive || queue.length === 0) return;
    link.reading = true;
    process.post((core) => {
      link.reading = false;
      const reads = () => link.open && process.flow && core.flowing && !process.streamSources.closed;
      for (let i = 0; i < this.host.burst && queue.length > 0 && reads(); i++) {
        const bytes = queue.shift()!;
        link.session!.receive(bytes, 0, bytes.length);
      }
      if (queue.length > 0) this.later(() => this.read(link));
    });
  }

  private heard(link: Link, message: ConnectorMessage): void {
    if (this.link !== link) return;
    switch (message.type) {
      case 'ok': {
        this.credits = message.credits;
        const pointOfReference = this.safe < 0 ? nothingSeen : BigInt(this.safe);
        return this.say({ type: 'notify', stream: this.id, name: this.lane.name, pointOfReference });
      }
      case 'notifyAck':
        if (!message.success) return this.goElsewhere();
        return this.begin(message.pointOfReference);
      case 'ack':
        this.credits += message.credits;
        for (const { pointOfReference } of message.positions) this.acknowledged(Number(pointOfReference));
        return;
      case 'restart':
        this.sentTo = message.address ?? '';
        return;
      default:
        this.complain(`${link.process.name} says ${JSON.stringify(message)}`);
    }
  }

  private begin(position: bigint): void {
    const from = position === nothingSeen ? -1 : Number(position);
    this.host.world.trace.addText('stream', this.link!.process.name, `${this.lane.name} after ${from}`);
    if (from < this.safe) this.complain(`it is to go on behind ${from}, but ${this.safe} is safe`);
    this.next = from + 1;
    this.taken = this.next;
    this.streaming = true;
    this.send(this.link!);
  }

  private acknowledged(number: number): void {
    if (number >= this.taken) this.complain(`message ${number} is safe, and only ${this.taken} were taken`);
    this.safe = Math.max(this.safe, number);
    if (this.safe < this.lane.messages.length - 1 || (this.saysEos && !this.eosSaid)) return;
    this.finished = true;
    this.hangUp();
  }

  private send(link: Link): void {
    if (this.link !== link || !this.streaming) return;
    const { host, lane } = this;
    const sends = this.next < lane.messages.length && !host.paused();
    if (sends && this.dice.chance(this.restlessness)) return this.goElsewhere();
    if (sends && this.credits > 0) {
      const id = BigInt(this.next);
      const bytes = Buffer.from(String(this.next));
      this.credits--;
      this.next++;
      this.say({ type: 'message', stream: this.id, id, eventTime: 0n, key: Buffer.alloc(0), bytes });
    }
    if (this.credits > 0 && this.next === lane.messages.length && this.saysEos && !this.eosSaid) {
      this.eosSaid = true;
      this.credits--;
      this.say({ type: 'eos', stream: this.id });
    }
    host.world.schedule.after(ms(host.gapMs(lane)), () => this.send(link));
  }

  private goElsewhere(): void {
    this.hangUp();
    this.later(() => this.connect());
  }

  private hangUp(): void {
    const { link } = this;
    if (link === undefined) return;
    this.link = undefined;
    link.open = false;
    const { process, session } = link;
    if (session === undefined) return;
    this.later(() =>
      process.post(() => process.streamSources.source(this.lane.source).disconnected(session)),
    );
  }

  private lost(link: Link): void {
    link.open = false;
    if (this.link !== link) return;
    this.link = undefined;
    this.later(() => this.connect());
  }

  private complain(what: string): void {
    this.host.report({ checker: 'streams', text: `the client of ${this.lane.name}: ${what}` });
  }

  private get now(): number {
    return this.host.world.schedule.now;
  }

  private arrival(): number {
    return this.now + ms(this.dice.logUniform(0.05, 20));
  }

  private later(act: () => void): void {
    this.host.world.schedule.after(ms(this.dice.logUniform(1, 400)), act);
  }
}
