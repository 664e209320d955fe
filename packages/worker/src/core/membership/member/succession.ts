import type { Lives } from '../leadership.js';
import type { MemberRecord } from '../records.js';
import type { Parts } from './parts.js';
import type { ShutdownPart } from './shutdown-part.js';

/** Who leads, by rule: the first member; if it is away and the cluster can go on without it, the next one. */
export class Succession {
  constructor(
    private readonly parts: Pick<
      Parts,
      'settings' | 'ports' | 'standing' | 'clusterLog' | 'mesh' | 'attendance' | 'leader'
    >,
    private readonly shutdownPart: ShutdownPart,
  ) {}

  /** Does what there is to do for the leader, if that is this worker. */
  lead(): void {
    const { ports, standing, clusterLog, mesh, attendance, leader } = this.parts;
    const { state } = clusterLog;
    if (state.epoch === 0 || standing.finishing) return;
    const now = ports.clock.now();
    // All that have opened their sources have read what is nowhere else: the cluster waits for them, until they leave.
    const awaited = (name: string) =>
      state.members.some((member) => member.name === name) && !state.newcomers.includes(name);
    const gone = (member: MemberRecord) => {
      if (member.name === standing.name || awaited(member.name)) return false;
      const peer = mesh.peer(member.name);
      return !attendance.present(peer, now) && attendance.gone(peer, now);
    };
    // While a record is on its way to all disks, the members are those that have to have it.
    const { lives } = leader.leadership;
    const there = (lives.length > 0 ? lives : state.members).filter((member) => !gone(member));
    if (there[0]?.name !== standing.name || this.leaderIsLeaving(now)) return;
    if (!this.shutdownPart.begun) leader.tick(this.livesOf(there, now));
    else leader.tickLast(this.livesOf(there, now), this.shutdownPart.wantsCheckpoint);
  }

  /** The record by which the leader leaves is on its way: until it is in effect, nobody else leads. */
  private leaderIsLeaving(now: number): boolean {
    const { standing, clusterLog, mesh, attendance } = this.parts;
    const { state, effective } = clusterLog;
    const [leader] = effective.members;
    if (leader === undefined || leader.name === standing.name) return false;
    if (state.members.some(({ name }) => name === leader.name)) return false;
    const peer = mesh.peers.get(leader.name);
    return peer?.incarnation === leader.incarnation && !attendance.gone(peer, now);
  }

  /** How these members live now; undefined while one of them is away. */
  private livesOf(members: readonly MemberRecord[], now: number): Lives | undefined {
    const { settings, standing, mesh, attendance } = this.parts;
    const { name, incarnation, life } = standing;
    const { control, data } = settings;
    const lives: MemberRecord[] = [];
    for (const member of members) {
      if (member.name === name) {
        lives.push({ name, incarnation, life, control, data });
        continue;
      }
      const peer = mesh.peer(member.name);
      if (!attendance.present(peer, now)) return undefined;
      lives.push({ ...member, incarnation: peer.incarnation, life: peer.life, ...peer.addresses });
    }
    return lives;
  }
}
