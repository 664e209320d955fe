import { isNamed } from '../api/errors.js';
import { LogDiskError, logHeadBytesMax, type DamagedLogError } from '../core/checkpoint/log-records.js';
import { InvariantError } from '../core/invariant.js';
import { ClusterFileError } from '../core/membership/cluster-file.js';
import { UnusableFileError, unusableFile } from '../core/membership/errors.js';
import type { Member } from '../core/membership/member.js';
import type { LogFiles, LogKind, Storage } from '../core/ports.js';
import { checkLogs, readTopology } from '../core/recovery/saved-files.js';
import { fingerprintOf } from '../core/topology/fingerprint.js';
import type { Plan } from '../core/topology/plan.js';
import { ForeignFilesError, UnusableLogError } from './errors.js';
import { LogFilesOnDisk } from './recovery/log-files.js';
import { NoFiles } from './recovery/no-files.js';
import { RecoveryFiles, type SavedWorker } from './recovery/recovery-files.js';
import type { WorkerLife } from './worker-life.js';
import type { WorkerSettings } from './worker-settings.js';

/** Without resilience nobody asks for them. */
const noLogFiles: LogFiles = {
  append: () => undefined,
  sync: () => undefined,
  read: () => undefined,
  cutOff: () => undefined,
  removeBefore: () => undefined,
};

/** The files of a worker, as far as it has some: those that it is found by again, and with resilience its logs. */
export class WorkerFiles {
  private readonly files: RecoveryFiles | NoFiles;
  private readonly logs: LogFilesOnDisk | undefined;

  constructor(
    private readonly settings: WorkerSettings,
    private readonly plan: Plan,
    private readonly life: WorkerLife,
  ) {
    const { log, name, files, role, resilience } = settings;
    const application = plan.application.name;
    if (resilience !== undefined) {
      if (files === undefined) throw new InvariantError('resilience needs files');
      this.logs = new LogFilesOnDisk(files, application, name, resilience.rotation);
    }
    this.files =
      files === undefined
        ? new NoFiles()
        : new RecoveryFiles(files, application, name, role.kind === 'initializer', log, this.logs);
  }

  get storage(): Storage {
    return this.files;
  }

  get logFiles(): LogFiles {
    return this.logs ?? noLogFiles;
  }

  /**
   * Takes the files for this process; undefined when the worker is new, or has none. To be called before anybody can
   * come: clients would send to a worker that ends at once.
   * @throws NameTakenError, MissingFilesError, ForeignFilesError, UnusableLogError
   */
  open(): SavedWorker | undefined {
    const saved = this.files instanceof RecoveryFiles ? this.files.open() : undefined;
    if (saved !== undefined) this.check(saved.topology);
    return saved;
  }

  listenTo(member: Member): void {
    const { guarded } = this.life;
    const stored = (operation: number) => guarded(() => member.stored(operation));
    const storeFailed = (operation: number, why: string) => guarded(() => member.storeFailed(operation, why));
    this.files.listenTo({ stored, storeFailed });
    this.logs?.listenTo({
      stored,
      storeFailed,
      logRead: (operation, bytes) => guarded(() => member.logRead(operation, bytes)),
    });
  }

  async release(): Promise<void> {
    await this.logs?.release();
    this.files.release();
  }

  /** The core knows the numbers of its files, not their names. */
  placed(failure: Error | undefined): Error | undefined {
    if (!(failure instanceof UnusableFileError) || this.logs === undefined) return failure;
    return new UnusableLogError(this.logs.path(failure.kind, failure.file), failure);
  }

  private check(topology: Buffer): void {
    const { plan, settings, logs } = this;
    const fingerprint = fingerprintOf(plan, { resilience: settings.resilience !== undefined }).text;
    const user = { name: settings.name, application: plan.application.name, fingerprint };
    const content = this.understood(() => readTopology(topology, user));
    if (logs === undefined) return;
    const refuse = (kind: LogKind, file: number, error: DamagedLogError): never => {
      throw this.placed(unusableFile(kind, file, error))!;
    };
    const startOf = (kind: LogKind, file: number) => {
      try {
        return logs.startOf(kind, file, logHeadBytesMax);
      } catch (error) {
        return refuse(kind, file, new LogDiskError(0, (error as Error).message));
      }
    };
    checkLogs(content, logs.all, startOf, refuse);
  }

  /** @throws ForeignFilesError when `read` finds what was saved to be of no use to this worker */
  private understood<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ClusterFileError) && !isNamed(error, 'InvalidMessageError')) throw error;
      const file = `${this.settings.files}/${this.plan.application.name}-${this.settings.name}.local-topology`;
      throw new ForeignFilesError(file, (error as Error).message, { cause: error });
    }
  }
}
