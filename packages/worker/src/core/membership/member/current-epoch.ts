import { invariant, unreachable } from '../../invariant.js';
import { Rescale, tellComplete } from '../../migration/rescale.js';
import { routed, type ClusterState } from '../cluster-state.js';
import type { ControlRecord, EpochRecord } from '../records.js';
import type { Departed } from './departed.js';
import type { Leaving } from './leaving.js';
import type { Parts } from './parts.js';
import type { ShutdownPart } from './shutdown-part.js';
import type { Succession } from './succession.js';

/**
 * What is in effect for this worker. The record of an epoch starts all anew: links, sources, sinks and, with
 * resilience, all that is in memory. Then the worker is ready, the leader lets it go on, and records change the view
 * step by step until another epoch begins.
 */
export class CurrentEpoch {
  /** Everything is as it was at the checkpoint of this epoch. */
  private isRestored = true;
  private firstResume = true;
  /** Workers come or go, and it has not been told that they have. */
  private changing = false;

  constructor(
    private readonly parts: Pick<
      Parts,
      | 'settings'
      | 'ports'
      | 'standing'
      | 'clusterLog'
      | 'mesh'
      | 'links'
      | 'post'
      | 'data'
      | 'streams'
      | 'leader'
    >,
    private readonly succession: Succession,
    private readonly shutdownPart: ShutdownPart,
    private readonly leaving: Leaving,
    private readonly departed: Departed,
  ) {}

  /** Messages have flowed at least once in this life. */
  get initialized(): boolean {
    return !this.firstResume;
  }

  /** A record takes effect. */
  effect(record: ControlRecord): void {
    const { standing, clusterLog } = this.parts;
    if (record.type === 'epoch' || standing.view.epoch !== clusterLog.effective.epoch) {
      if (record.type === 'epoch' && !standing.joining) this.begin();
      return;
    }
    const before = standing.view;
    standing.view = clusterLog.effective;
    this.takeEffect(record, before);
    this.tellIfChanged();
  }

  /** A record of the epoch that this worker is in. */
  private takeEffect(record: Exclude<ControlRecord, EpochRecord>, before: ClusterState): void {
    const { standing, mesh, links, data, streams, leader } = this.parts;
    switch (record.type) {
      case 'join':
        for (const member of record.members) mesh.dial(member.name, member.control);
        streams.membersJoined(record.members.map(({ name }) => name));
        links.renew(before);
        return mesh.caughtUp();
      case 'opened':
        leader.opened(record.names);
        if (record.names.includes(standing.name)) this.resume(standing.view.epoch);
        return;
      case 'leave':
        return this.leaving.asked(record.drain);
      case 'left':
        if (record.names.includes(standing.name))
          return this.leaving.left(before.members[0]!.name === standing.name);
        return this.departed.left(before, record.names);
      case 'route':
        if (before.route !== undefined) data.migration.end(before.route.version, routed(before).owners);
        return data.migration.begin(record, routed(standing.view).owners);
      case 'routeDone':
        data.migration.end(record.version, standing.view.owners);
        // The next route need not wait for a tick.
        return this.succession.lead();
      case 'checkpoint':
        data.durability?.commit(record.checkpoint);
        return leader.checkpointRecorded(record.checkpoint);
      default:
        return unreachable(record);
    }
  }

  /** An epoch begins, or this worker's part in one: links start anew with the members as they live now. */
  begin(): void {
    const { settings, ports, standing, clusterLog, mesh, links, data, streams, leader } = this.parts;
    const epoch = clusterLog.effective;
    const here = epoch.members.find(({ name }) => name === standing.name);
    // An epoch that knows of an earlier life of this worker only: the next one will know of this one.
    if (here?.incarnation !== standing.incarnation || here.life !== standing.life) return;
    invariant(epoch.epoch > standing.view.epoch, 'epochs never go back');
    const before = standing.view;
    standing.view = epoch;
    standing.cluster = epoch.cluster;
    if (!standing.finishing) standing.phase = 'preparing';
    this.shutdownPart.epochBegan();
    leader.epochBegan();
    data.migration.review(epoch.route);
    if (settings.resilience !== undefined) data.migration.clear();
    links.renew(before);
    if (epoch.route === undefined) data.migration.settle(epoch.routeVersion, epoch.owners);
    else data.migration.begin(epoch.route, routed(epoch).owners);
    mesh.forgetContact();
    this.forgetOthers();
    mesh.caughtUp();
    this.isRestored = settings.resilience === undefined;
    if (standing.ends === 'closed') {
      standing.ends = 'opening';
      ports.ends.open();
    } else if (standing.ends === 'open') this.rollBack();
    streams.epochBegan();
    this.leaving.epochBegan();
    this.changing ||= Rescale.underWay(epoch);
    this.checkReady();
  }

  /** The leader tells by itself, as it knows how much has moved. */
  private tellIfChanged(): void {
    const { ports, standing } = this.parts;
    const underWay = Rescale.underWay(standing.view);
    const done = this.changing && !underWay;
    this.changing = underWay;
    if (done && standing.leader !== standing.name && !standing.finishing) tellComplete(ports.log);
  }

  endsOpened(): void {
    this.parts.standing.ends = 'open';
    this.rollBack();
    this.leaving.endSources();
    this.checkReady();
  }

  restored(): void {
    this.isRestored = true;
    this.checkReady();
  }

  /** Tells the leader when there is nothing that this worker still has to wait for. */
  checkReady(): void {
    const { ports, standing, links, post } = this.parts;
    if (standing.phase !== 'preparing' || standing.ends !== 'open' || !this.isRestored) return;
    if (links.others.some(({ data }) => !data.boundary.open)) return;
    standing.phase = 'ready';
    const { epoch } = standing.view;
    if (!standing.joining) return post.send(standing.leader, { type: 'ready', epoch });
    standing.joining = false;
    ports.log.line('Joining worker: Skipping Phase III');
    post.send(standing.leader, { type: 'joined', epoch });
  }

  /** Said by the leader alone, before it lets all others go on. */
  allReady(): void {
    const { settings, ports, standing } = this.parts;
    const { members, epoch } = standing.view;
    if (this.firstResume && settings.saved === undefined) {
      for (const { name } of members) ports.log.line(`${name} reported topology ready!`);
      ports.log.line(`All ${members.length} workers reporting Topology ready!`);
    } else {
      ports.log.line(`All ${members.length} workers are ready for epoch ${epoch}.`);
    }
    if (this.firstResume) ports.log.line('Application has successfully initialized.');
  }

  resume(epoch: number): void {
    const { settings, ports, standing } = this.parts;
    const { log } = ports;
    if (standing.phase !== 'ready' || standing.view.epoch !== epoch) return;
    standing.phase = 'processing';
    if (this.firstResume) {
      if (settings.saved !== undefined) {
        log.line('|~~ - Recovery COMPLETE - ~~|');
        log.line('~~~Resuming message processing.~~~');
        log.line('Recovering worker: Skipping Phase III');
      }
      log.line('|~~ INIT PHASE IV: Cluster is ready to work! ~~|');
      this.firstResume = false;
    } else {
      log.line('~~~Resuming message processing.~~~');
    }
    ports.turnOpened();
    this.shutdownPart.resumed();
  }

  /** The leader wants this worker's part of a checkpoint. */
  cut(epoch: number, checkpoint: number, counted: number): void {
    const { standing, data } = this.parts;
    if (standing.view.epoch !== epoch || !this.mayCut) return;
    data.durability?.checkpointer.begin(checkpoint, counted);
  }

  private get mayCut(): boolean {
    const { phase } = this.parts.standing;
    return this.isRestored && (phase === 'ready' || phase === 'processing' || phase === 'draining');
  }

  /** Everything goes back to the checkpoint of the epoch. */
  private rollBack(): void {
    const { settings, standing, data } = this.parts;
    if (settings.resilience === undefined || standing.view.epoch === 0) return;
    const { checkpoint, owners } = standing.view;
    const here = standing.place;
    this.isRestored = false;
    data.rollBack({
      checkpoint: checkpoint?.id ?? 0,
      // A joiner in the middle of an epoch begins with nothing, as one does that has no part in the checkpoint.
      end: standing.joining ? undefined : checkpoint?.parts.find((part) => part.name === standing.name),
      ownsSlot: (slot) => owners[slot] === here,
    });
  }

  /** Whoever is no member of the new epoch, and not about to become one, has to greet anew. */
  private forgetOthers(): void {
    const { standing, mesh, leader } = this.parts;
    for (const peer of [...mesh.peers.values()]) {
      const known = standing.view.members.some(({ name }) => name === peer.name) || leader.expects(peer.name);
      if (!known) mesh.forget(peer);
    }
  }
}
