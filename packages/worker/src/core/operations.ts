interface Pending {
  readonly done: () => void;
  readonly failed: (why: string) => void;
  readonly read: (bytes: Buffer) => void;
}

/** What has been asked of the disk and is not answered yet. */
export class Operations {
  private readonly pending = new Map<number, Pending>();
  private last = 0;

  /** @returns the number to ask with; one of the functions is called when the answer has come */
  begin(
    done: () => void,
    failed: (why: string) => void,
    read: (bytes: Buffer) => void = () => undefined,
  ): number {
    const operation = ++this.last;
    this.pending.set(operation, { done, failed, read });
    return operation;
  }

  stored(operation: number): void {
    this.take(operation)?.done();
  }

  failed(operation: number, why: string): void {
    this.take(operation)?.failed(why);
  }

  read(operation: number, bytes: Buffer): void {
    this.take(operation)?.read(bytes);
  }

  private take(operation: number): Pending | undefined {
    const pending = this.pending.get(operation);
    this.pending.delete(operation);
    return pending;
  }
}
