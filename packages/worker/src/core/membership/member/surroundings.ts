import type { Address } from '@wallaroo/protocol';
import type { Timing } from '../../link/timing.js';
import type { PlantedBug } from '../../planted.js';
import type { Clock, Ends, LineLog, LogFiles, Network, OutputPort, Random, Storage } from '../../ports.js';
import type { Plan } from '../../topology/plan.js';
import type { Role } from '../role.js';

export interface ResilienceSettings {
  /** From one checkpoint to the next, in nanoseconds. */
  readonly checkpointNs: number;
  /** Operators may ask for another file of the event log. */
  readonly rotation: boolean;
  /** Another file is begun when one has so many bytes; undefined: when it is long for what it holds. */
  readonly fileBytes: number | undefined;
  /** How long files of the journal get, for simulations: as long as the journal is there it must stay the same. */
  readonly journalFileBytes?: number | undefined;
}

export interface MemberSettings {
  readonly plan: Plan;
  readonly name: string;
  readonly role: Role;
  /** Where this worker listens. */
  readonly control: Address;
  readonly data: Address;
  /** What this worker stored last, as `ClusterFile.topology`. */
  readonly saved: Buffer | undefined;
  readonly timing: Timing;
  /** Sources are muted while a sink, or a link, holds more bytes than its window. */
  readonly windowBytes: { readonly sink: number; readonly link: number };
  /** A clean shutdown that makes no progress for so long gives up. */
  readonly stopPauseMs: number;
  /** Checkpoints are taken, and everything goes back to the last one when a member dies. */
  readonly resilience: ResilienceSettings | undefined;
  /** Slots that move at once, for measurements; default: as many as hold some thousand keys. */
  readonly slotsPerRoute?: number | undefined;
  readonly planted?: ReadonlySet<PlantedBug>;
}

export interface MemberPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LineLog;
  readonly network: Network;
  readonly storage: Storage;
  /** Asked only with resilience. */
  readonly logFiles: LogFiles;
  readonly ends: Ends;
  readonly output: (sink: string) => OutputPort;
  /** Messages are being processed: call `endTurn` when those at hand are through. */
  turnOpened(): void;
  /** Sources have been muted or unmuted; `what` is full, or has caught up. */
  muteChanged(muted: boolean, what: string): void;
  /** The answer of this worker alone to a query. */
  answer(question: string): string;
  /** This worker's part is over. */
  ended(failure: Error | undefined): void;
}
