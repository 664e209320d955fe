import { checkAgreement } from '../checkers/agreement.js';
import type { Finding } from '../checkers/finding.js';
import { Damages } from '../faults/damages.js';
import { Injector, type FiredFault } from '../faults/injector.js';
import { Dice } from '../random/dice.js';
import { Feeder } from '../workload/feeder.js';
import { drawInput, type Lane } from '../workload/input.js';
import type { Journal } from '../workload/journal.js';
import { passesFront, sourceNames } from '../workload/simulated-application.js';
import { ms } from '../world/schedule.js';
import { TrafficCounter } from '../world/traffic.js';
import type { Process } from '../world/process.js';
import type { World } from '../world/world.js';
import { makeCluster } from './cluster.js';
import type { Scenario } from './scenario.js';
import { markerBytes, Supervision } from './supervision.js';
import { judgeRun, type FinishedRun } from './verdict.js';

/** More often than there are faults that could cut it short. */
const shutdownsMax = 4;
/** How long, in virtual time, a cluster that is well may do nothing while there is something to do. */
const settleMsMax = 120_000;
const pollMs = 100;

export interface RunReport {
  readonly scenario: Scenario;
  /** The first thing that was found to be wrong. */
  readonly violation: Finding | undefined;
  readonly hash: string;
  /** Empty, unless asked for. */
  readonly trace: readonly string[];
  readonly events: number;
  readonly virtualMs: number;
  readonly fired: readonly FiredFault[];
  /** Messages pushed into sources, and invocations of keyed stages. */
  readonly pushed: number;
  readonly invocations: number;
  readonly traffic: TrafficCounter;
  readonly mostHeldBytes: number;
  readonly kills: number;
}

/**
 * Runs a scenario from the start of its workers to their clean end: a time of faults, then a quiet one in which
 * all must finish, then a second input with keys of its own, then the shutdown.
 */
export function runScenario(scenario: Scenario, keepsText = false): RunReport {
  const run = new Run(scenario, keepsText);
  run.play();
  return run.report();
}

class Run implements FinishedRun {
  readonly world: World;
  readonly journal: Journal;
  readonly feeder: Feeder;
  private readonly dice: Dice;
  private readonly injector: Injector;
  private readonly traffic: TrafficCounter;
  private readonly supervision: Supervision;

  constructor(
    readonly scenario: Scenario,
    keepsText: boolean,
  ) {
    this.dice = Dice.of(scenario.seed);
    const { world, journal } = makeCluster(scenario, keepsText);
    this.world = world;
    this.journal = journal;
    const damages = new Damages(world, (finding) => this.supervision.findings.push(finding));
    this.injector = new Injector(world, scenario.faults, damages);
    this.traffic = new TrafficCounter(world.hosts.length);
    world.network.taps.push(this.traffic.see);
    this.supervision = new Supervision(world, journal, scenario, damages);
    this.feeder = new Feeder(
      world,
      this.dice.stream('feeder'),
      journal,
      { overMs: scenario.horizonMs, burst: scenario.burst },
      ({ number }) => (passesFront(scenario.shape, number) ? 1 : 0),
      scenario.resilience,
      (finding) => this.supervision.findings.push(finding),
    );
    damages.onRepaired = (host) => this.feeder.recount(host);
    damages.onForgotten = (host) => this.feeder.forgotten(host);
  }

  play(): void {
    const { world, scenario, feeder } = this;
    const starts = this.dice.stream('starts');
    for (const host of world.hosts.slice(0, scenario.workers)) {
      world.schedule.after(ms(starts.fraction() * scenario.startWithinMs), () => host.boot());
    }
    feeder.open(this.lanes('a'));
    this.pass(scenario.horizonMs);
    if (this.failed) return;
    this.injector.heal();
    feeder.hurry({ overMs: 500, burst: scenario.burst });
    this.settle('after the faults');
    if (this.failed) return;
    checkAgreement(this.present, scenario.shape.slots, (finding) => this.supervision.findings.push(finding));
    if (this.failed) return;
    this.secondInput();
    if (!this.failed) this.shutDown();
    if (!this.failed) this.supervision.findings.push(...judgeRun(this));
  }

  report(): RunReport {
    const { world, scenario, journal, supervision } = this;
    return {
      scenario,
      violation: supervision.findings[0],
      hash: world.trace.hash,
      trace: world.trace.lines,
      events: world.schedule.happened,
      virtualMs: Math.round(world.schedule.now / 1e6),
      fired: this.injector.fired,
      pushed: this.feeder.pushed,
      invocations: journal.entries.reduce((count, { stage }) => count + (stage > 0 ? 1 : 0), 0),
      traffic: this.traffic,
      mostHeldBytes: supervision.bounds.mostBytes,
      kills: world.processes.filter(({ killed }) => killed).length,
    };
  }

  private get failed(): boolean {
    return this.supervision.findings.length > 0;
  }

  private secondInput(): void {
    const { feeder, scenario } = this;
    const dice = this.dice.stream('second input');
    if (!scenario.shutDownEarly) {
      feeder.open(this.lanes('b'));
      return this.settle('with the second input');
    }
    feeder.stopAfter(feeder.pushed + dice.below(20 * scenario.workers));
    feeder.open(this.lanes('b'));
    this.pass(dice.below(150));
  }

  /** Stops the cluster. One that workers died of is started again, unless some had gone in order by then. */
  private shutDown(): void {
    const { world, scenario, supervision, feeder } = this;
    const dice = this.dice.stream('shutdown');
    const mayBeCutShort = scenario.faults.some((fault) => fault.kind === 'kill' && fault.atShutdown);
    for (let nth = 1; nth <= shutdownsMax; nth++) {
      supervision.endExpected = mayBeCutShort ? 'anyhow' : 'in order';
      this.injector.shutDown();
      const asked = dice.pick(this.present);
      asked.post((core) => core.shutDown());
      this.pass(settleMsMax, () => this.ended);
      if (this.failed) return;
      if (this.someHaveGone) return this.clearUp(mayBeCutShort);
      if (!mayBeCutShort) break;
      // Those that knew of it have died and come back: they go on, and are asked again.
      if (this.present.every(({ alive, core }) => alive && core.status.phase === 'processing')) continue;
      if (world.hosts.some(({ alive }) => alive)) break;
      supervision.endExpected = 'no';
      for (const host of world.hosts) if (host.used) host.boot();
      feeder.stopAfter(Infinity);
      this.settle('after a shutdown that was cut short');
      if (this.failed) return;
    }
    this.find('shutdown', `nobody has ended in order; ${this.situation()}`);
  }

  /** Nobody is there any more, but for those that were started again when all others had gone. */
  private get ended(): boolean {
    // Asked after everything that happens.
    let gone: boolean | undefined;
    for (const { used, process } of this.world.hosts) {
      if (!used || process === undefined || !process.alive) continue;
      gone ??= this.someHaveGone;
      if (!gone || process.core.status.phase !== 'returning') return false;
    }
    return true;
  }

  /** Somebody has ended in order, or would have but for the last step: its files are removed. */
  private get someHaveGone(): boolean {
    return this.world.hosts.some(
      ({ used, process, clean }) => used && (process!.endedWell || (process!.killed && clean)),
    );
  }

  /** The cluster has ended in order. Who died, or could not know, has files that nobody needs. */
  private clearUp(mayBeCutShort: boolean): void {
    for (const host of this.world.hosts) {
      const { name, alive, process, clean } = host;
      if (alive && !mayBeCutShort) this.find('shutdown', `${name} has not ended; ${this.situation()}`);
      else if (alive) host.kill(false);
      else if (process?.endedWell && !clean && !process.leavesFiles) {
        this.find('shutdown', `${name} has left its file behind`);
      }
      if (!clean && mayBeCutShort) host.removeFiles();
    }
  }

  private settle(when: string): void {
    let until = this.world.schedule.now + ms(settleMsMax);
    let progress = 0;
    let before = '';
    for (let nth = 0; ; nth++) {
      // A bit later in the end, or it might come upon the same moment of every checkpoint.
      this.pass(pollMs + Math.floor(nth / 10));
      if (this.failed) return;
      // Where windows are small and the network is slow, all that there is to do may take very long.
      const { length } = this.journal.entries;
      if (length + this.routes > progress) until = this.world.schedule.now + ms(settleMsMax);
      progress = length + this.routes;
      const now = this.quiet ? String(this.journal.entries.length) : '';
      if (now !== '' && now === before) return;
      before = now;
      if (this.world.schedule.now >= until) {
        return this.find(
          'liveness',
          `nothing has been processed or moved for ${settleMsMax / 1000} s ${when}, and not all is finished; ${this.situation()}`,
        );
      }
    }
  }

  /** How many times slots have begun to move. */
  private get routes(): number {
    return Math.max(0, ...this.present.map(({ core }) => core?.status.routeVersion ?? 0));
  }

  /** All that was there to be done is done. */
  private get quiet(): boolean {
    if (!this.feeder.done) return false;
    return this.world.hosts.every(({ used, process, name }) => {
      if (!used) return true;
      if (!process?.alive || !process.core.flowing) return false;
      const { heldBytes, unacknowledgedBytes, journalBytes, members, leaving, slotsToMove } =
        process.core.status;
      return (
        members.includes(name) &&
        leaving.length === 0 &&
        slotsToMove === 0 &&
        heldBytes === 0 &&
        journalBytes === 0 &&
        // Where sinks take their time some checkpoint is always on its way.
        unacknowledgedBytes % (this.scenario.resilience === undefined ? Infinity : markerBytes) === 0 &&
        [...process.sinks.values()].every((sink) => sink.idle)
      );
    });
  }

  /** The processes of all workers that are in the cluster. */
  private get present(): Process[] {
    return this.world.hosts.flatMap(({ used, process }) => (used && process !== undefined ? [process] : []));
  }

  private situation(): string {
    const hosts = this.world.hosts.map(({ name, process, left }) => {
      if (left || process === undefined) return `${name} is ${left ? 'gone' : 'not started'}`;
      if (!process?.alive) return `${name} is down`;
      const { phase, epoch, incarnation, unreachable, heldBytes, unacknowledgedBytes } = process.core.status;
      const { journalBytes, slotsToMove, leaving } = process.core.status;
      const further = [
        journalBytes > 0 && `, ${journalBytes} in its journal`,
        slotsToMove > 0 && `, ${slotsToMove} slots to move`,
        leaving.length > 0 && `, ${leaving.join(' ')} leaving`,
        process.core.flowing || ', not flowing',
      ].filter((part) => typeof part === 'string');
      const missing = unreachable.length > 0 ? `, misses ${unreachable.join(' ')}` : '';
      return (
        `${name} is ${phase} in epoch ${epoch} incarnation ${incarnation}${missing}, ` +
        `holds ${heldBytes} + ${unacknowledgedBytes} bytes${further.join('')}`
      );
    });
    return hosts.join('; ');
  }

  private lanes(batch: string): Lane[] {
    const { input, shape } = this.scenario;
    const settings = batch === 'a' ? input : { ...input, messages: Math.min(20, input.messages) };
    const inputs = { hosts: this.world.hosts.length, sources: sourceNames(shape), batch, settings };
    return drawInput(inputs, this.dice.stream(`input ${batch}`));
  }

  /** Lets time pass, up to the first finding. */
  private pass(milliseconds: number, enough: () => boolean = () => false): void {
    this.world.run(this.world.schedule.now + ms(milliseconds), () => this.failed || enough());
  }

  private find(checker: string, text: string): void {
    this.supervision.findings.push({ checker, text });
  }
}
