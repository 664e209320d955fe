/** What a checker has found to be wrong. */
export interface Finding {
  /** Which checker: a shrunk run must fail in the same. */
  readonly checker: string;
  readonly text: string;
}

export type Report = (finding: Finding) => void;
