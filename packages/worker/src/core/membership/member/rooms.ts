import { DataPlane } from '../../engine/data-plane.js';
import { Operations } from '../../operations.js';
import type { PlantedBug } from '../../planted.js';
import { ClusterStreams } from '../../streams/cluster-streams.js';
import { fingerprintOf, type Fingerprint } from '../../topology/fingerprint.js';
import { Attendance } from '../attendance.js';
import { ClusterLeader } from '../cluster-leader.js';
import type { ClusterLog } from '../cluster-log.js';
import { unusableFile } from '../errors.js';
import { Keeper } from '../keeper.js';
import { Mesh } from '../mesh.js';
import type { ControlMessage } from '../messages.js';
import { beginningOf } from './beginning.js';
import { CurrentEpoch } from './current-epoch.js';
import { Departed } from './departed.js';
import { Doorway } from './doorway.js';
import { Ending } from './ending.js';
import { Flow } from './flow.js';
import { Formation } from './formation.js';
import { Leaving } from './leaving.js';
import { Links } from './links.js';
import { LogReplica } from './log-replica.js';
import type { Parts } from './parts.js';
import { Post } from './post.js';
import { clientsQuestion, Questions } from './questions.js';
import { Refusals } from './refusals.js';
import { ShutdownPart } from './shutdown-part.js';
import { Standing } from './standing.js';
import { Succession } from './succession.js';
import type { MemberPorts, MemberSettings } from './surroundings.js';

/**
 * A member put together: first its parts, with what they tell others, then the rooms, each with those it may look
 * into. Nothing is decided here.
 */
export class Rooms implements Parts {
  readonly planted: ReadonlySet<PlantedBug>;
  readonly operations = new Operations();
  readonly standing: Standing;
  readonly clusterLog: ClusterLog;
  readonly keeper: Keeper;
  readonly mesh: Mesh;
  readonly attendance: Attendance;
  readonly links: Links;
  readonly post: Post;
  readonly data: DataPlane;
  readonly streams: ClusterStreams;
  readonly leader: ClusterLeader;

  readonly flow: Flow;
  readonly ending: Ending;
  readonly shutdownPart: ShutdownPart;
  readonly succession: Succession;
  readonly questions: Questions;
  readonly leaving: Leaving;
  readonly departed: Departed;
  readonly currentEpoch: CurrentEpoch;
  readonly logReplica: LogReplica;
  readonly formation: Formation;
  readonly refusals: Refusals;
  readonly doorway: Doorway;

  /** @throws ClusterFileError when what was saved cannot be used by this worker */
  constructor(
    readonly settings: MemberSettings,
    readonly ports: MemberPorts,
    /** A control message has come from a peer. */
    handle: (from: string, message: ControlMessage) => void,
  ) {
    const { plan, name, timing } = settings;
    const resilience = settings.resilience !== undefined;
    this.planted = settings.planted ?? new Set();
    const fingerprint = fingerprintOf(plan, { resilience });
    const { beginning, clusterLog, handedOn } = beginningOf(settings, fingerprint.text, ports.random);
    this.clusterLog = clusterLog;
    this.standing = new Standing(beginning, (failure) => ports.ended(failure));
    this.data = this.makeData(handedOn);
    this.attendance = new Attendance(timing.silenceMs * 1e6, ports.log);
    this.keeper = this.makeKeeper(fingerprint);
    this.mesh = this.makeMesh(handle);
    this.post = new Post(name, this.mesh);
    this.links = new Links(
      this.standing,
      this.mesh,
      this.data.engine.routing,
      resilience,
      this.planted.has('in flight is forgotten'),
    );
    this.leader = this.makeLeader();
    this.streams = this.makeStreams();
    this.leader.leadership.heardOf(clusterLog.state.epoch);

    this.flow = new Flow(ports, this.standing, this.data, this.links, this.planted);
    this.ending = new Ending(this);
    this.shutdownPart = new ShutdownPart(this, this.ending);
    this.succession = new Succession(this, this.shutdownPart);
    this.questions = new Questions(this);
    this.leaving = new Leaving(this, this.ending);
    this.departed = new Departed(this);
    this.currentEpoch = new CurrentEpoch(
      this,
      this.succession,
      this.shutdownPart,
      this.leaving,
      this.departed,
    );
    this.logReplica = new LogReplica(this, this.currentEpoch);
    this.formation = new Formation(this);
    this.refusals = new Refusals(this, this.leaving, this.ending);
    this.doorway = new Doorway(this, fingerprint, this.formation, this.departed);
  }

  private makeData(handedOn: ReadonlyMap<string, number>): DataPlane {
    const { settings, ports, standing } = this;
    const { plan, name } = settings;
    const tellLeader = (message: ControlMessage) => this.post.send(standing.leader, message);
    return new DataPlane({
      ...ports,
      log: ports.log,
      name,
      life: standing.life,
      plan,
      windowBytes: settings.windowBytes,
      planted: this.planted,
      turnOpened: () => ports.turnOpened(),
      muteChanged: (muted, what) => ports.muteChanged(muted, what),
      peers: () => this.links.others,
      running: () => this.flow.running,
      arrived: (version, keys, bytes) => tellLeader({ type: 'moved', version, keys, bytes }),
      operations: this.operations,
      files: ports.logFiles,
      resilience: settings.resilience,
      owner: () => ({ cluster: standing.cluster, application: plan.application.name, worker: name }),
      handedOnBefore: handedOn,
      handedOn: () => this.keeper.write(() => undefined),
      leaving: () => this.leaving.handedOver,
      saved: (checkpoint, part, streams) => tellLeader({ type: 'saved', checkpoint, part, streams }),
      notSaved: (checkpoint, why) => tellLeader({ type: 'notSaved', checkpoint, why }),
      restored: () => this.currentEpoch.restored(),
      damaged: (kind, file, error) => standing.end(unusableFile(kind, file, error)),
    });
  }

  private makeKeeper(fingerprint: Fingerprint): Keeper {
    const { settings, ports, standing } = this;
    const { name, plan, control, data } = settings;
    return new Keeper(ports.storage, ports.clock, ports.log, this.operations, this.clusterLog, () => ({
      application: plan.application.name,
      fingerprint: fingerprint.text,
      name,
      incarnation: standing.incarnation,
      control,
      data,
      handedOn: this.data.handedOn,
    }));
  }

  private makeMesh(handle: (from: string, message: ControlMessage) => void): Mesh {
    const { settings, ports, planted, data } = this;
    return new Mesh(
      {
        clock: ports.clock,
        log: ports.log,
        network: ports.network,
        timing: settings.timing,
        newEncoder: () => data.engine.newEncoder(),
        planted,
        self: () => this.doorway.self,
      },
      {
        greeted: (peer) => this.formation.greeted(peer),
        restarted: (peer) => this.doorway.restarted(peer),
        changed: () => this.currentEpoch.checkReady(),
        fellSilent: (peer) => this.doorway.fellSilent(peer),
        refused: (peer, refusal) => this.refusals.refused(peer, refusal),
        joinRequested: (hello, addresses) => this.doorway.joinRequested(hello, addresses),
        control: (peer, message) => handle(peer.name, message),
        data: (peer, frame) => data.receive(peer, frame),
        full: (peer, full) => {
          data.backpressure.peerIsFull(peer.name, full);
          this.flow.tell();
        },
        held: (peer, bytes) => {
          data.backpressure.update('link', `to ${peer.name}`, bytes);
          this.flow.tell();
        },
      },
    );
  }

  private makeLeader(): ClusterLeader {
    const { settings, ports, standing, clusterLog, post, data } = this;
    return new ClusterLeader(
      {
        name: settings.name,
        log: clusterLog,
        lines: ports.log,
        resilience: settings.resilience !== undefined,
        newestCheckpoint: () => data.durability?.checkpointer.newest ?? 0,
        commitsWithoutAll: this.planted.has('commit without all'),
        now: () => ports.clock.now(),
        store: (index, entry, then) => {
          clusterLog.put(index, entry);
          standing.cluster = clusterLog.state.cluster;
          this.keeper.write(then);
        },
        send: (member, message) => post.send(member, message),
        invite: (candidate) => this.doorway.invite(candidate),
        incarnationOf: (candidate) => this.doorway.incarnationOf(candidate),
        // Not at once: it may still have to hear why.
        forget: (who) => this.departed.add(who),
        clients: (done) =>
          this.questions.ask(clientsQuestion, (answers) =>
            done(new Map([...answers].map(([who, text]) => [who, Number(text)]))),
          ),
      },
      settings.timing.joinMs * 1e6,
      settings.slotsPerRoute,
      settings.resilience?.checkpointNs,
      () => this.currentEpoch.allReady(),
    );
  }

  private makeStreams(): ClusterStreams {
    const { settings, standing, post } = this;
    return new ClusterStreams({
      name: settings.name,
      resilience: settings.resilience !== undefined,
      epoch: () => standing.view.epoch,
      leader: () => standing.leader,
      members: () => standing.view.members.map((member) => member.name),
      positions: () => standing.view.streams,
      send: (member, message) => post.send(member, message),
    });
  }
}
