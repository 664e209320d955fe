import { expect } from 'chai';
import fc from 'fast-check';
import { InvalidMessageError } from '@wallaroo/protocol';
import { InvariantError } from '../../../src/core/invariant.js';
import { ClusterLog } from '../../../src/core/membership/cluster-log.js';
import {
  after,
  asEpoch,
  needed,
  noCluster,
  rolledBack,
  type ClusterState,
} from '../../../src/core/membership/cluster-state.js';
import { records, type ControlRecord } from '../../../src/core/membership/records.js';
import { epochOf, memberNamed, stateOf } from '../support/members.js';

const encode = (record: ControlRecord) => records.encode(record);

/** A state without what only tells where it came from. */
function facts({ route, ...rest }: ClusterState) {
  if (route === undefined) return { ...rest, route };
  const { version, slots, from, to } = route;
  return { ...rest, route: { version, slots, from, to } };
}

/** A record that the leader might propose in this state. */
function proposed(state: ClusterState, choice: number): ControlRecord {
  const names = state.members.map(({ name }) => name);
  const owning = needed(state);
  const idle = names.filter((name) => !owning.has(name) && names.length > 1);
  const options: ControlRecord[] = [
    {
      type: 'join',
      members: [memberNamed(`j${choice}-${names.length}-${state.routeVersion}`, 1 + (choice % 3))],
    },
  ];
  const staying = names.filter((name) => !state.leaving.includes(name));
  if (staying.length > 1) {
    options.push({ type: 'leave', names: [staying[choice % staying.length]!], drain: choice % 2 === 0 });
  }
  if (state.newcomers.length > 0) options.push({ type: 'opened', names: state.newcomers.slice(choice % 2) });
  if (idle.length > 0) options.push({ type: 'left', names: [idle[choice % idle.length]!] });
  if (state.route !== undefined) {
    options.push({ type: 'routeDone', version: state.route.version });
    options.push({ type: 'routeDone', version: state.route.version });
  } else {
    const from = state.owners[choice % state.owners.length]!;
    const slots = state.owners.flatMap((owner, slot) => (owner === from ? [slot] : []));
    options.push({
      type: 'route',
      version: state.routeVersion + 1,
      slots: slots.slice(0, 1 + (choice % 3)),
      from: names[from]!,
      to: names[(from + 1) % names.length]!,
    });
  }
  return options[choice % options.length]!;
}

const choices = fc.array(fc.nat(5000), { maxLength: 120, size: 'max' });

describe('the state of a cluster', () => {
  it('says the same as the record of an epoch that is made of it', () =>
    fc.assert(
      fc.property(choices, (all) => {
        let state = after(noCluster, epochOf(['a', 'b']));
        for (const choice of all) state = after(state, proposed(state, choice));
        const record = asEpoch(state, state.epoch, state.members, 1);
        expect(facts(after(noCluster, record))).to.deep.equal(facts(state));
        expect(records.decode(encode(record))).to.deep.equal(record);
        const begun = after(noCluster, asEpoch(state, state.epoch, state.members));
        expect(facts(begun)).to.deep.equal(facts({ ...state, newcomers: [] }));
      }),
    ));

  it('counts who has joined among the newcomers until it opens its sources, leaves, or an epoch begins with it', () => {
    let state = after(noCluster, epochOf(['a', 'b'], 3));
    state = after(state, { type: 'join', members: ['c', 'd', 'e'].map((name) => memberNamed(name)) });
    expect(state.newcomers).to.deep.equal(['c', 'd', 'e']);
    state = after(state, { type: 'opened', names: ['c'] });
    expect(state.newcomers).to.deep.equal(['d', 'e']);
    state = after(state, { type: 'left', names: ['e'] });
    expect(state.newcomers).to.deep.equal(['d']);
    state = after(state, asEpoch(state, 4, state.members));
    expect(state.newcomers).to.deep.equal([]);
  });

  it('changes with each record', () => {
    let state = after(noCluster, epochOf(['a', 'b'], 3));
    expect(facts(state)).to.deep.equal(facts(stateOf(['a', 'b'], 8, { epoch: 3 })));
    state = after(state, { type: 'join', members: [memberNamed('d')] });
    expect(state.members.map(({ name }) => name)).to.deep.equal(['a', 'b', 'd']);
    expect(state.newcomers).to.deep.equal(['d']);
    state = after(state, { type: 'opened', names: ['d'] });
    expect(state.newcomers).to.deep.equal([]);
    state = after(state, { type: 'leave', names: ['b'], drain: false });
    expect(state.leaving).to.deep.equal(['b']);
    state = after(state, { type: 'route', version: 1, slots: [1, 3, 5, 7], from: 'b', to: 'd' });
    expect([...needed(state)]).to.have.members(['a', 'b', 'd']);
    expect(state.owners).to.deep.equal([0, 1, 0, 1, 0, 1, 0, 1]);
    state = after(state, { type: 'routeDone', version: 1 });
    expect(state.owners).to.deep.equal([0, 2, 0, 2, 0, 2, 0, 2]);
    state = after(state, { type: 'left', names: ['b'] });
    expect(facts(state)).to.deep.equal(
      facts(stateOf(['a', 'd'], 8, { epoch: 3, routeVersion: 1, owners: [0, 1, 0, 1, 0, 1, 0, 1] })),
    );
  });

  it('forgets the part that a member had in a checkpoint when it leaves: another worker may take its name', () => {
    const parts = ['a', 'b', 'c'].map((name) => ({ name, file: 0, offset: 1, sum: 1, journal: 0 }));
    let state = stateOf(['a', 'b', 'c'], 4, { owners: [0, 2, 2, 0] });
    state = after(state, { type: 'checkpoint', checkpoint: 1, parts, streams: [] });
    state = after(state, { type: 'left', names: ['b'] });
    expect(state.checkpoint).to.deep.equal({ id: 1, parts: [parts[0], parts[2]], owners: [0, 1, 1, 0] });
    expect(rolledBack(state).owners).to.deep.equal([0, 1, 1, 0]);
  });

  it('takes the lives of members from those that are there, and drops those that are not', () => {
    const state = after(stateOf(['a', 'b']), { type: 'join', members: [memberNamed('idle')] });
    const record = asEpoch(state, 9, [memberNamed('b', 4), memberNamed('a', 2)]);
    expect(record.number).to.equal(9);
    expect(record.members).to.deep.equal([memberNamed('a', 2), memberNamed('b', 4)]);
    expect(record.owners).to.deep.equal(state.owners);
  });

  const broken: readonly [what: string, start: ClusterState, record: ControlRecord][] = [
    ['a member that owns slots leaves', stateOf(['a', 'b']), { type: 'left', names: ['b'] }],
    [
      'the version of a route goes back',
      stateOf(['a', 'b'], 8, { routeVersion: 5 }),
      { type: 'route', version: 5, slots: [0], from: 'a', to: 'b' },
    ],
    ['a route ends that never began', stateOf(['a', 'b']), { type: 'routeDone', version: 1 }],
    [
      'another route ends than the one that is open',
      stateOf(['a', 'b'], 8, { routeVersion: 2, route: { version: 2, slots: [0], from: 'a', to: 'b' } }),
      { type: 'routeDone', version: 1 },
    ],
    [
      'slots have come to nobody',
      stateOf(['a', 'b'], 8, { routeVersion: 2, route: { version: 2, slots: [0], from: 'a', to: 'gone' } }),
      { type: 'routeDone', version: 2 },
    ],
  ];
  for (const [what, start, record] of broken) {
    it(`is protected by an invariant when ${what}`, () => {
      expect(() => after(start, record)).to.throw(InvariantError);
    });
  }

  it('ends a route that is open with the record of the next one', () => {
    const open = { version: 1, slots: [0], from: 'a', to: 'b' };
    const start = stateOf(['a', 'b'], 8, { routeVersion: 1, route: open });
    const next = { version: 2, slots: [2], from: 'a', to: 'b' };
    const state = after(start, { type: 'route', ...next });
    expect(state.owners).to.deep.equal(after(start, { type: 'routeDone', version: 1 }).owners);
    expect([state.routeVersion, state.route]).to.deep.equal([2, { type: 'route', ...next }]);
  });

  it('drops nobody who is about to get slots', () => {
    const state = stateOf(['a', 'b'], 8, {
      owners: Array<number>(8).fill(0),
      routeVersion: 1,
      route: { version: 1, slots: [0], from: 'a', to: 'b' },
    });
    expect(() => asEpoch(state, 2, [memberNamed('a')])).to.throw(InvariantError, 'who owns slots stays');
  });
});

describe('the log of a cluster', () => {
  it('says the same after records were drawn together, and to one that reads it anew', () =>
    fc.assert(
      fc.property(choices, (all) => {
        const log = new ClusterLog([encode(epochOf(['a', 'b']))]);
        expect(log.commit(0)).to.have.length(1);
        let state = log.state;
        for (const choice of all) {
          const record = proposed(state, choice);
          state = after(state, record);
          const index = log.length;
          log.put(index, encode(record));
          expect(facts(log.state)).to.deep.equal(facts(state));
          expect(log.commit(index)).to.deep.equal([record]);
          expect([log.length, log.committed]).to.deep.equal([index + 1, index + 1]);
          expect(facts(log.effective)).to.deep.equal(facts(state));
          expect(log.bytes.length).to.be.at.most(34);
        }
        const again = new ClusterLog(log.bytes);
        expect(facts(again.state)).to.deep.equal(facts(log.state));
        expect(again.length).to.equal(log.length);
        again.commit(again.length - 1);
        expect(facts(again.effective)).to.deep.equal(facts(log.state));
      }),
      { numRuns: 20 },
    ));

  it('draws together what is in effect, and keeps what is not one by one', () => {
    const log = new ClusterLog([encode(epochOf(['a']))]);
    for (let i = 1; i <= 40; i++) log.put(i, encode({ type: 'join', members: [memberNamed(`j${i}`)] }));
    expect(log.bytes).to.have.length(41);
    log.commit(35);
    expect(log.bytes).to.have.length(1 + 5);
    expect([log.length, log.committed]).to.deep.equal([41, 36]);
    expect(log.state.members).to.have.length(41);
    expect(log.effective.members).to.have.length(36);
    expect(log.commit(40).map(({ type }) => type)).to.deep.equal(Array<string>(5).fill('join'));
    expect(new ClusterLog(log.bytes).state.members).to.have.length(41);
  });

  it('puts records into effect once, in order, up to the one that is told', () => {
    const log = new ClusterLog([encode(epochOf(['a']))]);
    log.put(1, encode({ type: 'join', members: [memberNamed('b')] }));
    log.put(2, encode({ type: 'leave', names: ['b'], drain: false }));
    expect(log.effective).to.equal(noCluster);
    expect(log.commit(1).map(({ type }) => type)).to.deep.equal(['epoch', 'join']);
    expect(log.effective.leaving).to.deep.equal([]);
    expect(log.commit(1)).to.deep.equal([]);
    expect(log.commit(0)).to.deep.equal([]);
    expect(log.commit(2).map(({ type }) => type)).to.deep.equal(['leave']);
    expect(log.committed).to.equal(3);
  });

  it('keeps what is on disk and not in effect replaceable', () => {
    const log = new ClusterLog([encode(epochOf(['a']))]);
    log.commit(0);
    log.put(1, encode({ type: 'join', members: [memberNamed('b')] }));
    log.put(1, encode({ type: 'join', members: [memberNamed('c')] }));
    expect(log.state.members.map(({ name }) => name)).to.deep.equal(['a', 'c']);
    expect(log.length).to.equal(2);
  });

  it('counts who leaves among the members that may be, until it is known that the record is in effect', () => {
    const log = new ClusterLog([encode(epochOf(['a', 'b', 'c'], 1, { owners: Array<number>(8).fill(0) }))]);
    log.put(1, encode({ type: 'left', names: ['b'] }));
    const names = () => log.possibleMembers.map(({ name }) => name);
    expect(log.state.members.map(({ name }) => name)).to.deep.equal(['a', 'c']);
    expect(names()).to.deep.equal(['a', 'c', 'b']);
    log.commit(0);
    expect(names()).to.deep.equal(['a', 'c', 'b']);
    log.commit(1);
    expect(names()).to.deep.equal(['a', 'c']);
  });

  it('begins anew with a younger epoch, of which nothing is in effect yet', () => {
    const log = new ClusterLog([encode(epochOf(['a']))]);
    log.put(1, encode({ type: 'join', members: [memberNamed('b')] }));
    log.commit(1);
    log.put(0, encode(epochOf(['a', 'c'], 2)));
    expect([log.length, log.committed, log.state.epoch, log.effective.epoch]).to.deep.equal([1, 0, 2, 1]);
    log.commit(0);
    expect(log.effective.members.map(({ name }) => name)).to.deep.equal(['a', 'c']);
  });

  it('is taken over whole by a joiner, whose first record stands for those before it', () => {
    const log = new ClusterLog([
      encode(epochOf(['a'], 4, { base: 30 })),
      encode({ type: 'join', members: [memberNamed('b')] }),
    ]);
    expect([log.length, log.committed]).to.deep.equal([32, 0]);
    expect(log.commit(31).map(({ type }) => type)).to.deep.equal(['epoch', 'join']);
    expect(log.effective.members).to.have.length(2);
  });

  it('is ahead of another by a younger epoch, or by more records of the same', () => {
    const long = new ClusterLog([
      encode(epochOf(['a'])),
      encode({ type: 'join', members: [memberNamed('b')] }),
    ]);
    const short = new ClusterLog([encode(epochOf(['a']))]);
    const young = new ClusterLog([encode(epochOf(['a'], 2))]);
    const none = new ClusterLog([]);
    const drawn = new ClusterLog([encode(epochOf(['a'], 1, { base: 7 }))]);
    const order = [none, short, long, drawn, young];
    order.forEach((log, i) =>
      order.forEach((other, k) => expect(log.isAheadOf(other), `${i} before ${k}`).to.equal(i > k)),
    );
  });

  const join = encode({ type: 'join', members: [memberNamed('b')] });
  const misuse: readonly [what: string, work: (log: ClusterLog) => unknown, why: string][] = [
    ['a hole', (log) => log.put(3, join), 'a log has no holes'],
    ['a change of what is in effect', (log) => log.put(1, join), 'what is in effect stays'],
    ['a record that is not there to take effect', (log) => log.commit(2), 'only what is on disk'],
    ['an epoch that is past', (log) => log.put(0, encode(epochOf(['a'], 1))), 'epochs never go back'],
    ['a beginning without an epoch', (log) => log.put(0, join), 'begins with the record of an epoch'],
  ];
  for (const [what, work, why] of misuse) {
    it(`has no place for ${what}`, () => {
      const log = new ClusterLog([encode(epochOf(['a'], 2)), join]);
      log.commit(1);
      expect(() => work(log)).to.throw(InvariantError, why);
      expect([log.length, log.committed, log.state.members.length]).to.deep.equal([2, 2, 2]);
    });
  }

  it('refuses bytes that are no record, and stays as it was', () => {
    const log = new ClusterLog([encode(epochOf(['a']))]);
    expect(() => log.put(1, Buffer.from([99]))).to.throw(InvalidMessageError);
    expect(() => new ClusterLog([Buffer.alloc(0)])).to.throw(InvalidMessageError);
    expect(log.length).to.equal(1);
  });
});
