import { parseArgs } from 'node:util';
import { workloadNames, type WorkloadName } from '../workloads/workload.js';
import { systemNames, type SystemName } from './systems.js';

export interface Options {
  readonly workloads: readonly WorkloadName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly messages: number;
  /** Compared with the baseline. */
  readonly candidate: SystemName;
}

/** Reads the options that all benchmarks share; each has its own default for rounds and seconds. */
export function readOptions(defaults: { rounds: number; seconds: number }): Options {
  const { values } = parseArgs({
    options: {
      workload: { type: 'string', multiple: true },
      rounds: { type: 'string', default: String(defaults.rounds) },
      seconds: { type: 'string', default: String(defaults.seconds) },
      messages: { type: 'string', default: '1000000' },
      candidate: { type: 'string', default: 'worker' },
    },
  });
  return {
    workloads: values.workload?.map((name) => oneOf(workloadNames, name, '--workload')) ?? workloadNames,
    rounds: positive(values.rounds, '--rounds'),
    seconds: positive(values.seconds, '--seconds'),
    messages: positive(values.messages, '--messages'),
    candidate: oneOf(systemNames, values.candidate, '--candidate'),
  };
}

function oneOf<T extends string>(names: readonly T[], value: string, flag: string): T {
  const found = names.find((name) => name === value);
  if (found === undefined) throw new Error(`${flag} must be one of ${names.join(', ')}; it is '${value}'`);
  return found;
}

export function positive(text: string, flag: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${flag} must be a number above 0; it is '${text}'`);
  return value;
}
