/** The process that sends load; its parent commands it. */
import { workloadNamed } from '../workloads/catalogue.js';
import type { Workload, WorkloadName } from '../workloads/workload.js';
import { ConnectorSender } from './connector-sender.js';
import { answerCalls } from './remote-calls.js';
import type { Schedule } from './schedule.js';
import { Sender } from './sender.js';

let workload: Workload;
let sender: Sender;
let flooding: Sender | ConnectorSender;

const calls = {
  prepare: (name: WorkloadName) => {
    workload = workloadNamed(name);
  },
  connect: async (ports: readonly number[]) => {
    flooding = sender = await Sender.connect(workload, ports);
  },
  /** A client that speaks the connector protocol: it can flood, and nothing else. */
  connectAsConnector: (ports: readonly number[]) => {
    flooding = new ConnectorSender(workload, ports);
  },
  sendPreamble: () => {
    sender.sendPreamble();
  },
  sendProbe: () => {
    sender.sendProbe();
  },
  flood: ({ stepsMax }: { stepsMax: number }) => flooding.flood(stepsMax),
  progress: () => flooding.progress,
  stop: () => {
    flooding.stop();
  },
  pace: (schedule: Schedule) => sender.pace(schedule),
};

export type GeneratorCalls = typeof calls;
answerCalls(calls);
