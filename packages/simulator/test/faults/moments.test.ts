import { expect } from 'chai';
import type { Moment } from '../../src/faults/fault.js';
import { Moments } from '../../src/faults/moments.js';
import type { CoreStatus } from '../../src/world/core.js';
import type { Process } from '../../src/world/process.js';
import type { Wish } from '../../src/world/wishes.js';

const process = (host: number) => ({ host }) as Process;
const line = (text: string): Wish => ({ kind: 'line', text });

function come(moment: Exclude<Moment, { atMs: number }>, see: (moments: Moments) => void): number {
  const moments = new Moments();
  let times = 0;
  moments.await(moment, () => times++);
  see(moments);
  return times;
}

describe('moments', () => {
  it('come with the n-th line that matches, once', () => {
    const see = (moments: Moments) => {
      for (const text of ['INIT one', 'other', 'INIT two', 'INIT three'])
        moments.wished(process(0), line(text));
    };
    expect(come({ line: 'INIT', nth: 3 }, see)).to.equal(1);
    expect(come({ line: 'INIT', nth: 4 }, see)).to.equal(0);
    expect(come({ line: 'INIT', host: 1, nth: 1 }, see)).to.equal(0);
  });

  it('come when a process enters a phase, not while it stays there', () => {
    const see = (moments: Moments) => {
      for (const phase of ['forming', 'ready', 'ready', 'processing', 'ready']) {
        moments.called(process(0), { phase } as CoreStatus);
      }
    };
    // Each call is of another process here, so every one of them enters.
    expect(come({ phase: 'ready', nth: 3 }, see)).to.equal(1);
    const one = process(0);
    const stays = (moments: Moments) => {
      for (const phase of ['ready', 'ready', 'processing', 'ready'])
        moments.called(one, { phase } as CoreStatus);
    };
    expect(come({ phase: 'ready', nth: 3 }, stays)).to.equal(0);
    expect(come({ phase: 'ready', nth: 2 }, stays)).to.equal(1);
  });

  it('may be late: then they come after all others are forgotten', () => {
    const moments = new Moments();
    const came: string[] = [];
    moments.await({ phase: 'draining', nth: 1 }, () => came.push('early'));
    moments.await({ phase: 'draining', nth: 1 }, () => came.push('late'), true);
    moments.forget();
    moments.called(process(0), { phase: 'draining' } as CoreStatus);
    expect(came).to.deep.equal(['late']);
  });

  it('come with the n-th wish of a kind, and never after all is forgotten', () => {
    const flow: Wish = { kind: 'flow', on: true };
    expect(
      come({ wish: 'flow', nth: 2 }, (moments) => {
        for (const wish of [flow, line('a line'), flow]) moments.wished(process(0), wish);
      }),
    ).to.equal(1);
    expect(
      come({ wish: 'flow', nth: 1 }, (moments) => {
        moments.forget();
        moments.wished(process(0), flow);
      }),
    ).to.equal(0);
  });
});
