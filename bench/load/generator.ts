/** The process that sends load; its parent commands it. */
import { workloadNamed } from '../workloads/catalogue.js';
import type { Workload, WorkloadName } from '../workloads/workload.js';
import { answerCalls } from './remote-calls.js';
import type { Schedule } from './schedule.js';
import { Sender } from './sender.js';

let workload: Workload;
let sender: Sender;

const calls = {
  prepare: (name: WorkloadName) => {
    workload = workloadNamed(name);
  },
  connect: async (ports: readonly number[]) => {
    sender = await Sender.connect(workload, ports);
  },
  sendPreamble: () => {
    sender.sendPreamble();
  },
  sendProbe: () => {
    sender.sendProbe();
  },
  flood: ({ stepsMax }: { stepsMax: number }) => sender.flood(stepsMax),
  progress: () => sender.progress,
  stop: () => {
    sender.stop();
  },
  pace: (schedule: Schedule) => sender.pace(schedule),
};

export type GeneratorCalls = typeof calls;
answerCalls(calls);
