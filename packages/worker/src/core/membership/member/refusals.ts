import type { Refusal } from '../../link/greeting.js';
import { JoinRefusedError, RefusedError, SupersededError } from '../errors.js';
import type { Peer } from '../peer.js';
import type { Ending } from './ending.js';
import type { Leaving } from './leaving.js';
import type { Parts } from './parts.js';

/** What it means for this worker that another one does not want to speak to it. */
export class Refusals {
  /** By name; of the member that this worker asks to be let in under none. */
  private readonly told = new Map<string, string>();

  constructor(
    private readonly parts: Pick<Parts, 'settings' | 'ports' | 'standing' | 'keeper' | 'mesh'>,
    private readonly leaving: Leaving,
    private readonly ending: Ending,
  ) {}

  /** @param peer undefined: the member that this worker asked to be let in */
  refused(peer: Peer | undefined, refusal: Refusal): void {
    const { settings, ports, standing, keeper, mesh } = this.parts;
    const { phase, incarnation } = standing;
    if (!refusal.final) {
      if (refusal.incarnation > incarnation && phase === 'forming' && peer !== undefined)
        this.takeIncarnation(refusal.incarnation);
      if (peer === undefined && refusal.text !== '') this.tellWhyItWaits(refusal.text);
      return;
    }
    if (phase === 'finishing') return;
    if (peer === undefined) {
      // One that has a record of itself as a member by now hears of the others how it goes on.
      if (standing.cluster === '') standing.end(new JoinRefusedError(refusal.text));
      return;
    }
    // The leader has lost sight of this joiner, which will ask again.
    if (settings.role.kind === 'joiner' && standing.outside && !refusal.expelled) {
      return mesh.forget(peer);
    }
    if (refusal.expelled && this.leaving.told && (phase === 'processing' || phase === 'gathering')) {
      // It has left, and the word of it was lost: whoever says so has the record in effect.
      ports.log.line('AUTOSCALE: Shutting down.');
      standing.phase = 'finishing';
      return this.ending.flushSinks();
    }
    if (refusal.expelled && standing.view.epoch === 0 && settings.saved === undefined) {
      // It was about to become a member, and the cluster has gone on without it.
      standing.phase = 'finishing';
      const failure = new JoinRefusedError('The cluster has gone on without this worker.');
      return keeper.remove(() => standing.end(failure));
    }
    if (refusal.expelled) return standing.end(new RefusedError(peer.name, refusal.text));
    if (refusal.incarnation > incarnation) return standing.end(new SupersededError(refusal.text));
    if (phase === 'forming' || phase === 'returning') {
      return standing.end(new RefusedError(peer.name, refusal.text));
    }
    if (this.told.get(peer.name) === refusal.text) return;
    this.told.set(peer.name, refusal.text);
    ports.log.write('error', 'Membership', `${peer.name} refuses this worker: ${refusal.text}`);
  }

  /** Once, however often it asks to be let in. */
  private tellWhyItWaits(text: string): void {
    if (this.told.get('') === text) return;
    this.told.set('', text);
    this.parts.ports.log.line(`Not let in yet: ${text}.`);
  }

  /** The one that this worker took was a former life's, which has left no files. */
  private takeIncarnation(incarnation: number): void {
    const { standing, mesh } = this.parts;
    standing.incarnation = incarnation;
    // Whoever else it speaks to knows it by the one that it had.
    for (const { control } of mesh.peers.values()) {
      control.boundary.restart({ epoch: 0, from: incarnation, to: control.boundary.session.to }, true);
    }
  }
}
