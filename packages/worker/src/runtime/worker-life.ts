/**
 * How far the life of a worker is: whether messages have flowed, whether it is to stop, and why. Whatever goes wrong
 * anywhere in the worker ends up here.
 */
export class WorkerLife {
  /** Resolves when messages flow; rejects when it is clear that they never will. */
  readonly ready = deferred();
  /** Resolves when the member is over, or something has failed: a stop need not wait for the cluster. */
  readonly ended = deferred();
  /** The worker has been told to stop. Written by the worker. */
  stopping = false;
  /** Nothing is called any more. Written by the worker. */
  stopped = false;
  /** The first one, which the stop will throw. */
  private first: Error | undefined;
  private isMemberOver = false;

  constructor(
    /** The worker must stop by itself: an operator asked for it, or something failed. */
    private readonly onStopWanted: (failure: Error | undefined) => void,
  ) {}

  get failure(): Error | undefined {
    return this.first;
  }

  get memberOver(): boolean {
    return this.isMemberOver;
  }

  /** Nothing is to be processed any more. */
  get over(): boolean {
    return this.first !== undefined || this.stopped;
  }

  /** For calls from where nobody would catch what they throw. */
  readonly guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      this.wantStop(error as Error);
    }
  };

  wantStop(failure: Error | undefined): void {
    if (this.over) return;
    this.first = failure;
    if (failure !== undefined) this.ended.resolve();
    this.onStopWanted(failure);
  }

  /** A failure on the way to the end, which does not ask for it. */
  failed(failure: Error | undefined): void {
    this.first ??= failure;
  }

  /** The member says that its part is over. */
  endOfMember(failure: Error | undefined): void {
    if (this.isMemberOver) return;
    this.isMemberOver = true;
    if (failure !== undefined) this.ready.reject(failure);
    this.failed(failure);
    this.ended.resolve();
    this.onStopWanted(failure);
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function deferred(): Deferred {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
