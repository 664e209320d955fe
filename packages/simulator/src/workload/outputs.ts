import type { Process } from '../world/process.js';

/** A message as a sink got it. */
export interface OutputLine {
  readonly trail: string;
  /** Lane and number of the message. */
  readonly message: string;
  /** The entry in the journal of the last stage. */
  readonly from: number;
}

/** The whole lines that a sink got from one process; what a kill cut off is left out. */
export function linesOf(process: Process, sink: string): OutputLine[] {
  return linesIn(process.sinks.get(sink)?.received ?? []);
}

export function linesIn(received: readonly Buffer[]): OutputLine[] {
  const text = Buffer.concat(received).toString();
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [trail, message, from] = line.split(' ');
      return { trail: trail!, message: message!, from: Number(from) };
    });
}
