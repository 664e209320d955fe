import type { Dice } from '../random/dice.js';
import type { CoreMember, CorePorts, CoreStatus } from './core.js';
import type { Tell } from './disk.js';
import { Host, type HostSettings, type Watch } from './host.js';
import { Network, type NetworkSettings, type ProcessEnd } from './network.js';
import type { Latency } from './path.js';
import type { Process } from './process.js';
import { ms, Schedule } from './schedule.js';
import { Sink } from './sink.js';
import { TwoPhaseSink } from './two-phase-sink.js';
import { Trace } from './trace.js';
import type { Wish } from './wishes.js';

export interface WorldSettings {
  /** The first is the initializer. */
  readonly names: readonly string[];
  readonly tickMs: number;
  readonly network: NetworkSettings;
  readonly diskLatency: Latency;
  readonly sinkLatency: Latency;
  readonly keepsText: boolean;
}

/**
 * Hosts, the network between them, and virtual time. Everything that happens in it is decided by its dice:
 * the same dice, the same trace.
 */
export class World implements Watch {
  readonly schedule: Schedule;
  readonly trace: Trace;
  readonly network: Network;
  readonly hosts: readonly Host[];
  /** All that ever lived, by life. */
  readonly processes: Process[] = [];
  readonly watches: Partial<Watch>[] = [];

  constructor(
    private readonly settings: WorldSettings,
    private readonly dice: Dice,
    makeCore: (host: Host, life: number, ports: CorePorts) => CoreMember,
  ) {
    this.schedule = new Schedule(dice.stream('ties'));
    this.trace = new Trace(() => this.schedule.now, settings.keepsText);
    const around = {
      schedule: this.schedule,
      trace: this.trace,
      makeCore,
      nextLife: () => this.processes.length + 1,
      carryOut: (process: Process, wish: Wish, part?: number) => this.carryOut(process, wish, part),
      watch: this,
    };
    this.hosts = settings.names.map(
      (name, index) => new Host(this.hostSettings(name, index), dice.stream(`host ${index}`), around),
    );
    this.network = new Network(
      this.schedule,
      dice.stream('network'),
      settings.network,
      this.hosts,
      this.trace,
      (what) => this.complained(what),
    );
  }

  /** Lets things happen until `untilNs`, or until `enough` says so; it is asked after each. */
  run(untilNs: number, enough: () => boolean = () => false): void {
    while (!enough() && this.schedule.next(untilNs));
  }

  born(process: Process): void {
    this.processes.push(process);
    for (const watch of this.watches) watch.born?.(process);
  }

  wished(process: Process, wish: Wish): void {
    for (const watch of this.watches) watch.wished?.(process, wish);
  }

  called(process: Process, status: CoreStatus): void {
    for (const watch of this.watches) watch.called?.(process, status);
  }

  ended(process: Process, end: ProcessEnd): void {
    this.network.processEnded(process, end);
    for (const watch of this.watches) watch.ended?.(process, end);
  }

  restored(process: Process, positions: ReadonlyMap<string, Buffer>): void {
    for (const watch of this.watches) watch.restored?.(process, positions);
  }

  complained(what: string): void {
    for (const watch of this.watches) watch.complained?.(what);
  }

  private hostSettings(name: string, index: number): HostSettings {
    const { tickMs, diskLatency, sinkLatency } = this.settings;
    const host = `10.0.0.${index + 1}`;
    const [control, data] = [
      { host, port: 7001 },
      { host, port: 7002 },
    ];
    return { index, name, control, data, tickMs, diskLatency, sinkLatency };
  }

  private carryOut(process: Process, wish: Wish, part?: number): void {
    const { network, trace } = this;
    const host = this.hosts[process.host]!;
    const { name } = process;
    switch (wish.kind) {
      case 'dial':
        trace.add('dial', name, wish.connection, wish.address.port);
        return network.dial(process, wish.connection, wish.address);
      case 'write':
        trace.add('write', name, wish.connection, wish.bytes.length);
        return network.write(process, wish.connection, wish.bytes, part);
      case 'close':
        trace.add('close', name, wish.connection);
        return network.close(process, wish.connection);
      case 'store':
        trace.add('store', name, wish.operation, wish.file.topology.length);
        return host.disk.write(wish.operation, Buffer.from(wish.file.topology), tellOf(process, false));
      case 'remove':
        trace.add('remove', name, wish.operation);
        return host.disk.write(wish.operation, undefined, tellOf(process, true));
      case 'append':
        trace.add('append', name, wish.file, wish.bytes.length);
        return host.logs[wish.log].append(wish.file, wish.bytes, process.post);
      case 'sync':
        trace.add('sync', name, wish.file);
        return host.logs[wish.log].sync(wish.operation, wish.file, process.post);
      case 'read':
        trace.add('read', name, wish.file, wish.offset);
        return host.logs[wish.log].read(wish.operation, wish.file, wish.offset, wish.length, process.post);
      case 'cutOff':
        trace.add('cut off', name, wish.file, wish.length);
        return host.logs[wish.log].cutOff(wish.operation, wish.file, wish.length, process.post);
      case 'removeBefore':
        trace.add('remove before', name, wish.file);
        return host.logs[wish.log].removeBefore(wish.file, wish.kept, process.post);
      case 'prepare':
        trace.add('prepare', name, wish.checkpoint);
        return this.prepare(process, wish.checkpoint, wish.counted);
      case 'commit':
        trace.add('commit', name, wish.checkpoint);
        for (const sink of host.twoPhaseSinks.values()) sink.commit(wish.checkpoint);
        return process.streamSources.commit(wish.checkpoint);
      case 'restore':
        trace.add('restore', name, wish.checkpoint);
        return this.restore(process, wish.checkpoint, wish.positions);
      case 'open':
        trace.add('open ends', name);
        return this.later(process, (core) => {
          process.endsOpen = true;
          core.endsOpened();
        });
      case 'flow':
        trace.add('flow', name, wish.on ? 1 : 0);
        process.flow = wish.on;
        return;
      case 'endSources':
        trace.add('end sources', name);
        return this.endSources(process);
      case 'drainSources':
        trace.add('drain sources', name);
        return this.schedule.after(ms(this.dice.logUniform(1, 3000)), () => this.endSources(process));
      case 'flushSinks':
        trace.add('flush sinks', name);
        return this.flushed(process);
      case 'output':
        trace.add('output', name, wish.bytes.length);
        if (!process.endsOpen) this.complained(`${name} gives to sink ${wish.sink} before it is open`);
        if (process.wishes.transactional) return this.twoPhaseSink(process, wish.sink).take(wish.bytes);
        return this.sink(process, wish.sink).take(wish.bytes);
      case 'endTurn':
        return process.post((core) => core.endTurn());
      case 'ended':
        return host.exit(process, wish.failure);
      case 'line':
        return trace.addText('log', name, wish.text);
    }
  }

  private later(process: Process, act: (core: CoreMember) => void): void {
    this.schedule.after(ms(this.dice.logUniform(0.05, 50)), () => process.post(act));
  }

  private prepare(process: Process, checkpoint: number, counted: number): void {
    const sinks = [...this.hosts[process.host]!.twoPhaseSinks.values()];
    let left = sinks.length;
    let refusal: string | undefined;
    const answered = () => {
      if (--left > 0) return;
      process.post((core) =>
        refusal === undefined ? core.sinksPrepared(checkpoint) : core.prepareFailed(checkpoint, refusal),
      );
    };
    const no = (why: string) => {
      refusal ??= why;
      answered();
    };
    if (left === 0) answered();
    for (const sink of sinks) sink.prepare(checkpoint, counted, { yes: answered, no });
  }

  private restore(process: Process, checkpoint: number, positions: ReadonlyMap<string, Buffer>): void {
    const restore = ++process.restores;
    process.streamSources.restore();
    this.restored(process, positions);
    const sinks = [...this.hosts[process.host]!.twoPhaseSinks.values()];
    let left = sinks.length;
    const done = () => {
      if (--left > 0) return;
      this.later(process, (core) => {
        if (restore === process.restores) core.endsRestored();
      });
    };
    if (left === 0) done();
    for (const sink of sinks) sink.restore(checkpoint, done);
  }

  private twoPhaseSink({ host: index }: Process, name: string): TwoPhaseSink {
    const host = this.hosts[index]!;
    let sink = host.twoPhaseSinks.get(name);
    if (sink === undefined) {
      sink = new TwoPhaseSink(this.schedule, this.dice.stream(`two-phase ${index} ${name}`), host.sinkPace);
      host.twoPhaseSinks.set(name, sink);
    }
    return sink;
  }

  private endSources(process: Process): void {
    const end = () => {
      process.streamSources.stop();
      process.sourcesEnded = true;
      this.later(process, (core) => core.sourcesEnded());
    };
    const { phase, leaving } = process.core.status;
    // Clients can go on at another worker.
    if (phase !== 'draining' && leaving.includes(process.name)) process.streamSources.leave(end);
    else end();
  }

  private flushed(process: Process): void {
    const { twoPhaseSinks } = this.hosts[process.host]!;
    const busy =
      [...process.sinks.values()].some(({ unsentBytes }) => unsentBytes > 0) ||
      [...twoPhaseSinks.values()].some(({ idle }) => !idle);
    if (busy) {
      this.schedule.after(ms(1), () => this.flushed(process));
    } else {
      for (const sink of twoPhaseSinks.values()) sink.finish();
      process.post((core) => core.sinksFlushed());
    }
  }

  private sink(process: Process, name: string): Sink {
    let sink = process.sinks.get(name);
    if (sink === undefined) {
      const { sinkPace } = this.hosts[process.host]!;
      sink = new Sink(name, this.schedule, sinkPace, process.post);
      process.sinks.set(name, sink);
    }
    return sink;
  }
}

function tellOf(process: Process, removes: boolean): Tell {
  return {
    stored: (operation) => process.post((core) => core.stored(operation)),
    failed: (operation, why) =>
      process.post((core) => {
        process.diskFailures++;
        process.leavesFiles ||= removes;
        core.storeFailed(operation, why);
      }),
  };
}
