import { expect } from 'chai';
import fc from 'fast-check';
import { after, type ClusterState } from '../../../src/core/membership/cluster-state.js';
import { Rescale } from '../../../src/core/migration/rescale.js';
import { Lines, memberNamed, stateOf } from '../support/members.js';

const second = 1e9;

/** Takes all that is proposed into effect, until nothing is proposed any more. */
function reconcile(
  start: ClusterState,
  rescale: Rescale,
  keys = 10,
): { state: ClusterState; routes: number[] } {
  let state = start;
  const routes: number[] = [];
  for (let i = 0; i < 5000; i++) {
    const record = rescale.next(state, i);
    if (record === undefined) return { state, routes };
    state = after(state, record);
    if (record.type !== 'route') continue;
    routes.push(record.slots.length);
    expect(rescale.next(state, i), 'while a route is open').to.equal(undefined);
    rescale.moved(state, keys * record.slots.length, 100);
    state = after(state, { type: 'routeDone', version: record.version });
  }
  throw new Error('it never ends');
}

function countsOf({ owners, members }: ClusterState): Record<string, number> {
  const counts = Object.fromEntries(members.map(({ name }) => [name, 0]));
  for (const owner of owners) counts[members[owner]!.name]!++;
  return counts;
}

/** The state when a newcomer may get slots. */
function withOneMore(state: ClusterState, name: string): ClusterState {
  const joined = after(state, { type: 'join', members: [memberNamed(name)] });
  return after(joined, { type: 'opened', names: [name] });
}

describe('the reconcile loop', () => {
  it('has nothing to do for a cluster that is as it should be', () => {
    const log = new Lines();
    const rescale = new Rescale(log, undefined);
    expect(rescale.next(stateOf(['a', 'b']), 0)).to.equal(undefined);
    expect([rescale.active, rescale.progress, log.lines]).to.deep.equal([false, undefined, []]);
  });

  it('gives a new member its share when it is ready, not before', () => {
    const log = new Lines();
    const rescale = new Rescale(log, undefined);
    const state = after(stateOf(['a', 'b'], 12), { type: 'join', members: [memberNamed('c')] });
    expect(rescale.next(state, 0)).to.equal(undefined);
    expect(Rescale.remaining(state)).to.equal(0);
    const open = after(state, { type: 'opened', names: ['c'] });
    expect(Rescale.remaining(open)).to.equal(4);
    const end = reconcile(open, rescale);
    expect(countsOf(end.state)).to.deep.equal({ a: 4, b: 4, c: 4 });
    expect(rescale.progress).to.deep.include({ slotsMoved: 4, slotsTotal: 4, keys: 40 });
    expect(rescale.active).to.equal(false);
    expect(log.lines[0]).to.equal('AUTOSCALE: 4 slots are to move.');
    expect(log.lines.slice(-2)).to.deep.equal([
      'AUTOSCALE: Autoscale is complete.',
      'AUTOSCALE: Waiting for new autoscale event.',
    ]);
  });

  it('lets a member go when its slots are gone and nothing of it is under way', () => {
    const rescale = new Rescale(new Lines(), undefined);
    const leaving = after(stateOf(['a', 'b', 'c'], 12), { type: 'leave', names: ['a'], drain: false });
    const { state } = reconcile(leaving, rescale);
    expect(countsOf(state)).to.deep.equal({ a: 0, b: 6, c: 6 });
    expect([rescale.active, state.leaving]).to.deep.equal([true, ['a']]);
    rescale.drained.add('a');
    const end = reconcile(state, rescale).state;
    expect(countsOf(end)).to.deep.equal({ b: 6, c: 6 });
    expect([rescale.active, end.leaving]).to.deep.equal([false, []]);
  });

  it('ends in balance from any state, in routes between one pair of members each', () => {
    const situation = fc.record({
      names: fc.integer({ min: 1, max: 6 }),
      owners: fc.array(fc.nat(5), { minLength: 64, maxLength: 64 }),
      leaving: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      keys: fc.nat(3000),
    });
    fc.assert(
      fc.property(situation, ({ names, owners, leaving, keys }) => {
        const all = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, names);
        const goes = all.filter((_, i) => leaving[i]);
        const start = stateOf(all, 64, { owners: owners.map((owner) => owner % names), leaving: goes });
        const rescale = new Rescale(new Lines(), undefined);
        for (const name of goes) if (goes.length < names) rescale.drained.add(name);
        const remaining = Rescale.remaining(start);
        const { state, routes } = reconcile(start, rescale, keys);
        expect(Rescale.remaining(state)).to.equal(0);
        expect(routes.reduce((sum, count) => sum + count, 0)).to.equal(remaining);
        expect(Math.max(0, ...routes)).to.be.at.most(64);
        const counts = Object.values(countsOf(state));
        expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(1);
      }),
      { numRuns: 60 },
    );
  });

  it('moves more slots at once while they hold few keys, and fewer when they hold many', () => {
    const start = withOneMore(stateOf(['a'], 1024), 'b');
    const light = reconcile(start, new Rescale(new Lines(), undefined), 1).routes;
    expect(light.slice(0, 8)).to.deep.equal([1, 2, 4, 8, 16, 32, 64, 64]);
    const fuller = reconcile(start, new Rescale(new Lines(), undefined), 300).routes;
    expect(fuller.slice(0, 5)).to.deep.equal([1, 2, 3, 3, 3]);
    const heavy = reconcile(start, new Rescale(new Lines(), undefined), 1500).routes;
    expect(heavy.slice(0, 4)).to.deep.equal([1, 1, 1, 1]);
  });

  it('moves as many slots at once as it is told', () => {
    const start = withOneMore(stateOf(['a'], 64), 'b');
    expect(reconcile(start, new Rescale(new Lines(), 5), 1).routes).to.deep.equal([5, 5, 5, 5, 5, 5, 2]);
  });

  it('waits for the route that is open, also one that an earlier leader began', () => {
    const rescale = new Rescale(new Lines(), undefined);
    const state = stateOf(['a', 'b'], 8, {
      owners: Array<number>(8).fill(0),
      routeVersion: 7,
      route: { version: 7, slots: [0, 1], from: 'a', to: 'b' },
    });
    expect(rescale.next(state, 0)).to.equal(undefined);
    const next = rescale.next(after(state, { type: 'routeDone', version: 7 }), 0);
    expect(next).to.deep.include({ type: 'route', version: 8, from: 'a', to: 'b' });
  });

  it('tells how far it is, once a second', () => {
    const log = new Lines();
    const rescale = new Rescale(log, undefined);
    let state = withOneMore(stateOf(['a'], 16), 'b');
    const record = rescale.next(state, 0)!;
    state = after(state, record);
    for (const now of [0.5, 0.9, 1, 1.5, 1.9, 2.1]) rescale.next(state, now * second);
    rescale.moved(state, 5, 2_500_000);
    rescale.next(after(state, { type: 'routeDone', version: 1 }), 3.2 * second);
    expect(log.lines).to.deep.equal([
      'AUTOSCALE: 8 slots are to move.',
      'AUTOSCALE: 0 of 8 slots moved, 0 keys, 0.0 MB, 1.0 s',
      'AUTOSCALE: 0 of 8 slots moved, 0 keys, 0.0 MB, 2.1 s',
      'AUTOSCALE: 1 of 8 slots moved, 5 keys, 2.5 MB, 3.2 s',
    ]);
  });

  it('leaves slots where they are when nobody would be left to take them', () => {
    const state = stateOf(['a', 'b'], 8, { leaving: ['a', 'b'] });
    expect(Rescale.remaining(state)).to.equal(0);
    expect(new Rescale(new Lines(), undefined).next(state, 0)).to.equal(undefined);
  });
});
