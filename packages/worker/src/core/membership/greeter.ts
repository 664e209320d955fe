import { firstDifference, type Fingerprint } from '../topology/fingerprint.js';
import { protocolVersion, type Hello } from '../link/greeting.js';
import type { ChannelName } from '../link/inbound.js';
import { joinTexts } from './admission.js';
import type { MemberRecord } from './records.js';

/** What a worker knows when somebody greets it. */
export interface Standpoint {
  readonly name: string;
  /** The cluster that this worker belongs to or forms; empty while there is none. */
  readonly cluster: string;
  readonly fingerprint: Fingerprint;
  readonly incarnation: number;
  /** The members by the newest record on disk, or before it, if that may not be in effect; undefined before there is one. */
  readonly members: readonly MemberRecord[] | undefined;
  /** The members in effect: those that this worker has links with. */
  readonly linked: readonly MemberRecord[];
  /** The epoch that data links of this worker belong to; 0 before there is one. */
  readonly epoch: number;
  /** How far the control log of this worker goes. */
  readonly newest: Hello['newest'];
  /** This worker forms a cluster: the workers that it still has room for. */
  readonly vacancies: number | undefined;
  /** This worker asks to be let in itself. */
  readonly joining: boolean;
  /** A worker that may speak to this one because it is about to be let in. */
  readonly expects: (name: string) => boolean;
  /** The life of the greeting worker's name that is known here. */
  readonly known:
    { readonly incarnation: number; readonly life: number; readonly alive: boolean } | undefined;
  readonly planted: {
    readonly dropNewer: boolean;
    readonly admitOlder: boolean;
    readonly anyIncarnation: boolean;
  };
}

export type Verdict =
  | { readonly verdict: 'welcome' }
  /** The answer follows when this worker has caught up. */
  | { readonly verdict: 'wait' }
  | { readonly verdict: 'drop' }
  /** It asks to be let into the cluster: its leader decides. */
  | { readonly verdict: 'join' }
  | Refuse;

export interface Refuse {
  readonly verdict: 'refuse';
  /** Asking again will not help. */
  readonly final: boolean;
  readonly text: string;
  /** The least that the worker may call itself, 0 when that is not the matter. */
  readonly incarnation: number;
  /** It was a member of this cluster, and is one no more. */
  readonly expelled: boolean;
  /** Another process of that name is connected; unless it is dead and its connection does not know yet. */
  readonly taken: boolean;
}

/** Who may speak to this worker, on which channel. Every greeting has an answer. */
export function judge(hello: Hello, channel: ChannelName, here: Standpoint): Verdict {
  return (
    judgeApplication(hello, here) ??
    // Who asks to be let in has no history here yet.
    (hello.joining > 0 ? judgeJoiner(hello, here) : undefined) ??
    judgeIdentity(hello, here) ??
    (channel === 'control' ? judgeMember(hello, here) : judgeLink(hello, here))
  );
}

function judgeApplication(hello: Hello, here: Standpoint): Verdict | undefined {
  if (hello.protocol !== protocolVersion) {
    return no(
      `the protocol between workers differs: here version ${protocolVersion}, there ${hello.protocol}`,
    );
  }
  if (hello.fingerprint === here.fingerprint.text) return undefined;
  return no(
    `the applications of ${here.name} and ${hello.name} differ: ` +
      firstDifference(here.fingerprint.outline, hello.outline),
  );
}

function judgeIdentity(hello: Hello, here: Standpoint): Verdict | undefined {
  const { known } = here;
  if (hello.name === here.name) {
    return no(
      hello.joining > 0 ? joinTexts.taken : `the name '${hello.name}' is taken by a worker that is alive`,
    );
  }
  if (here.cluster !== '' && hello.cluster !== '' && hello.cluster !== here.cluster) {
    return no(`${hello.name} belongs to another cluster of this application than ${here.name}, by its files`);
  }
  if (known === undefined || (known.incarnation === hello.incarnation && known.life === hello.life))
    return undefined;
  if (hello.incarnation > known.incarnation) return undefined;
  // Neither has got anywhere yet: the initializer of this worker has been started anew.
  if (here.cluster === '' && known.incarnation === hello.incarnation) {
    return known.alive ? later(`an earlier start of ${hello.name} is still connected`) : undefined;
  }
  if (hello.cluster === '') {
    if (known.alive)
      return { ...no(`the name '${hello.name}' is taken by a worker that is alive`), taken: true };
    return { ...later(`${hello.name} has been here before`), incarnation: known.incarnation + 1 };
  }
  if (here.planted.anyIncarnation) return undefined;
  const text = `${hello.name} has been started again since: this is start ${hello.incarnation}, the latest is ${known.incarnation}`;
  return { ...no(text), incarnation: known.incarnation };
}

function judgeMember(hello: Hello, here: Standpoint): Verdict {
  if (here.vacancies !== undefined) {
    return here.vacancies > 0 || here.known !== undefined
      ? welcome
      : no('the cluster has all the workers of its --worker-count; to add one, start it with --join');
  }
  if (here.members === undefined) {
    // Nobody but the initializer, or the leader, speaks to a worker that waits for its cluster.
    return hello.cluster === ''
      ? no(`${here.name} is not the initializer; --control names the control channel of the initializer`)
      : welcome;
  }
  // Who has left by a record that is not in effect here yet may be about to say that it is.
  const member = [...here.members, ...here.linked].some(({ name }) => name === hello.name);
  if (member || here.expects(hello.name)) return welcome;
  if (hello.cluster === '') {
    return no(
      `the cluster has started with ${here.members.length} workers; to add one, start it with --join`,
    );
  }
  // It may be a member by a record that has not come here.
  if (isNewer(hello.newest, here.newest)) return later(`${hello.name} is not known here yet`);
  const text = `${hello.name} is no member of the cluster any more; remove its files, and start it with --join`;
  return { ...no(text), expelled: true };
}

function judgeJoiner(hello: Hello, here: Standpoint): Verdict {
  if (hello.name === here.name || here.linked.some(({ name }) => name === hello.name)) {
    return no(joinTexts.taken);
  }
  if (here.joining) return no(joinTexts.notYet);
  return here.members === undefined || here.epoch === 0
    ? later('the cluster has not started yet')
    : { verdict: 'join' };
}

function judgeLink(hello: Hello, here: Standpoint): Verdict {
  const member = here.linked.find(({ name }) => name === hello.name);
  if (hello.epoch > here.epoch) return here.planted.dropNewer ? { verdict: 'drop' } : { verdict: 'wait' };
  const reborn =
    member !== undefined && (member.incarnation !== hello.incarnation || hello.to !== here.incarnation);
  if (reborn && here.planted.anyIncarnation) return welcome;
  if (hello.epoch < here.epoch && !here.planted.admitOlder) {
    return later(`epoch ${hello.epoch} is past; it is ${here.epoch}`);
  }
  if (member === undefined) {
    // It is about to become one: the record is on disk here, and not in effect yet.
    const coming = here.members?.some(({ name }) => name === hello.name) ?? false;
    return coming
      ? { verdict: 'wait' }
      : { ...no(`${hello.name} is no member of the cluster`), expelled: true };
  }
  return reborn ? later('one end has been started again') : welcome;
}

function isNewer(one: Hello['newest'], other: Hello['newest']): boolean {
  return one.epoch > other.epoch || (one.epoch === other.epoch && one.records > other.records);
}

const welcome: Verdict = { verdict: 'welcome' };

function no(text: string): Refuse {
  return { verdict: 'refuse', final: true, text, incarnation: 0, expelled: false, taken: false };
}

function later(text: string): Refuse {
  return { ...no(text), final: false };
}
