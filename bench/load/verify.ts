import { lastOutputs, outputsAfter, type Workload } from '../workloads/workload.js';
import type { OutputMeter } from './output-meter.js';

/**
 * Compares what came with the workload's own reference: the number of outputs of the whole run, and byte for
 * byte the outputs of the last one or two cycles. Every output there holds a running total or a state made at
 * the start, so an input that was lost, doubled or put out of order earlier shows as well.
 */
export function faultsOf(workload: Workload, steps: number, meter: OutputMeter): string[] {
  const wanted = outputsAfter(workload, steps);
  if (meter.outputs !== wanted) return [`${meter.outputs} outputs came, ${wanted} were expected`];
  const expected = lastOutputs(workload, steps);
  const tail = meter.tail();
  let at = tail.length;
  for (let index = expected.length - 1; index >= 0; index--) {
    const output = expected[index]!;
    at -= output.length;
    if (at < 0) break;
    const known = output.length - workload.unpredictableBytes;
    if (output.compare(tail, at, at + known, 0, known) !== 0) {
      const got = tail.subarray(at, at + output.length);
      const which = wanted - (expected.length - index) + 1;
      return [`output ${which} is ${show(got)}, expected ${show(output)}`];
    }
  }
  return [];
}

function show(bytes: Buffer): string {
  return `${JSON.stringify(bytes.toString('latin1'))} (${bytes.toString('hex')})`;
}
