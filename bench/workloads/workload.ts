/** Messages of one source, as they travel: `cycle[i]` is one frame, and after the last comes the first again. */
export interface Stream {
  /** The name of the source in `--in NAME@HOST:PORT`. */
  readonly source: string;
  readonly cycle: readonly Buffer[];
}

/** How one output message is told from the next. */
export type OutputShape = { readonly kind: 'fixed'; readonly bytes: number } | { readonly kind: 'lines' };

/**
 * An independent computation of the outputs, in order.
 * It shares nothing with what is measured but the description of the job.
 */
export interface Reference {
  /** Takes in `count` whole cycles at once. */
  skipCycles(count: number): void;
  /** Takes in one step: the message at `index` of every stream. Gives the outputs that they cause. */
  apply(index: number): readonly Buffer[];
}

/** What must be in place before the first step, and how one sees that it is. */
export interface Priming {
  /** Sent once on the stream with this index. */
  readonly preamble: { readonly stream: number; readonly bytes: Buffer };
  /** Sent until its answer says that the preamble has been processed. It must cause one output. */
  readonly probe: { readonly stream: number; readonly bytes: Buffer };
  isPrimed(output: Buffer): boolean;
}

/**
 * A job with its input and its right output. A *step* is one message on every stream: with two streams a step
 * is two messages, and the load generator keeps the streams level.
 */
export interface Workload {
  readonly name: WorkloadName;
  readonly streams: readonly Stream[];
  readonly outputShape: OutputShape;
  /** For each output of a cycle, in order, the step within the cycle that causes it. */
  readonly causes: Uint32Array;
  /** Trailing bytes of each output that nobody can foretell (a wall clock time): left out of the comparison. */
  readonly unpredictableBytes: number;
  readonly priming?: Priming;
  newReference(): Reference;
}

export const workloadNames = ['alphabet', 'word-count', 'market-spread'] as const;
export type WorkloadName = (typeof workloadNames)[number];

export function stepsInCycle(workload: Workload): number {
  return workload.streams[0]!.cycle.length;
}

/** How many outputs the first `steps` steps cause. */
export function outputsAfter(workload: Workload, steps: number): number {
  const { causes } = workload;
  const cycle = stepsInCycle(workload);
  const rest = steps % cycle;
  let low = 0;
  let high = causes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (causes[middle]! < rest) low = middle + 1;
    else high = middle;
  }
  return Math.floor(steps / cycle) * causes.length + low;
}

/** The outputs of the last one to two cycles of a run of `steps` steps. */
export function lastOutputs(workload: Workload, steps: number): Buffer[] {
  const cycle = stepsInCycle(workload);
  const skipped = Math.max(0, Math.floor(steps / cycle) - 1);
  const reference = workload.newReference();
  reference.skipCycles(skipped);
  const outputs: Buffer[] = [];
  for (let step = skipped * cycle; step < steps; step++) outputs.push(...reference.apply(step % cycle));
  return outputs;
}

/** A frame as every TCP source here expects it: u32 big-endian length, then the payload. */
export function framed(payload: Buffer): Buffer {
  const frame = Buffer.alloc(4 + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  payload.copy(frame, 4);
  return frame;
}
