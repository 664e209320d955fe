import type { Standpoint } from '../greeter.js';
import type { Peer } from '../peer.js';
import type { MeshSurroundings } from './surroundings.js';

/** By what this worker judges a greeting. @param peer what is known of the worker that greets */
export function standpointOf(
  { planted, timing, clock, self }: MeshSurroundings,
  peer: Peer | undefined,
): Standpoint {
  const here = self();
  const { name, cluster, fingerprint, incarnation, members, linked } = here;
  const { epoch, newest, vacancies, joining, expects } = here;
  const receiver = peer?.control.receiver;
  const alive = receiver?.connection !== undefined && clock.now() - receiver.heardAt < timing.silenceMs * 1e6;
  return {
    name,
    cluster,
    fingerprint,
    incarnation,
    members,
    linked,
    epoch,
    newest,
    vacancies,
    joining,
    expects,
    known:
      peer === undefined || peer.incarnation === 0
        ? undefined
        : { incarnation: peer.incarnation, life: peer.life, alive },
    planted: {
      dropNewer: planted.has('newer epoch is dropped'),
      admitOlder: planted.has('older epoch is not fenced'),
      anyIncarnation: planted.has('incarnations are not compared'),
    },
  };
}
