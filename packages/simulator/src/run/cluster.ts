import {
  checkLogs,
  logHeadBytesMax,
  Member,
  planApplication,
  readClusterFile,
  unusableFile,
  type LogKind,
  type MemberSettings,
  type PlantedBug,
  type Role,
} from '@wallaroo/worker/core';
import { Dice } from '../random/dice.js';
import { Journal } from '../workload/journal.js';
import { simulatedApplication, type Scribe } from '../workload/simulated-application.js';
import type { CoreMember, CorePorts } from '../world/core.js';
import type { Host } from '../world/host.js';
import { World } from '../world/world.js';
import type { Scenario } from './scenario.js';

/** Times of the protocols in a simulation: those of production, but for what would only make runs longer. */
const timing = { tickMs: 50, heartbeatMs: 250, silenceMs: 1500, retryMs: 100, startMs: 0, joinMs: 5000 };
const joinerStartMs = 15_000;
const stopPauseMs = 15_000;

/** A world of hosts on which the real core runs. */
export interface Cluster {
  readonly world: World;
  readonly journal: Journal;
}

/** Hosts as the scenario has them, none of them started yet. */
export function makeCluster(scenario: Scenario, keepsText: boolean): Cluster {
  const journal = new Journal();
  const { latency, segmentation, diskLatency, sinkLatency, workers, spares } = scenario;
  const world: World = new World(
    {
      names: Array.from({ length: workers + spares }, (_, index) => nameOf(index, workers)),
      tickMs: timing.tickMs,
      network: { latency, segmentation },
      diskLatency,
      sinkLatency,
      keepsText,
    },
    Dice.of(scenario.seed).stream('world'),
    (host, life, ports) =>
      makeMember({ scenario, journal, role: roleOf(scenario, world, host), host, life }, ports),
  );
  return { world, journal };
}

function nameOf(index: number, workers: number): string {
  if (index === 0) return 'initializer';
  return index < workers ? `worker${index}` : `joiner${index - workers + 1}`;
}

function roleOf({ workers }: Scenario, { hosts }: World, host: Host): Role {
  const [initializer] = hosts;
  if (host === initializer) return { kind: 'initializer', workerCount: workers };
  if (host.index < workers) return { kind: 'worker', initializer: initializer!.control };
  // Operators name a worker that they know to be at work.
  const contact = hosts.find(({ alive, process }) => alive && process?.core?.flowing) ?? initializer!;
  // Those of its round that are in are not waited for again.
  const others = host.round.filter((one) => one !== host && !one.left && !one.process?.core?.flowing);
  return { kind: 'joiner', contact: contact.control, workerCount: 1 + others.length };
}

interface Start {
  readonly scenario: Scenario;
  readonly journal: Journal;
  readonly role: Role;
  readonly host: Host;
  readonly life: number;
}

function makeMember({ scenario, journal, role, host, life }: Start, ports: CorePorts): CoreMember {
  const { payload, payloadBytes } = scenario.input;
  const { resilience } = scenario;
  const deliver = resilience?.sinks === 'on-commit' ? 'on-commit' : 'at-once';
  const scribe: Scribe = {
    journal,
    life,
    payload,
    payloadBytes,
    deliver,
    transactional: resilience?.sinks === 'two-phase',
  };
  const settings: MemberSettings = {
    plan: planApplication(simulatedApplication(scenario.shape, scribe)),
    name: host.name,
    role,
    control: host.control,
    data: host.data,
    saved: host.disk.file,
    // A joiner whose contact has left must look for another one.
    timing: role.kind === 'joiner' ? { ...timing, startMs: joinerStartMs } : timing,
    windowBytes: scenario.windowBytes,
    stopPauseMs,
    resilience:
      resilience === undefined
        ? undefined
        : {
            checkpointNs: resilience.checkpointMs * 1e6,
            rotation: true,
            fileBytes: resilience.fileBytes,
            journalFileBytes: resilience.journalFileBytes,
          },
    planted: new Set(scenario.planted as readonly PlantedBug[]),
  };
  const member = new Member(settings, ports);
  if (settings.saved !== undefined && resilience !== undefined) checkFiles(host, settings.saved);
  return member;
}

/** As workers do before they listen. @throws DamagedFileError */
function checkFiles({ logs }: Host, saved: Buffer): void {
  const all = (['events', 'journal'] as const).flatMap((kind) =>
    logs[kind].numbers.map((file) => ({ kind, file })),
  );
  const startOf = (kind: LogKind, file: number) => {
    const content = logs[kind].content(file);
    return { start: content.subarray(0, logHeadBytesMax), bytes: content.length };
  };
  checkLogs(readClusterFile(saved), all, startOf, (kind, file, error) => {
    throw unusableFile(kind, file, error);
  });
}
