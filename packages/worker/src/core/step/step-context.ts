import type { Clock } from '../ports.js';
import type { DecodeError } from '../../api/errors.js';
import type { FailurePolicy } from './user-code.js';

/** What all operators of a worker share. One message is processed at a time, so its facts can stand here. */
export class StepContext {
  /** True while the message at hand is one of those that are timed. */
  sampling = false;
  /** The pipeline that the message at hand came from. */
  pipeline = '';

  constructor(
    readonly clock: Clock,
    private readonly failures: FailurePolicy,
  ) {}

  /** Returns when the message is to be skipped. @throws UserCodeError when the worker is to stop */
  failed(what: string, key: string, message: unknown, cause: unknown): void {
    this.failures.failed(
      `Pipeline '${this.pipeline}': ${what}${key === '' ? '' : `, key '${key}',`}`,
      message,
      cause,
    );
  }

  /** Returns when the bytes are to be skipped. @throws DecodeError when their connection is to be closed */
  refused(error: DecodeError): void {
    this.failures.refused(error);
  }
}
