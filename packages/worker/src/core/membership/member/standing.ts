import { noCluster, type ClusterState } from '../cluster-state.js';
import type { Phase } from '../phase.js';

/** How a worker begins: anew, or with what it has on its disk of a former life. */
export interface Beginning {
  readonly name: string;
  readonly life: number;
  readonly cluster: string;
  readonly incarnation: number;
  readonly phase: 'forming' | 'returning';
}

/**
 * Where a worker stands in its cluster: the facts that several rooms of a member go by. Everybody may read them; who
 * may write stands at each. A fact that one room alone needs is not here.
 */
export class Standing {
  readonly name: string;
  /** Tells this process from others of the same name and incarnation. */
  readonly life: number;
  /** Empty while this worker belongs to none. Written with every record that comes to the log, by whoever puts it. */
  cluster: string;
  /** Written when a refusal says that a former life has had this one. */
  incarnation: number;
  /** The incarnation of a worker with files is on disk: a next life will have another one. Written at the start. */
  incarnationKept: boolean;
  /** Written by every room that takes this worker a step on, and in the order of `Phase` only. */
  phase: Phase;
  /** What is in effect for this life of the worker. Written by the current epoch. */
  view: ClusterState = noCluster;
  /** Who leads: written when an epoch is promised, when a cluster is formed, and when a leader leaves in order. */
  leader = '';
  /** Sources and sinks as a whole. Written by the current epoch. */
  ends: 'closed' | 'opening' | 'open' = 'closed';
  /** Written when this worker is to leave, or to shut down, and when its sources say that they have ended. */
  sources: 'running' | 'ending' | 'ended' = 'running';
  /**
   * Has become a member of a running cluster in this life, and not been ready yet. Written by the replica of the log
   * and, once this worker is ready, by the current epoch.
   */
  joining = false;
  /** This worker leads a clean shutdown. Written by its part in shutdowns. */
  leadsShutdown = false;

  constructor(
    { name, life, cluster, incarnation, phase }: Beginning,
    private readonly ended: (failure: Error | undefined) => void,
  ) {
    this.name = name;
    this.life = life;
    this.cluster = cluster;
    this.incarnation = incarnation;
    this.incarnationKept = phase === 'forming';
    this.phase = phase;
  }

  /** Has no record of any cluster that took effect or may: a joiner is to be let in, whatever it has promised to whom. */
  get outside(): boolean {
    return this.phase === 'forming' || this.cluster === '';
  }

  get finishing(): boolean {
    return this.phase === 'finishing' || this.phase === 'ended';
  }

  /** The place of this worker among the members in effect; -1: it is none of them. */
  get place(): number {
    return this.view.members.findIndex(({ name }) => name === this.name);
  }

  /** This worker's part is over. */
  end(failure: Error | undefined): void {
    this.phase = 'ended';
    this.ended(failure);
  }
}
