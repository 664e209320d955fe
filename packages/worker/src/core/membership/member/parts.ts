import type { DataPlane } from '../../engine/data-plane.js';
import type { PlantedBug } from '../../planted.js';
import type { ClusterStreams } from '../../streams/cluster-streams.js';
import type { Attendance } from '../attendance.js';
import type { ClusterLeader } from '../cluster-leader.js';
import type { ClusterLog } from '../cluster-log.js';
import type { Keeper } from '../keeper.js';
import type { Mesh } from '../mesh.js';
import type { Links } from './links.js';
import type { Post } from './post.js';
import type { Standing } from './standing.js';
import type { MemberPorts, MemberSettings } from './surroundings.js';

/** What a member is made of. Each of its rooms names the parts that it may touch; other rooms it is given apart. */
export interface Parts {
  readonly settings: MemberSettings;
  readonly planted: ReadonlySet<PlantedBug>;
  readonly ports: MemberPorts;
  readonly standing: Standing;
  /** The control log of this worker, and what is on its disk. */
  readonly clusterLog: ClusterLog;
  readonly keeper: Keeper;
  /** Other workers: connections, who is there, links, and messages to them. */
  readonly mesh: Mesh;
  readonly attendance: Attendance;
  readonly links: Links;
  readonly post: Post;
  readonly data: DataPlane;
  readonly streams: ClusterStreams;
  /** What this worker does for all others while it leads. */
  readonly leader: ClusterLeader;
}
