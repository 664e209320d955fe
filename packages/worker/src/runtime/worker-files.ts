import { isNamed } from '../api/errors.js';
import { InvariantError } from '../core/invariant.js';
import { ClusterFileError } from '../core/membership/cluster-file.js';
import { DamagedFileError } from '../core/membership/errors.js';
import type { Member } from '../core/membership/member.js';
import type { LogFiles, Storage } from '../core/ports.js';
import { DamagedLogError, ForeignFilesError } from './errors.js';
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
    private readonly application: string,
    private readonly life: WorkerLife,
  ) {
    const { log, name, files, role, resilience } = settings;
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
   * Takes the files for this process; undefined when the worker is new, or has none.
   * @throws NameTakenError, MissingFilesError
   */
  open(): SavedWorker | undefined {
    return this.files instanceof RecoveryFiles ? this.files.open() : undefined;
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
    if (!(failure instanceof DamagedFileError) || this.logs === undefined) return failure;
    return new DamagedLogError(this.logs.path(failure.kind, failure.file), failure);
  }

  /** @throws ForeignFilesError when `make` finds what was saved to be of no use to this worker */
  understood(make: () => Member): Member {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof ClusterFileError) && !isNamed(error, 'InvalidMessageError')) throw error;
      const file = `${this.settings.files}/${this.application}-${this.settings.name}.local-topology`;
      throw new ForeignFilesError(file, (error as Error).message, { cause: error });
    }
  }
}
