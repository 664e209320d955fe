/** A question to several members, and what has come back. */
export class Inquiry {
  private readonly answers = new Map<string, string>();
  private closed = false;

  constructor(
    readonly id: number,
    /** The members asked, besides the one that asks. */
    private readonly others: readonly string[],
    private readonly deadline: number,
    private readonly done: (answers: ReadonlyMap<string, string>, missing: readonly string[]) => void,
  ) {}

  answered(member: string, body: string): void {
    this.answers.set(member, body);
    if (this.answers.size > this.others.length) this.close();
  }

  tick(now: number): void {
    if (now >= this.deadline) this.close();
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.done(
      this.answers,
      this.others.filter((name) => !this.answers.has(name)),
    );
  }
}
