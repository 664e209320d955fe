import type { Address } from '@wallaroo/protocol';
import type { Clock, LineLog, Storage } from '../ports.js';
import { writeClusterFile } from './cluster-file.js';
import type { ClusterLog } from './cluster-log.js';

export interface KeptIdentity {
  readonly application: string;
  readonly fingerprint: string;
  readonly name: string;
  readonly incarnation: number;
  readonly control: Address;
  readonly data: Address;
}

const againNs = 1e9;

interface Operation {
  readonly done: () => void;
  /** Undefined: it is not tried again, and what was to follow follows. */
  readonly again: (() => void) | undefined;
}

/** Keeps the control log and the identity of a worker on its disk. What cannot be written is tried again. */
export class Keeper {
  private readonly pending = new Map<number, Operation>();
  private last = 0;
  private readonly retries: { readonly at: number; readonly again: () => void }[] = [];

  constructor(
    private readonly storage: Storage,
    private readonly clock: Clock,
    private readonly log: LineLog,
    private readonly clusterLog: ClusterLog,
    private readonly identity: () => KeptIdentity,
  ) {}

  /** Writes all that there is to keep; `then` is called when it is on disk. */
  write(then: () => void): void {
    const { control, data, ...identity } = this.identity();
    const { members } = this.clusterLog.state;
    const topology = writeClusterFile({ ...identity, records: this.clusterLog.bytes });
    const operation = this.begin(then, () => this.write(then));
    this.storage.store(operation, {
      topology,
      workers: members.map(({ name }) => name),
      addresses: members.map((member) => ({ name: member.name, control: member.control, data: member.data })),
      control,
      data,
    });
  }

  /** Removes all files. A file that cannot be removed keeps nobody from ending. */
  remove(then: () => void): void {
    this.storage.remove(this.begin(then, undefined));
  }

  stored(operation: number): void {
    const done = this.pending.get(operation)?.done;
    this.pending.delete(operation);
    done?.();
  }

  failed(operation: number, why: string): void {
    const failed = this.pending.get(operation);
    if (failed === undefined) return;
    this.pending.delete(operation);
    const { done, again } = failed;
    if (again === undefined) {
      this.log.write('error', 'Recovery', `The files of this worker cannot be removed: ${why}. Remove them.`);
      return done();
    }
    this.log.write('error', 'Recovery', `The files of this worker cannot be written: ${why}. Trying again.`);
    this.retries.push({ at: this.clock.now() + againNs, again });
  }

  tick(now: number): void {
    while (this.retries.length > 0 && now >= this.retries[0]!.at) this.retries.shift()!.again();
  }

  private begin(done: () => void, again: (() => void) | undefined): number {
    const operation = ++this.last;
    this.pending.set(operation, { done, again });
    return operation;
  }
}
