import type { Address } from '@wallaroo/protocol';
import type { Dice } from '../random/dice.js';
import type { Channel, ConnectionId } from './core.js';
import { Path, type Latency } from './path.js';
import { ms, type Schedule } from './schedule.js';
import { Socket, type NetworkProcess, type Segmentation } from './socket.js';
import type { Trace } from './trace.js';

export interface NetworkSettings {
  readonly latency: Latency;
  readonly segmentation: Segmentation;
}

/** Who listens: the hosts as the network knows them. */
export interface NetworkHost {
  readonly control: Address;
  readonly data: Address;
  /** False: nobody answers there, not even to say that nobody listens. */
  readonly up: boolean;
  readonly process: NetworkProcess | undefined;
}

/** What a process hears of its own end: its sockets are closed by the system, unless the system ended too. */
export type ProcessEnd = 'exit' | 'kill' | 'power';

/** @param whole false: the process died while it wrote them */
export type Tap = (from: Socket, bytes: Buffer, whole: boolean) => void;

export type Reader = (to: Socket, bytes: Buffer) => void;

/** Ordered byte pipes between hosts, with all that TCP leaves open: when, in which pieces, and whether at all. */
export class Network {
  /** They see all bytes that are written. */
  readonly taps: Tap[] = [];
  /** They see all bytes that are about to be read. */
  readonly readers: Reader[] = [];
  private readonly paths = new Map<number, Path>();
  private accepted = 0;

  constructor(
    private readonly schedule: Schedule,
    private readonly dice: Dice,
    private readonly settings: NetworkSettings,
    private readonly hosts: readonly NetworkHost[],
    private readonly trace: Trace,
    /** Told when a core breaks the contract of its ports. */
    private readonly broken: (what: string) => void,
  ) {}

  dial(process: NetworkProcess, id: ConnectionId, address: Address): void {
    const target = this.hosts.findIndex((host) => channelOf(host, address) !== undefined);
    const channel = target < 0 ? undefined : channelOf(this.hosts[target]!, address);
    const socket = this.socket(process, id, channel ?? 'control');
    if (channel === undefined) return socket.end('no such host', true);
    this.path(process.host, target).carry({ lastArrival: 0, coming: [] }, () =>
      this.knock(socket, target, channel),
    );
    this.schedule.after(ms(connectTimeoutMs), () => {
      if (socket.peer === undefined) socket.end('timed out', true);
    });
  }

  /** @param part the fraction of the bytes that is still written, when the process is killed meanwhile */
  write(process: NetworkProcess, id: ConnectionId, bytes: Buffer, part = 1): void {
    const socket = process.sockets.get(id);
    if (socket?.peer === undefined) return this.broken(`${process.name} writes on no connection (${id})`);
    const copy = Buffer.from(bytes.subarray(0, Math.floor(bytes.length * part)));
    for (const tap of this.taps) tap(socket, copy, part === 1);
    this.send(socket, copy.length, (peer, arriving) => {
      if (part === 1 && !copy.equals(bytes)) this.broken(`${process.name} changed bytes after writing them`);
      peer.arrive(arriving < copy.length ? copy.subarray(0, arriving) : copy);
    });
  }

  close(process: NetworkProcess, id: ConnectionId): void {
    const socket = process.sockets.get(id);
    if (socket !== undefined) this.leave(socket, this.dice.chance(0.7) ? 'in order' : 'reset');
  }

  /** The system closes what a process that has ended left open. */
  processEnded(process: NetworkProcess, end: ProcessEnd): void {
    for (const socket of [...process.sockets.values()]) {
      if (end === 'power') this.forget(socket);
      else this.leave(socket, end === 'exit' || this.dice.chance(0.7) ? 'in order' : 'reset');
    }
  }

  path(from: number, to: number): Path {
    const index = from * this.hosts.length + to;
    let path = this.paths.get(index);
    if (path === undefined) {
      path = new Path(this.schedule, this.dice.stream(index), this.settings.latency);
      this.paths.set(index, path);
    }
    return path;
  }

  /** Breaks connections between two hosts: both ends hear of it, each in its own time. Gives their number. */
  reset(one: number, other: number): number {
    const sockets = this.between(one, other);
    for (const socket of sockets) this.breakOff(socket);
    return Math.ceil(sockets.length / 2);
  }

  /** Holds up what is sent from now on over connections that are there. Gives their number. */
  stall(from: number, to: number, channel: Channel, forMs: number): number {
    const sockets = this.between(from, to).filter(
      ({ process, channel: its }) => process.host === to && its === channel,
    );
    for (const socket of sockets) {
      socket.lastArrival = Math.max(socket.lastArrival, this.schedule.now + ms(forMs));
    }
    return sockets.length;
  }

  /** Connections between two hosts become silent for ever, in one direction or in both. Gives their number. */
  halfOpen(from: number, to: number, both: boolean): number {
    const sockets = this.between(from, to).filter(({ process }) => both || process.host === to);
    for (const socket of sockets) socket.lost = true;
    return sockets.length;
  }

  private between(one: number, other: number): Socket[] {
    const sockets: Socket[] = [];
    for (const host of new Set([one, other])) {
      for (const socket of this.hosts[host]!.process?.sockets.values() ?? []) {
        if (socket.open && socket.peer!.process.host === one + other - host) sockets.push(socket);
      }
    }
    return sockets;
  }

  private knock(dialler: Socket, target: number, channel: Channel): void {
    const host = this.hosts[target]!;
    if (!host.up || dialler.gone) return;
    const back = this.path(target, dialler.process.host);
    const { process } = host;
    if (process === undefined || !process.alive) {
      back.carry(dialler, () => dialler.end('refused', true));
      return;
    }
    const remoteHost = this.hosts[dialler.process.host]!.control.host;
    const id = -++this.accepted as ConnectionId;
    const socket = this.socket(process, id, channel);
    socket.establish(dialler, (core) => core.accepted(id, channel, remoteHost));
    back.carry(dialler, () => {
      if (dialler.gone) this.answerReset(dialler, socket);
      else dialler.establish(socket, (core) => core.connected(dialler.id));
    });
  }

  private socket(process: NetworkProcess, id: ConnectionId, channel: Channel): Socket {
    const { settings, dice, trace } = this;
    return new Socket(process, id, channel, settings.segmentation, dice, trace, (to, bytes) => {
      for (const reader of this.readers) reader(to, bytes);
    });
  }

  private send(from: Socket, count: number, arrive: (peer: Socket, arriving: number) => void): void {
    const peer = from.peer!;
    peer.underWayBytes += count;
    this.path(from.process.host, peer.process.host).carry(peer, () => {
      peer.underWayBytes -= count;
      const arriving = Math.min(count, peer.arriving);
      peer.arriving -= arriving;
      if (peer.lost || (count > 0 && arriving === 0)) return;
      if (!this.hosts[peer.process.host]!.up) return;
      if (peer.gone) this.answerReset(peer, from);
      else arrive(peer, arriving);
    });
  }

  /** Nobody has this connection any more: the other end is told so when it sends. */
  private answerReset(gone: Socket, sender: Socket): void {
    if (sender.gone || sender.lost) return;
    this.path(gone.process.host, sender.process.host).carry(sender, () => sender.end('reset', true));
  }

  private leave(socket: Socket, manner: 'in order' | 'reset'): void {
    const { peer } = socket;
    this.forget(socket);
    if (peer === undefined || peer.gone) return;
    if (manner === 'reset') this.loseSome(peer);
    this.path(socket.process.host, peer.process.host).carry(peer, () => {
      if (!peer.lost && this.hosts[peer.process.host]!.up) peer.end('ended', manner === 'reset');
    });
  }

  private forget(socket: Socket): void {
    socket.gone = true;
    socket.process.sockets.delete(socket.id);
  }

  private breakOff(socket: Socket): void {
    this.loseSome(socket);
    const delay = this.dice.logUniform(0.01, 1000);
    const abruptly = this.dice.chance(0.5);
    this.schedule.after(ms(delay), () => socket.end('reset', abruptly));
  }

  private loseSome(socket: Socket): void {
    socket.arriving = Math.min(socket.arriving, this.dice.below(socket.underWayBytes + 1));
  }
}

const connectTimeoutMs = 20_000;

function channelOf(host: NetworkHost, { host: name, port }: Address): Channel | undefined {
  if (host.control.host !== name) return undefined;
  if (host.control.port === port) return 'control';
  return host.data.port === port ? 'data' : undefined;
}
