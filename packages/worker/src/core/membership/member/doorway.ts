import type { Address } from '@wallaroo/protocol';
import type { Hello } from '../../link/greeting.js';
import type { Fingerprint } from '../../topology/fingerprint.js';
import type { Candidate } from '../admission.js';
import type { Self } from '../mesh/self.js';
import type { Peer } from '../peer.js';
import type { Departed } from './departed.js';
import type { Formation } from './formation.js';
import type { Parts } from './parts.js';

/** Who comes to this worker and who is gone, what it says of itself to those who greet it, and who is to come in. */
export class Doorway {
  constructor(
    private readonly parts: Pick<
      Parts,
      'settings' | 'ports' | 'standing' | 'clusterLog' | 'mesh' | 'attendance' | 'post' | 'leader'
    >,
    private readonly fingerprint: Fingerprint,
    private readonly formation: Formation,
    private readonly departed: Departed,
  ) {}

  /** What greetings say, and what they are judged by. */
  get self(): Self {
    const { settings, standing, clusterLog, mesh, leader } = this.parts;
    const { role, name, plan, control, data } = settings;
    const { state } = clusterLog;
    const { places } = this.formation;
    return {
      name,
      application: plan.application.name,
      fingerprint: this.fingerprint,
      control,
      data,
      life: standing.life,
      incarnation: standing.incarnation,
      cluster: standing.cluster,
      members: state.epoch > 0 ? clusterLog.possibleMembers : undefined,
      linked: standing.view.members,
      epoch: standing.view.epoch,
      newest: { epoch: state.epoch, records: clusterLog.length },
      joining: standing.outside && role.kind === 'joiner',
      closed: !standing.incarnationKept || standing.finishing,
      expects: (who) => leader.expects(who),
      vacancies: places === undefined ? undefined : places - mesh.peers.size,
    };
  }

  restarted(peer: Peer): void {
    const { ports, standing } = this.parts;
    if (standing.view.members.some(({ name }) => name === peer.name)) {
      ports.log.line(`${peer.name} has been started again (start ${peer.incarnation}).`);
    }
  }

  fellSilent(peer: Peer): void {
    this.parts.leader.gone(peer.name);
    this.formation.fellSilent(peer);
  }

  /** Somebody asks this member to be let in: the leader decides. */
  joinRequested(hello: Hello, addresses: { readonly control: Address; readonly data: Address }): void {
    const { standing, post } = this.parts;
    const { name, life, incarnation, joining: count } = hello;
    post.send(standing.view.members[0]!.name, {
      type: 'joinRequest',
      name,
      life,
      incarnation,
      count,
      ...addresses,
    });
  }

  /** Reaches out to a worker that asks to be let in. What was known of an earlier life of it is void. */
  invite({ name, life, control }: Candidate): void {
    const { mesh } = this.parts;
    const known = mesh.peers.get(name);
    if (known !== undefined && known.life !== 0 && known.life !== life) mesh.forget(known);
    this.departed.remove(name);
    mesh.peer(name).control.boundary.address = control;
  }

  /** In which incarnation such a worker can be spoken to; undefined while it cannot. */
  incarnationOf({ name, life }: Candidate): number | undefined {
    const { ports, mesh, attendance } = this.parts;
    const peer = mesh.peers.get(name);
    if (peer === undefined || peer.life !== life) return undefined;
    return attendance.present(peer, ports.clock.now()) ? peer.incarnation : undefined;
  }
}
