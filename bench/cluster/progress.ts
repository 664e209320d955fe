/** What a process of the keyed job says on stdout now and then, and when it ends. */
export interface Progress {
  /** True: the process has ended in order, and this is all. */
  readonly final: boolean;
  /** Messages that its source has made. */
  readonly generated: number;
  /** Messages that it has counted, and those of them that the other process had made. */
  readonly processed: number;
  readonly crossed: number;
  /** User and system time of all its threads. */
  readonly cpuUs: number;
}

/** Undefined for the lines of the log. */
export function parseProgress(line: string): Progress | undefined {
  return line.startsWith('{"final":') ? (JSON.parse(line) as Progress) : undefined;
}
