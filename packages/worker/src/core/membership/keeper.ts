import type { Address } from '@wallaroo/protocol';
import type { Operations } from '../operations.js';
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
  /** By sink: up to which checkpoint its output has been handed on. */
  readonly handedOn: ReadonlyMap<string, number>;
}

const againNs = 1e9;

/** Keeps the control log and the identity of a worker on its disk. What cannot be written is tried again. */
export class Keeper {
  private removing = false;
  private readonly retries: { readonly at: number; readonly again: () => void }[] = [];

  constructor(
    private readonly storage: Storage,
    private readonly clock: Clock,
    private readonly log: LineLog,
    private readonly operations: Operations,
    private readonly clusterLog: ClusterLog,
    private readonly identity: () => KeptIdentity,
  ) {}

  /** Writes all that there is to keep; `then` is called when it is on disk. */
  write(then: () => void): void {
    // They must not come back.
    if (this.removing) return;
    const { control, data, handedOn, ...identity } = this.identity();
    const { members, epoch, checkpoint } = this.clusterLog.state;
    const topology = writeClusterFile({
      ...identity,
      records: this.clusterLog.bytes,
      handedOn: [...handedOn].map(([sink, checkpoint]) => ({ sink, checkpoint })),
    });
    const operation = this.operations.begin(then, (why) => {
      this.log.write(
        'error',
        'Recovery',
        `The files of this worker cannot be written: ${why}. Trying again.`,
      );
      this.retries.push({ at: this.clock.now() + againNs, again: () => this.write(then) });
    });
    this.storage.store(operation, {
      topology,
      workers: members.map(({ name }) => name),
      addresses: members.map((member) => ({ name: member.name, control: member.control, data: member.data })),
      control,
      data,
      checkpoint: checkpoint?.id ?? 0,
      epoch,
    });
  }

  /** Removes all files. A file that cannot be removed keeps nobody from ending. */
  remove(then: () => void): void {
    this.removing = true;
    const operation = this.operations.begin(then, (why) => {
      this.log.write('error', 'Recovery', `The files of this worker cannot be removed: ${why}. Remove them.`);
      then();
    });
    this.storage.remove(operation);
  }

  tick(now: number): void {
    while (this.retries.length > 0 && now >= this.retries[0]!.at) this.retries.shift()!.again();
  }
}
