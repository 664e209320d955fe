import {
  ClusterLog,
  headIn,
  logCuts,
  logStart,
  readClusterFile,
  RecordReader,
  recordKind,
  seeds,
} from '@wallaroo/worker/core';
import type { Report } from '../checkers/finding.js';
import type { CoreStatus, LogKind } from '../world/core.js';
import type { Host, Watch } from '../world/host.js';
import type { Process } from '../world/process.js';
import { ms } from '../world/schedule.js';
import type { World } from '../world/world.js';
import type { DamageDeed } from './fault.js';

/** Pause before a worker that its files have ended is started again, with the good ones. */
const mendMs = 500;

/** With what a worker may end that finds a file damaged. */
const proper: Readonly<Record<DamageDeed['file'], readonly string[]>> = {
  cluster: ['ClusterFileError'],
  events: ['DamagedFileError'],
  journal: ['DamagedFileError'],
};

/** One file of a worker that is not what it was. */
interface Damage {
  readonly deed: DamageDeed;
  /** Which of the files of a log; 0 for the file of the cluster. */
  readonly number: number;
  readonly good: Buffer;
  /** The checkpoint that cannot be gone back to without it; undefined: nobody need see it. */
  readonly breaks: number | undefined;
  /** In a part of a journal that all checkpoints have done with, of a file that they still need; takes it for mended. */
  readonly repaired: (() => void) | undefined;
}

/** What rests on bytes that are damaged. */
type Bearing = Pick<Damage, 'breaks' | 'repaired'>;
const none: Bearing = { breaks: undefined, repaired: undefined };

/**
 * Damages files of workers that are dead, and does what the operator does when one ends with the word of it: puts the
 * good file back. A worker that goes on though bytes are damaged on which its checkpoint rests is in the wrong; that
 * whatever else it takes damaged bytes for does no harm, the other checkers see.
 */
export class Damages implements Partial<Watch> {
  /** Somebody counts anew what the journal of a host says that it took. */
  onRepaired: (host: number) => void = () => undefined;
  /** The worker of a host works with a journal that has lost its end. */
  onForgotten: (host: number) => void = () => undefined;
  private readonly damaged = new Map<Host, Damage>();

  constructor(
    private readonly world: World,
    private readonly report: Report,
  ) {
    world.watches.push(this);
  }

  /** The file of the cluster as it was before somebody damaged it. */
  goodClusterFile(host: Host): Buffer | undefined {
    const damage = this.damaged.get(host);
    return damage?.deed.file === 'cluster' ? damage.good : host.disk.file;
  }

  /** The worker of the host is dead. */
  strike(host: Host, wanted: DamageDeed): void {
    if (this.damaged.has(host)) return;
    // Not all workers have a journal.
    const lacks = wanted.file !== 'cluster' && host.logs[wanted.file].empty;
    const deed: DamageDeed = lacks ? { ...wanted, file: 'events' } : wanted;
    const { file, how } = deed;
    const number = this.numberOf(host, deed);
    const good = number === undefined ? undefined : contentOf(host, file, number);
    if (number === undefined || good === undefined || good.length === 0) return;
    const at = Math.min(good.length - 1, Math.floor(deed.at * good.length));
    const bad = how === 'foreign' ? this.foreign(deed) : spoil(good, how, at, deed.bit);
    if (bad === 'nothing' || bad?.equals(good)) return;
    this.damaged.set(host, {
      deed,
      number,
      good,
      ...this.bearing(host, deed, number, how === 'flip' || how === 'cut' ? at : 0),
    });
    put(host, file, number, bad);
    this.world.trace.addText('damaged', host.name, `${file} ${number} ${how} ${at}`);
  }

  /** Whether a process has ended because of what was damaged; its operator sees to it. */
  explains({ host: index, fate }: Process): boolean {
    const host = this.world.hosts[index]!;
    const damage = this.damaged.get(host);
    if (damage === undefined || fate.kind !== 'exited') return false;
    if (!proper[damage.deed.file].includes(fate.failure?.name ?? '')) return false;
    this.mend(host);
    this.world.schedule.after(ms(mendMs), () => host.boot());
    return true;
  }

  /** Files of a worker that has ended in order are nobody's. */
  ended({ host: index, endedWell }: Process): void {
    if (!endedWell) return;
    const host = this.world.hosts[index]!;
    if (this.damaged.get(host)?.deed.file === 'journal') this.onForgotten(index);
    this.damaged.delete(host);
  }

  /** Workers that are to start find good files. */
  heal(): void {
    for (const host of [...this.damaged.keys()]) if (!host.alive) this.mend(host);
  }

  /** It works with what is there: nobody puts anything back any more. */
  called(process: Process, status: CoreStatus): void {
    if (this.damaged.size === 0 || !process.core.flowing) return;
    const host = this.world.hosts[process.host]!;
    const damage = this.damaged.get(host);
    if (damage === undefined) return;
    this.damaged.delete(host);
    const { file, how, at } = damage.deed;
    damage.repaired?.();
    if (file === 'journal') this.onForgotten(process.host);
    if (this.passedOver(host, damage)) this.onRepaired(process.host);
    if (damage.breaks === undefined || status.checkpoint !== damage.breaks) return;
    this.report({
      checker: 'damage',
      text:
        `${process.name} works in epoch ${status.epoch}, from checkpoint ${status.checkpoint} on, though of its ` +
        `${file} file ${damage.number} that rests on was damaged: ${how} at ${at} of ${damage.good.length} bytes`,
    });
  }

  /**
   * A bit of a journal that is another stands before where this life has begun to read, though the checkpoint that it
   * went back to did not count yet when the bit changed: it is mended, for those who count.
   */
  private passedOver(host: Host, { deed, number, good }: Damage): boolean {
    if (deed.file !== 'journal' || deed.how !== 'flip') return false;
    const { journal } = host.logs;
    const at = Math.min(good.length - 1, Math.floor(deed.at * good.length));
    if (journal.content(number)[at] !== (good[at]! ^ (1 << deed.bit))) return false;
    journal.repair(number, good.subarray(0, at + 1));
    return true;
  }

  private mend(host: Host): void {
    const damage = this.damaged.get(host)!;
    this.damaged.delete(host);
    damage.repaired?.();
    put(host, damage.deed.file, damage.number, damage.good);
  }

  private numberOf(host: Host, { file, at }: DamageDeed): number | undefined {
    if (file === 'cluster') return host.disk.file === undefined ? undefined : 0;
    const { numbers } = host.logs[file];
    // Any of them, by the digits that the place in it does not need.
    return numbers[Math.floor(at * 1000) % Math.max(1, numbers.length)];
  }

  private foreign({ file, other }: DamageDeed): Buffer | 'nothing' {
    const from = this.world.hosts[other]!;
    if (file === 'cluster') return this.goodClusterFile(from) ?? 'nothing';
    const [number] = from.logs[file].numbers;
    if (number === undefined) return 'nothing';
    // What is there instead of its own may be an older one of this very host.
    const damage = this.damaged.get(from);
    return damage?.deed.file === file && damage.number === number
      ? damage.good
      : from.logs[file].content(number);
  }

  /** The newest checkpoint, if it rests on what is damaged from `at` on. */
  private bearing(host: Host, { file, how }: DamageDeed, number: number, at: number): Bearing {
    const { checkpoint, members } = this.newest;
    if (file === 'journal' && !members.some(({ name }) => name === host.name)) {
      // It has left: nobody needs its files, and what they say that it took was taken.
      host.logs.journal.remember(number, host.logs.journal.content(number));
      return none;
    }
    const part = checkpoint?.parts.find(({ name }) => name === host.name);
    if (file === 'cluster' || checkpoint === undefined || part === undefined) return none;
    if (file === 'events') {
      const base = headIn(host.logs.events.content(part.file), part.file)?.base ?? logStart;
      const needed = (number === part.file && at < part.offset) || (number === base.file && at < base.offset);
      return needed ? { breaks: checkpoint.id, repaired: undefined } : none;
    }
    const from = journalOf(host.logs.events.content(part.file).subarray(0, part.offset), part.file);
    if (from === undefined) return none;
    const { journal } = host.logs;
    const content = journal.content(number);
    const done = number < from.file ? content.length : number === from.file ? from.offset : 0;
    const breaks = { breaks: checkpoint.id, repaired: undefined };
    if (how === 'foreign') return breaks;
    if (at < done) {
      // What stands before that place was there, and the place itself: that there are so many bytes is seen.
      if (number === from.file && how !== 'flip') return breaks;
      // That it was taken still counts, for those who sent it. Nobody else reads there again.
      const forget = journal.remember(number, content);
      const repaired = () => {
        journal.repair(number, content.subarray(0, done));
        forget();
      };
      return { breaks: undefined, repaired: number === from.file ? repaired : undefined };
    }
    // Where an end is missing, or all that follows, nothing is there to say that it was.
    const behind = journal.numbers.filter((one) => one > number || (how === 'flip' && one === number));
    const synced = behind.map((one) => syncedBy(one, journal.content(one)));
    return Math.max(0, ...synced) > number + at ? breaks : none;
  }

  /** What is known of the cluster on any disk. */
  private get newest() {
    const logs = this.world.hosts.flatMap((host) => {
      const file = this.goodClusterFile(host);
      return file === undefined ? [] : [new ClusterLog(readClusterFile(file).records)];
    });
    return logs.reduce((best, log) => (log.isAheadOf(best) ? log : best), new ClusterLog([])).state;
  }
}

interface Part {
  readonly file: number;
  readonly offset: number;
}

/** Where the journal begins that the last checkpoint of an event log needs. */
function journalOf(events: Buffer, file: number): Part | undefined {
  let place: Part | undefined;
  readRecords('events', file, events, (kind, bytes, start, end) => {
    if (kind === recordKind.cut) place = logCuts.decode(bytes, start, end).journal;
  });
  return place;
}

/** Up to where a journal was on disk, by the records of one of its files. */
function syncedBy(file: number, content: Buffer): number {
  let synced = 0;
  readRecords('journal', file, content, (kind, bytes, start) => {
    if (kind === recordKind.input) synced = Math.max(synced, Number(bytes.readBigUInt64BE(start)));
  });
  return synced;
}

function readRecords(
  kind: LogKind,
  file: number,
  content: Buffer,
  onRecord: (kind: number, bytes: Buffer, start: number, end: number) => void,
): void {
  try {
    new RecordReader({ file, offset: 0, sum: 0 }, seeds[kind], onRecord).push(Buffer.from(content));
  } catch {
    // What is torn says nothing.
  }
}

function spoil(good: Buffer, how: 'flip' | 'cut' | 'gone', at: number, bit: number): Buffer | undefined {
  if (how === 'gone') return undefined;
  if (how === 'cut') return good.subarray(0, at);
  const bad = Buffer.from(good);
  bad[at]! ^= 1 << bit;
  return bad;
}

function contentOf(host: Host, file: DamageDeed['file'], number: number): Buffer | undefined {
  return file === 'cluster' ? host.disk.file : host.logs[file].content(number);
}

function put(host: Host, file: DamageDeed['file'], number: number, content: Buffer | undefined): void {
  if (file === 'cluster') host.disk.file = content;
  else host.logs[file].replace(number, content);
}
