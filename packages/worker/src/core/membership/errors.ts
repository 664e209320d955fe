import { LogDiskError, type DamagedLogError } from '../checkpoint/log-records.js';
import type { LogKind } from '../ports.js';
import { joinTexts } from './admission.js';

/** What ends a member for a reason that the operator can mend. The text says what happened, the remedy what to do. */
export class MembershipError extends Error {
  constructor(
    message: string,
    readonly remedy: string,
    /** For the process; what is only late can be started again. */
    readonly exitCode = 1,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** Another worker does not let this one in. */
export class RefusedError extends MembershipError {
  constructor(peer: string, text: string) {
    super(
      `${peer} refuses this worker: ${text}`,
      'Start it with the right application, name and addresses; or, if files of another cluster are in its way, with another --resilience-dir',
    );
  }
}

/** The cluster does not let this worker join. */
export class JoinRefusedError extends MembershipError {
  /** For the log. */
  readonly line: string;

  constructor(text: string) {
    const taken = text === joinTexts.taken;
    super(
      `Join Error: ${text}`,
      taken
        ? 'Give this worker another --name'
        : 'See the log of the cluster for what it is doing, and start this worker again',
    );
    this.line = `${taken ? 'Shutting down early' : 'Join Error'}: ${text}`;
  }
}

/** A later start of the same worker has taken its place. */
export class SupersededError extends MembershipError {
  constructor(text: string) {
    super(`Fenced: ${text}`, 'Nothing need be done: the later one does the work', 75);
  }
}

export class StartTimeoutError extends MembershipError {
  constructor(what: string, waitedMs: number) {
    super(
      `The cluster has not formed within ${waitedMs / 1000} s: waited for ${what}`,
      'Start the workers that are missing, and see that --control names the initializer and --worker-count is right',
    );
  }
}

/** This worker cannot come back by one of its files. */
export class UnusableFileError extends MembershipError {
  constructor(
    readonly kind: LogKind,
    readonly file: number,
    what: string,
    remedy: string,
    exitCode: number,
  ) {
    super(`The ${kind === 'events' ? 'event log' : 'journal'} of this worker ${what}`, remedy, exitCode);
  }
}

/** A disk fails while the worker reads what it goes on from: what stands there may be right. */
class FailedFileError extends UnusableFileError {
  constructor(kind: LogKind, file: number, offset: number, why: string) {
    super(
      kind,
      file,
      `cannot be used from byte ${offset} on: ${why}`,
      'See to the disk and to the permissions of the file, then start the worker again by the same command',
      74,
    );
  }
}

/** A file of this worker is damaged: what it says cannot be trusted, and nothing is made up in its place. */
class DamagedFileError extends UnusableFileError {
  constructor(kind: LogKind, file: number, offset: number, why: string) {
    super(
      kind,
      file,
      `is damaged at byte ${offset}: ${why}`,
      'Put the file back from a copy; or, to begin with empty state, stop all workers and remove the files of all of them',
      65,
    );
  }
}

/** What whoever reads a log has found, for the operator. */
export function unusableFile(kind: LogKind, file: number, error: DamagedLogError): UnusableFileError {
  const { offset, message } = error;
  return error instanceof LogDiskError
    ? new FailedFileError(kind, file, offset, message)
    : new DamagedFileError(kind, file, offset, message);
}

/** The cluster was asked to stop, and some of what was read could not be processed. */
export class IncompleteShutdownError extends MembershipError {
  constructor(bytes: number, unreachable: readonly string[]) {
    const away = unreachable.length > 0 ? ` while ${unreachable.join(', ')} could not be reached` : '';
    super(
      bytes > 0
        ? `The cluster has stopped${away} with messages that were not processed: ${bytes} bytes on links of this worker`
        : `The cluster has stopped${away || ' before all workers were through'}`,
      'The files of the workers are kept: start the cluster again with the same commands, and see that all receivers read',
    );
  }
}
