/**
 * What the author's functions saw: written beside the cluster, by the functions themselves, so that it is
 * whole even where processes died.
 */
export interface JournalEntry {
  /** Later things have greater numbers. */
  readonly id: number;
  /** 0: pushed into a source; then the keyed stages, in their order. */
  readonly stage: number;
  /** The process that did it. */
  readonly life: number;
  /** The key at a stage; the lane at a source. */
  readonly key: string;
  /** The entry that made this message; 0 at a source. */
  readonly from: number;
  /** Which of the messages made there. */
  readonly copy: number;
  /** How many messages were made of it for the next stage. */
  readonly outputs: number;
}

export class Journal {
  /** By id; the first stands for "nothing". */
  readonly entries: JournalEntry[] = [{ id: 0, stage: -1, life: 0, key: '', from: 0, copy: 0, outputs: 0 }];
  /** Messages that did not come through as they were sent. */
  readonly damaged: string[] = [];

  /** Gives the number under which it is written down. */
  add(entry: Omit<JournalEntry, 'id'>): number {
    const id = this.entries.length;
    const { stage, life, key, from, copy, outputs } = entry;
    this.entries.push({ id, stage, life, key, from, copy, outputs });
    return id;
  }
}
