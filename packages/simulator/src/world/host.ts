import type { Address } from '@wallaroo/protocol';
import type { Dice } from '../random/dice.js';
import type { CoreMember, CorePorts, CoreStatus, LogKind } from './core.js';
import { Disk } from './disk.js';
import { LogDisk } from './log-disk.js';
import type { TwoPhaseSink } from './two-phase-sink.js';
import type { NetworkHost, ProcessEnd } from './network.js';
import type { Latency } from './path.js';
import { Process } from './process.js';
import { ms, type Schedule } from './schedule.js';
import { SinkPace } from './sink.js';
import type { Trace } from './trace.js';
import { WishList, type Wish } from './wishes.js';

/** What a host needs of the world around it. */
export interface HostSurroundings {
  readonly schedule: Schedule;
  readonly trace: Trace;
  /** Makes the core of a process that starts. It is told its life, from 1 up over all hosts. */
  readonly makeCore: (host: Host, life: number, ports: CorePorts) => CoreMember;
  readonly nextLife: () => number;
  readonly carryOut: (process: Process, wish: Wish, part?: number) => void;
  readonly watch: Watch;
}

/** Those who look on: checkers, and faults that wait for their moment. */
export interface Watch {
  /** A process is about to start: it has no core yet. */
  born(process: Process): void;
  /** A wish has been carried out. */
  wished(process: Process, wish: Wish): void;
  /** A call into the core is over, and its wishes are carried out. */
  called(process: Process, status: CoreStatus): void;
  ended(process: Process, end: ProcessEnd): void;
  /** Sources of a process are taken back. */
  restored(process: Process, positions: ReadonlyMap<string, Buffer>): void;
  /** A core has broken the contract of its ports. */
  complained(what: string): void;
}

export interface HostSettings {
  readonly index: number;
  readonly name: string;
  readonly control: Address;
  readonly data: Address;
  readonly tickMs: number;
  readonly diskLatency: Latency;
  readonly sinkLatency: Latency;
}

type Act = (core: CoreMember) => void;

/**
 * Where one worker lives: its disk stays, its processes come and go. A process does one thing after the other;
 * while it is stalled all that is for it waits, and then comes at once.
 */
export class Host implements NetworkHost {
  readonly index: number;
  readonly name: string;
  readonly control: Address;
  readonly data: Address;
  readonly disk: Disk;
  readonly sinkPace: SinkPace;
  readonly logs: Readonly<Record<LogKind, LogDisk>>;
  /** Sinks that commit in two phases, by name: they outlive processes. */
  readonly twoPhaseSinks = new Map<string, TwoPhaseSink>();
  up = true;
  process: Process | undefined;
  /** Its worker has left the cluster in order: nobody starts it again. */
  left = false;
  /** The hosts whose workers join together with that of this one, itself included. */
  round: readonly Host[] = [];
  private stalls = 0;
  private backlog: (readonly [Process, Act])[] = [];

  constructor(
    private readonly settings: HostSettings,
    private readonly dice: Dice,
    private readonly around: HostSurroundings,
  ) {
    ({ index: this.index, name: this.name, control: this.control, data: this.data } = settings);
    const log = (kind: LogKind) => new LogDisk(around.schedule, dice.stream(kind), settings.diskLatency);
    this.logs = { events: log('events'), journal: log('journal') };
    // Whoever dies before the last of its files is gone removes the rest when it starts again.
    this.disk = new Disk(around.schedule, dice.stream('disk'), settings.diskLatency, () => {
      for (const one of Object.values(this.logs)) one.retire();
    });
    this.sinkPace = new SinkPace(dice.stream('sinks'), settings.sinkLatency);
  }

  /** All that slow and failing hardware concerns. */
  get disks(): readonly (Disk | LogDisk)[] {
    return [this.disk, ...Object.values(this.logs)];
  }

  /** Somebody clears up: the worker's files go. */
  removeFiles(): void {
    this.disk.file = undefined;
    for (const log of Object.values(this.logs)) log.clear();
  }

  /** No file of the worker is there. */
  get clean(): boolean {
    return this.disk.file === undefined && Object.values(this.logs).every(({ empty }) => empty);
  }

  get alive(): boolean {
    return this.process?.alive ?? false;
  }

  /** A worker has been started here, and has not left. */
  get used(): boolean {
    return this.process !== undefined && !this.left;
  }

  /** Starts a process, unless one is alive. */
  boot(): void {
    if (this.alive || this.left) return;
    const { around, dice } = this;
    const life = around.nextLife();
    // Clocks of different processes have nothing to do with each other.
    const startedAt = dice.stream(`clock ${life}`).u32() * 1000;
    const wishes = new WishList(() => startedAt + around.schedule.now, dice.stream(`process ${life}`));
    const post = (act: Act) => this.post(process, act);
    const process: Process = new Process(life, this.index, this.name, wishes, post);
    this.process = process;
    this.up = true;
    around.trace.add('boot', this.name, life);
    around.watch.born(process);
    this.run(process, () => {
      process.core = around.makeCore(this, life, wishes.ports);
      process.core.start();
    });
    this.tickLater(process);
  }

  kill(power: boolean): void {
    const { process } = this;
    if (process === undefined || !process.alive) return;
    process.fate = { kind: 'killed' };
    this.up = !power;
    this.around.trace.add('killed', this.name, power ? 1 : 0);
    this.leave(process, power ? 'power' : 'kill');
  }

  /** The process does nothing until {@link goOn}, as one that the system has stopped. */
  stall(): void {
    this.stalls++;
  }

  goOn(): void {
    if (--this.stalls === 0) this.catchUp();
  }

  private tickLater(process: Process): void {
    this.around.schedule.after(ms(this.settings.tickMs), () => {
      if (!process.alive) return;
      this.enter(process, (core) => {
        this.tickLater(process);
        core.tick();
      });
    });
  }

  private post(process: Process, act: Act): void {
    const delay = this.dice.logUniform(0.001, 0.1);
    this.around.schedule.after(ms(delay), () => this.enter(process, act));
  }

  private enter(process: Process, act: Act): void {
    if (!process.alive) return;
    if (this.stalls > 0 || this.backlog.length > 0) this.backlog.push([process, act]);
    else this.run(process, act);
  }

  private catchUp(): void {
    const first = this.backlog[0];
    if (first === undefined || this.stalls > 0) return;
    this.run(...first);
    this.backlog.shift();
    this.around.schedule.after(ms(0.001), () => this.catchUp());
  }

  private run(process: Process, act: Act): void {
    if (!process.alive) return;
    const { around } = this;
    let failure: Error | undefined;
    try {
      act(process.core);
    } catch (error) {
      failure = error as Error;
    }
    // To carry one out may be to call the core, which wishes more.
    for (let wishes = process.wishes.take(); wishes.length > 0; wishes = process.wishes.take()) {
      for (const wish of wishes) {
        const { doom } = process;
        if (doom !== undefined && doom.wishesLeft-- <= 0) {
          if (wish.kind === 'write' && doom.part > 0) around.carryOut(process, wish, doom.part);
          return this.kill(doom.power);
        }
        around.carryOut(process, wish);
        around.watch.wished(process, wish);
        if (!process.alive) return;
      }
    }
    if (failure !== undefined) return this.exit(process, failure);
    around.watch.called(process, process.core.status);
  }

  /** The process has ended by itself. */
  exit(process: Process, failure: Error | undefined): void {
    process.fate = { kind: 'exited', failure };
    this.around.trace.addText('exit', this.name, failure?.message ?? 'ok');
    this.leave(process, 'exit');
  }

  private leave(process: Process, end: ProcessEnd): void {
    this.disk.abandon();
    for (const log of Object.values(this.logs)) log.abandon(end === 'power');
    for (const sink of this.twoPhaseSinks.values()) sink.abandon();
    for (const sink of process.sinks.values()) sink.abandon(this.dice);
    this.backlog = [];
    this.around.watch.ended(process, end);
  }
}
