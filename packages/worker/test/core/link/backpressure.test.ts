import { expect } from 'chai';
import fc from 'fast-check';
import { Backpressure, type Reservoir } from '../../../src/core/link/backpressure.js';

const windowBytes = { sink: 100, link: 40 };

function watched() {
  const told: string[] = [];
  const backpressure: Backpressure = new Backpressure(
    windowBytes,
    (what) => told.push(`${what} ${backpressure.muted ? 'mutes' : 'unmutes'}`),
    () => told.push('sinks caught up'),
    () => undefined,
  );
  return { told, backpressure };
}

describe('backpressure', () => {
  it('mutes above the window, and unmutes at half of it', () => {
    const { told, backpressure } = watched();
    for (const held of [100, 101, 200, 51, 50, 51, 100]) backpressure.update('sink', 'out', held);
    expect(told).to.deep.equal(['sink out mutes', 'sinks caught up', 'sink out unmutes']);
  });

  it('stays muted until all have caught up, and tells it once', () => {
    const { told, backpressure } = watched();
    backpressure.update('sink', 'out', 101);
    backpressure.update('link', 'to w2', 41);
    backpressure.update('link', 'to w3', 41);
    backpressure.update('link', 'to w2', 0);
    backpressure.update('sink', 'out', 0);
    expect(backpressure.muted).to.equal(true);
    backpressure.update('link', 'to w3', 20);
    expect(told).to.deep.equal(['sink out mutes', 'sinks caught up', 'link to w3 unmutes']);
  });

  it('mutes while another worker is full, and does not pass it on', () => {
    const { told, backpressure } = watched();
    backpressure.peerIsFull('w2', true);
    expect([backpressure.muted, backpressure.ownFull, backpressure.sinksFull]).to.deep.equal([
      true,
      false,
      false,
    ]);
    backpressure.update('link', 'to w2', 41);
    expect(backpressure.ownFull).to.equal(true);
    backpressure.peerIsFull('w2', false);
    expect(backpressure.muted).to.equal(true);
    backpressure.update('link', 'to w2', 0);
    expect([backpressure.muted, backpressure.ownFull]).to.deep.equal([false, false]);
    expect(told).to.deep.equal(['worker w2 mutes', 'link to w2 unmutes']);
  });

  it('lets only sinks hold up what comes from other workers', () => {
    const { backpressure } = watched();
    backpressure.update('link', 'to w2', 1000);
    expect([backpressure.muted, backpressure.sinksFull]).to.deep.equal([true, false]);
    backpressure.update('sink', 'out', 1000);
    expect([backpressure.muted, backpressure.sinksFull]).to.deep.equal([true, true]);
  });

  it('takes a sink and a link of one name for two', () => {
    const { backpressure } = watched();
    backpressure.update('sink', 'a', 1000);
    backpressure.update('link', 'a', 0);
    expect(backpressure.muted).to.equal(true);
  });

  it('tells of each change, and of nothing else', () => {
    const update = fc.tuple(
      fc.constantFrom<Reservoir>('sink', 'link'),
      fc.constantFrom('a', 'b'),
      fc.nat(120),
    );
    fc.assert(
      fc.property(fc.array(update, { maxLength: 40, size: 'max' }), (updates) => {
        const full = new Set<string>();
        const { told, backpressure } = watched();
        const expected: string[] = [];
        for (const [kind, name, held] of updates) {
          const before = { muted: full.size > 0, sinks: [...full].some((id) => id.startsWith('sink')) };
          if (held > windowBytes[kind]) full.add(`${kind} ${name}`);
          if (held * 2 <= windowBytes[kind]) full.delete(`${kind} ${name}`);
          const sinks = [...full].some((id) => id.startsWith('sink'));
          if (before.sinks && !sinks) expected.push('sinks caught up');
          if (before.muted !== full.size > 0) {
            expected.push(`${kind} ${name} ${full.size > 0 ? 'mutes' : 'unmutes'}`);
          }
          backpressure.update(kind, name, held);
          expect([backpressure.muted, backpressure.sinksFull]).to.deep.equal([full.size > 0, sinks]);
        }
        expect(told).to.deep.equal(expected);
      }),
    );
  });
});
