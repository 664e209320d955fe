import { expect } from 'chai';
import { protocolVersion, type Hello } from '../../../src/core/link/greeting.js';
import type { ChannelName } from '../../../src/core/link/inbound.js';
import { joinTexts } from '../../../src/core/membership/admission.js';
import { judge, type Standpoint } from '../../../src/core/membership/greeter.js';
import { memberNamed } from '../support/members.js';

const members = [memberNamed('initializer'), memberNamed('w2', 3)];

/** A member of a cluster that runs. */
const here: Standpoint = {
  name: 'initializer',
  cluster: 'c',
  fingerprint: { text: 'f', outline: ["application 'test'", '1024 slots'] },
  incarnation: 5,
  members,
  linked: members,
  epoch: 9,
  newest: { epoch: 9, records: 4 },
  vacancies: undefined,
  joining: false,
  expects: () => false,
  known: { incarnation: 3, life: 77, alive: true },
  planted: { dropNewer: false, admitOlder: false, anyIncarnation: false },
};

/** Another member, as it lives now. */
const hello: Hello = {
  type: 'hello',
  protocol: protocolVersion,
  application: 'test',
  fingerprint: 'f',
  outline: ["application 'test'", '1024 slots'],
  cluster: 'c',
  name: 'w2',
  incarnation: 3,
  life: 77,
  epoch: 9,
  to: 5,
  control: { host: 'w2', port: 1 },
  data: { host: 'w2', port: 2 },
  joining: 0,
  newest: { epoch: 9, records: 4 },
};

const stranger = { name: 'w9', incarnation: 1, life: 1, cluster: '' };
const unknown = { known: undefined };
const forming: Partial<Standpoint> = { members: undefined, linked: [], epoch: 0, vacancies: 2 };
const waiting: Partial<Standpoint> = { ...forming, name: 'w3', cluster: '', vacancies: undefined };

/** `later`: asking again may help; `never`: it will not. */
type Expected =
  | 'welcome'
  | 'wait'
  | 'drop'
  | 'join'
  | { readonly later: string; readonly incarnation?: number }
  | { readonly never: string; readonly incarnation?: number };

interface Case {
  readonly who: string;
  readonly hello?: Partial<Hello>;
  readonly here?: Partial<Standpoint>;
  readonly channel?: ChannelName;
  readonly verdict: Expected;
}

const cases: readonly Case[] = [
  // Is it the same application?
  {
    who: 'a worker that speaks another version of the protocol',
    hello: { protocol: protocolVersion + 1, fingerprint: 'other' },
    verdict: {
      never: `the protocol between workers differs: here version ${protocolVersion}, there ${protocolVersion + 1}`,
    },
  },
  {
    who: 'a worker of another application',
    hello: { fingerprint: 'other', outline: ["application 'test'", '256 slots'] },
    verdict: {
      never: 'the applications of initializer and w2 differ: here 1024 slots, there 256 slots',
    },
  },
  {
    who: 'a worker of an application that differs where the outline does not reach',
    hello: { fingerprint: 'other' },
    verdict: {
      never: 'the applications of initializer and w2 differ: they differ beyond what a greeting tells',
    },
  },
  // Is it who it says it is?
  {
    who: 'a worker of our own name',
    hello: { name: 'initializer' },
    verdict: { never: "the name 'initializer' is taken by a worker that is alive" },
  },
  {
    who: 'a joiner of our own name',
    hello: { name: 'initializer', joining: 1, cluster: '' },
    verdict: { never: joinTexts.taken },
  },
  {
    who: 'a worker of another cluster',
    hello: { cluster: 'other' },
    verdict: {
      never: 'w2 belongs to another cluster of this application than initializer, by its files',
    },
  },
  { who: 'a member as it is known', verdict: 'welcome' },
  { who: 'a member that has been started again', hello: { incarnation: 4, life: 78 }, verdict: 'welcome' },
  { who: 'a member that was never heard', here: unknown, verdict: 'welcome' },
  {
    who: 'a former life of a member',
    hello: { incarnation: 2, life: 76 },
    verdict: { never: 'w2 has been started again since: this is start 2, the latest is 3', incarnation: 3 },
  },
  {
    who: 'a second process that uses the files of a member',
    hello: { life: 78 },
    verdict: { never: 'w2 has been started again since: this is start 3, the latest is 3', incarnation: 3 },
  },
  {
    who: 'a worker without files that has the name of a member that lives',
    hello: { cluster: '', incarnation: 1, life: 78 },
    verdict: { never: "the name 'w2' is taken by a worker that is alive" },
  },
  {
    who: 'a worker without files that has the name of a member that is gone',
    hello: { cluster: '', incarnation: 1, life: 78 },
    here: { known: { incarnation: 3, life: 77, alive: false } },
    verdict: { later: 'w2 has been here before', incarnation: 4 },
  },
  {
    who: 'a former life of a member, where incarnations are not compared',
    hello: { incarnation: 2, life: 76 },
    here: { planted: { ...here.planted, anyIncarnation: true } },
    verdict: 'welcome',
  },
  {
    who: 'an earlier start of a worker that has got nowhere yet either',
    hello: { ...stranger, name: 'w2', incarnation: 3 },
    here: waiting,
    verdict: { later: 'an earlier start of w2 is still connected' },
  },
  {
    who: 'a new start of an initializer that is gone',
    hello: { life: 78 },
    here: { ...waiting, known: { incarnation: 3, life: 77, alive: false } },
    verdict: 'welcome',
  },
  // Does it belong to the cluster?
  {
    who: 'a new worker while there is room',
    hello: stranger,
    here: { ...forming, ...unknown },
    verdict: 'welcome',
  },
  {
    who: 'a new worker when there is no room any more',
    hello: stranger,
    here: { ...forming, ...unknown, vacancies: 0 },
    verdict: {
      never: 'the cluster has all the workers of its --worker-count; to add one, start it with --join',
    },
  },
  {
    who: 'a worker that has its room already',
    hello: { cluster: '' },
    here: { ...forming, vacancies: 0 },
    verdict: 'welcome',
  },
  {
    who: 'a worker that waits as we do',
    hello: stranger,
    here: { ...waiting, ...unknown },
    verdict: { never: 'w3 is not the initializer; --control names the control channel of the initializer' },
  },
  {
    who: 'the initializer, while we wait for it',
    hello: { name: 'initializer' },
    here: { ...waiting, ...unknown },
    verdict: 'welcome',
  },
  {
    who: 'a stranger to the cluster',
    hello: stranger,
    here: unknown,
    verdict: { never: 'the cluster has started with 2 workers; to add one, start it with --join' },
  },
  {
    who: 'a stranger that is about to be let in',
    hello: stranger,
    here: { ...unknown, expects: (name) => name === 'w9' },
    verdict: 'welcome',
  },
  {
    who: 'a member that has left by a record on disk that is not in effect yet',
    here: { members: [memberNamed('initializer')] },
    verdict: 'welcome',
  },
  {
    who: 'a former member',
    hello: { ...stranger, cluster: 'c' },
    here: unknown,
    verdict: {
      never: 'w9 is no member of the cluster any more; remove its files, and start it with --join',
    },
  },
  {
    who: 'a worker with more records than this one has',
    hello: { ...stranger, cluster: 'c', newest: { epoch: 9, records: 5 } },
    here: unknown,
    verdict: { later: 'w9 is not known here yet' },
  },
  {
    who: 'a worker with a newer epoch than this one has',
    hello: { ...stranger, cluster: 'c', newest: { epoch: 10, records: 1 } },
    here: unknown,
    verdict: { later: 'w9 is not known here yet' },
  },
  {
    who: 'a former member with more records, of an older epoch',
    hello: { ...stranger, cluster: 'c', newest: { epoch: 8, records: 7 } },
    here: unknown,
    verdict: {
      never: 'w9 is no member of the cluster any more; remove its files, and start it with --join',
    },
  },
  {
    who: 'a worker that is a member by the newest record only',
    hello: stranger,
    here: { ...unknown, members: [...members, memberNamed('w9')] },
    verdict: 'welcome',
  },
  // Does it ask to be let in?
  { who: 'a joiner', hello: { ...stranger, joining: 2 }, here: unknown, verdict: 'join' },
  {
    who: 'a joiner of the name of a member',
    hello: { joining: 1, cluster: '' },
    here: unknown,
    verdict: { never: joinTexts.taken },
  },
  {
    who: 'a joiner, when we are one ourselves',
    hello: { ...stranger, joining: 1 },
    here: { ...waiting, ...unknown, joining: true },
    verdict: { never: joinTexts.notYet },
  },
  {
    who: 'a joiner before the cluster has formed',
    hello: { ...stranger, joining: 1 },
    here: { ...forming, ...unknown },
    verdict: { later: 'the cluster has not started yet' },
  },
  {
    who: 'a joiner before the first epoch',
    hello: { ...stranger, joining: 1 },
    here: { ...unknown, epoch: 0, linked: [] },
    verdict: { later: 'the cluster has not started yet' },
  },
  // Does the data link belong to this epoch?
  { who: 'the data link of a member', channel: 'data', verdict: 'welcome' },
  { who: 'a data link of an epoch to come', channel: 'data', hello: { epoch: 10 }, verdict: 'wait' },
  {
    who: 'a data link of an epoch to come, also of a stranger',
    channel: 'data',
    hello: { ...stranger, epoch: 10 },
    here: unknown,
    verdict: 'wait',
  },
  {
    who: 'a data link of an epoch to come, where those are dropped',
    channel: 'data',
    hello: { epoch: 10 },
    here: { planted: { ...here.planted, dropNewer: true } },
    verdict: 'drop',
  },
  {
    who: 'a data link of an epoch that is past',
    channel: 'data',
    hello: { epoch: 8 },
    verdict: { later: 'epoch 8 is past; it is 9' },
  },
  {
    who: 'a data link of an epoch that is past, where those are let in',
    channel: 'data',
    hello: { epoch: 8 },
    here: { planted: { ...here.planted, admitOlder: true } },
    verdict: 'welcome',
  },
  {
    who: 'a data link of a stranger',
    channel: 'data',
    hello: { ...stranger, cluster: 'c' },
    here: unknown,
    verdict: { never: 'w9 is no member of the cluster' },
  },
  {
    who: 'a data link of a member whose record is not in effect yet',
    channel: 'data',
    hello: { ...stranger, cluster: 'c' },
    here: { ...unknown, members: [...members, memberNamed('w9')] },
    verdict: 'wait',
  },
  {
    who: 'a data link of a later life than the epoch knows',
    channel: 'data',
    hello: { incarnation: 4, life: 78 },
    verdict: { later: 'one end has been started again' },
  },
  {
    who: 'a data link to our former life',
    channel: 'data',
    hello: { to: 4 },
    verdict: { later: 'one end has been started again' },
  },
];

describe('a worker that is greeted by', () => {
  for (const { who, hello: said = {}, here: known = {}, channel = 'control', verdict } of cases) {
    const answer =
      typeof verdict !== 'string'
        ? `refuses it ${'later' in verdict ? 'for now' : 'for good'}`
        : { welcome: 'welcomes it', wait: 'lets it wait', drop: 'ignores it', join: 'asks the leader' }[
            verdict
          ];
    it(`${who} ${answer}`, () => {
      const judged = judge({ ...hello, ...said }, channel, { ...here, ...known });
      if (typeof verdict === 'string') {
        expect(judged).to.deep.equal({ verdict });
        return;
      }
      const { incarnation = 0 } = verdict;
      const [final, text] = 'later' in verdict ? [false, verdict.later] : [true, verdict.never];
      expect(judged).to.deep.include({ verdict: 'refuse', final, text, incarnation });
    });
  }

  it('a worker whose name lives, or one that is a member no more, tells it so', () => {
    const twin = judge({ ...hello, cluster: '', incarnation: 1, life: 78 }, 'control', here);
    expect(twin).to.deep.include({ taken: true, expelled: false });
    const former = judge({ ...hello, ...stranger, cluster: 'c' }, 'control', { ...here, ...unknown });
    expect(former).to.deep.include({ taken: false, expelled: true });
  });
});
