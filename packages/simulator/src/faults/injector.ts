import { ms } from '../world/schedule.js';
import type { Host } from '../world/host.js';
import type { World } from '../world/world.js';
import {
  isLate,
  type DamageDeed,
  type Fault,
  type FaultDeed,
  type JoinDeed,
  type KillDeed,
  type ShrinkDeed,
} from './fault.js';
import type { Damages } from './damages.js';
import { Moments } from './moments.js';

/** A fault that happened, and what the worker it was for was doing. */
export interface FiredFault {
  readonly fault: Fault;
  readonly phase: string;
}

/** A process that has been doomed and has not met its end by then dies anyway. */
const doomMsMax = 500;

/** Carries out a list of faults, each at its moment, and ends them all when the time of faults is over. */
export class Injector {
  readonly fired: FiredFault[] = [];
  private readonly moments = new Moments();
  private readonly endings = new Set<() => void>();
  private healed = false;
  private shuttingDown = false;

  constructor(
    private readonly world: World,
    faults: readonly Fault[],
    private readonly damages: Damages,
  ) {
    world.watches.push(this.moments);
    for (const fault of faults) {
      if ('atMs' in fault.when) world.schedule.after(ms(fault.when.atMs), () => this.inject(fault));
      else this.moments.await(fault.when, () => this.inject(fault), isLate(fault));
    }
  }

  /** All that is broken works again, what is down comes up, and nothing new breaks before the shutdown. */
  heal(): void {
    this.healed = true;
    this.moments.forget();
    for (const end of [...this.endings]) end();
    for (const host of this.world.hosts) if (host.process !== undefined) host.process.doom = undefined;
    this.damages.heal();
    for (const host of this.world.hosts) if (host.used) host.boot();
  }

  /** The cluster is asked to stop. */
  shutDown(): void {
    this.shuttingDown = true;
  }

  private inject(fault: Fault): void {
    if (this.healed && !isLate(fault)) return;
    const host = this.world.hosts[hostOf(fault)]!;
    // A process in the middle of a call may have no core yet; what it was at is the best answer then.
    const phase = host.alive && host.process?.core ? host.process.core.status.phase : 'down';
    if (!this.happens(fault)) return;
    this.fired.push({ fault, phase });
    this.world.trace.addText('fault', host.name, fault.kind);
  }

  /** False when the fault meets nothing that it could break. */
  private happens(deed: FaultDeed): boolean {
    const { network, hosts } = this.world;
    switch (deed.kind) {
      case 'delay': {
        const path = network.path(deed.from, deed.to);
        path.slowDown(deed.byMs);
        return this.endAfter(deed.forMs, () => path.slowDown(-deed.byMs));
      }
      case 'partition': {
        const path = network.path(deed.from, deed.to);
        path.block();
        return this.endAfter(deed.forMs, () => path.unblock());
      }
      case 'stall':
        return network.stall(deed.from, deed.to, deed.channel, deed.forMs) > 0;
      case 'reset':
        return network.reset(...deed.between) > 0;
      case 'halfOpen':
        return network.halfOpen(deed.from, deed.to, deed.both) > 0;
      case 'kill':
        return this.kill(hosts[deed.host]!, deed);
      case 'slowProcess': {
        const host = hosts[deed.host]!;
        host.stall();
        return this.endAfter(deed.forMs, () => host.goOn());
      }
      case 'slowSink': {
        const { sinkPace } = hosts[deed.host]!;
        sinkPace.slownessMs += deed.byMs;
        return this.endAfter(deed.forMs, () => (sinkPace.slownessMs -= deed.byMs));
      }
      case 'failSink':
        return this.failSink(hosts[deed.host]!, deed.how, deed.forMs);
      case 'damage':
        return this.damage(hosts[deed.host]!, deed);
      case 'join':
        return this.join(deed);
      case 'shrink':
        return this.shrink(deed);
      case 'slowDisk': {
        const { disks } = hosts[deed.host]!;
        for (const disk of disks) disk.slownessMs += deed.byMs;
        return this.endAfter(deed.forMs, () => disks.forEach((disk) => (disk.slownessMs -= deed.byMs)));
      }
      case 'failDisk': {
        const { disks } = hosts[deed.host]!;
        for (const disk of disks) disk.failing++;
        return this.endAfter(deed.forMs, () => disks.forEach((disk) => disk.failing--));
      }
    }
  }

  private join({ host, together = [], apartMs = 0 }: JoinDeed): boolean {
    const hosts = [host, ...together].map((index) => this.world.hosts[index]!);
    const round = hosts.filter(
      ({ process, round: earlier }) => process === undefined && earlier.length === 0,
    );
    for (const [nth, one] of round.entries()) {
      one.round = round;
      if (nth === 0) one.boot();
      else this.world.schedule.after(ms(nth * apartMs), () => one.boot());
    }
    return round.length > 0;
  }

  private failSink({ twoPhaseSinks }: Host, how: 'refuses' | 'away', forMs: number): boolean {
    const sinks = [...twoPhaseSinks.values()];
    if (sinks.length === 0) return false;
    for (const sink of sinks) {
      if (how === 'away') sink.leave();
      else sink.refusing++;
    }
    return this.endAfter(forMs, () => {
      for (const sink of sinks) {
        if (how === 'away') sink.comeBack();
        else sink.refusing--;
      }
    });
  }

  private damage(host: Host, deed: DamageDeed): boolean {
    const dies = this.kill(host, {
      kind: 'kill',
      host: deed.host,
      downMs: deed.downMs,
      wishes: 0,
      part: 0,
      power: false,
    });
    const { process } = host;
    // Behind the death, which comes first at the same moment.
    if (dies)
      this.world.schedule.after(1, () => {
        if (!this.healed && host.process === process && !host.alive) this.damages.strike(host, deed);
      });
    return dies;
  }

  private kill(host: Host, { downMs, wishes, part, power, atShutdown }: KillDeed): boolean {
    const { process } = host;
    if (process === undefined || !process.alive || process.doom !== undefined) return false;
    if (atShutdown === true && !this.shuttingDown) return false;
    const { schedule } = this.world;
    process.doom = { wishesLeft: wishes, part, power };
    // Never at once: what doomed it may be a call into it that is not over.
    schedule.after(wishes === 0 ? 0 : ms(doomMsMax), () => {
      if (process.alive && process.doom !== undefined) host.kill(power);
    });
    this.endAfter(downMs + (wishes === 0 ? 0 : doomMsMax), () => {
      if (host.process === process && !process.alive && !(atShutdown === true && this.ending)) host.boot();
    });
    return true;
  }

  /** A worker has ended in order, or is about to: nobody starts one again that has died. */
  private get ending(): boolean {
    return this.world.hosts.some(({ used, process, clean }) => {
      if (!used || process === undefined) return false;
      if (process.killed) return clean;
      return process.endedWell || process.core?.status.phase === 'finishing';
    });
  }

  private shrink({ ask, leave, drain }: ShrinkDeed): boolean {
    const { process } = this.world.hosts[ask]!;
    if (!process?.alive || !process.core.flowing) return false;
    process.post((core) => {
      const { members } = core.status;
      const names = leave
        .map((host) => this.world.hosts[host]!.name)
        .filter((name) => members.includes(name));
      if (names.length === 0 || names.length === members.length) return;
      core.shrink({ query: false, names, count: 0, drain }, ({ text }) =>
        this.world.trace.addText('shrink', process.name, text),
      );
    });
    return true;
  }

  private endAfter(forMs: number, end: () => void): true {
    const once = () => {
      if (this.endings.delete(once)) end();
    };
    this.endings.add(once);
    this.world.schedule.after(ms(forMs), once);
    return true;
  }
}

/** Whose phase says what a fault met. */
function hostOf(deed: FaultDeed): number {
  switch (deed.kind) {
    case 'delay':
    case 'stall':
    case 'partition':
    case 'halfOpen':
      return deed.from;
    case 'reset':
      return deed.between[0];
    case 'shrink':
      return deed.ask;
    default:
      return deed.host;
  }
}
