import type { UnusableFileError } from '../core/membership/errors.js';

/** Something that the operator can mend. The text says what happened, the remedy what to do. */
export class WorkerError extends Error {
  constructor(
    message: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

export class ListenError extends WorkerError {
  constructor(what: string, address: string, cause: Error) {
    super(
      `${what}: unable to listen on (${address}): ${reason(cause)}`,
      'Choose an address of this machine and a port that no other process listens on.',
      { cause },
    );
  }
}

export class ConfigurationError extends WorkerError {}

/** Of the files of a worker only some are there. */
export class MissingFilesError extends WorkerError {
  constructor(missing: readonly string[], there: readonly string[]) {
    super(
      `Some resilience/recovery files are missing! Cannot continue!\nThe missing files are:\n${missing
        .map((path) => `    ${path}`)
        .join('\n')}\n`,
      `Bring them back, or remove the others to start this worker anew: ${there.join(' ')}`,
    );
  }
}

/** Another process uses the files of this worker. */
export class NameTakenError extends WorkerError {
  constructor(application: string, worker: string, process: number, lock: string) {
    super(
      `A worker '${worker}' of application '${application}' is running already (process ${process}, by ${lock})`,
      `Give this one another ${worker === 'initializer' ? '' : '--name or another '}--resilience-dir, or stop the other one first.`,
    );
  }
}

/** What a worker finds in its directory cannot be used by it. */
export class ForeignFilesError extends WorkerError {
  constructor(file: string, why: string, options?: ErrorOptions) {
    super(
      `The file ${file} cannot be used: ${why}`,
      'Give this worker a --resilience-dir of its own; or, if what it tells is not needed any more, remove the files of this worker there.',
      options,
    );
  }
}

/** An event log or a journal says what cannot be, or cannot be read. */
export class UnusableLogError extends WorkerError {
  readonly exitCode: number;

  constructor(path: string, cause: UnusableFileError) {
    super(`${path}: ${cause.message}`, cause.remedy, { cause });
    this.exitCode = cause.exitCode;
  }
}

/** A worker that was asked to stop could not hand on all that it had. */
export class UnsentOutputError extends WorkerError {
  constructor(sink: string, bytes: number, why: string) {
    super(
      `Sink ${sink}: ${bytes} bytes of output could not be sent: ${why}`,
      'See whether the receiver runs and reads.',
    );
  }
}

/** Nobody takes what the worker writes to its standard output: its log, and what stdout sinks send. */
export class OutputClosedError extends WorkerError {
  constructor(cause: Error) {
    super(
      `The standard output of the worker cannot be written: ${cause.message}`,
      'Keep its reader running, or send it to a file.',
      { cause },
    );
  }
}

function reason(error: Error): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return 'another process listens there';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address';
    case 'EACCES':
      return 'not permitted';
    default:
      return error.message;
  }
}
