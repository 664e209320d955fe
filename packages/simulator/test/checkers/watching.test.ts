import { expect } from 'chai';
import { logCuts, logStart, recordKind } from '@wallaroo/worker/core';
import { checkAgreement } from '../../src/checkers/agreement.js';
import { BoundsChecker } from '../../src/checkers/bounds.js';
import type { Finding } from '../../src/checkers/finding.js';
import { MonotonyChecker } from '../../src/checkers/monotony.js';
import type { CoreStatus } from '../../src/world/core.js';
import type { Process } from '../../src/world/process.js';

const process = (life: number, name = 'one') => ({ life, name }) as Process;
const status = (facts: Partial<CoreStatus>) =>
  ({
    epoch: 1,
    incarnation: 1,
    routeVersion: 0,
    checkpoint: 0,
    heldBytes: 0,
    unacknowledgedBytes: 0,
    ...facts,
  }) as CoreStatus;

function counted(watch: (report: (finding: Finding) => void) => void): number {
  let findings = 0;
  watch(() => findings++);
  return findings;
}

describe('the checker of numbers that never go back', () => {
  /** What the lives of one worker show, one after the other. */
  const found = (...seen: readonly (readonly [life: number, facts: Partial<CoreStatus>])[]) =>
    counted((report) => {
      const checker = new MonotonyChecker(report);
      for (const [life, facts] of seen) checker.called(process(life), status(facts));
    });

  it('lets them stay and grow', () => {
    expect(
      found([1, {}], [1, { epoch: 2, routeVersion: 3 }], [2, { epoch: 2, routeVersion: 3, incarnation: 2 }]),
    ).to.equal(0);
  });

  it('finds an epoch, a route, a checkpoint and an incarnation that went back, and a new life with the old one', () => {
    expect(found([1, { epoch: 2 }], [1, { epoch: 1 }])).to.equal(1);
    expect(found([1, { routeVersion: 2 }], [1, { routeVersion: 1 }])).to.equal(1);
    expect(found([1, { checkpoint: 2 }], [1, { checkpoint: 1 }])).to.equal(1);
    expect(found([1, { checkpoint: 2 }], [2, { checkpoint: 1, incarnation: 2 }])).to.equal(1);
    expect(found([1, { incarnation: 2 }], [1, { incarnation: 1 }])).to.equal(1);
    expect(found([1, {}], [2, {}])).to.equal(1);
  });

  it('begins anew with a worker whose files were removed', () => {
    expect(
      counted((report) => {
        const checker = new MonotonyChecker(report);
        checker.called(process(1), status({ epoch: 7, checkpoint: 7 }));
        cut(checker, 1, 7);
        checker.forget('one');
        checker.called(process(2), status({}));
        cut(checker, 2, 6);
      }),
    ).to.equal(0);
  });

  /** A worker is cut for a checkpoint, as it writes down in its log. */
  const cut = (checker: MonotonyChecker, life: number, checkpoint: number, name?: string, epoch = 1) => {
    const content = logCuts.encode({ type: 'logCut', checkpoint, positions: [], journal: logStart });
    const bytes = Buffer.concat([Buffer.alloc(8), Buffer.of(recordKind.cut), content]);
    const core = { status: status({ epoch }) };
    checker.wished(Object.assign(process(life, name), { core }), {
      kind: 'append',
      log: 'events',
      file: 0,
      bytes,
    });
  };
  const foundInCuts = (cuts: (checker: MonotonyChecker) => void) =>
    counted((report) => cuts(new MonotonyChecker(report)));

  it('lets all workers be cut for a checkpoint, and leave out one that was given up', () => {
    expect(
      foundInCuts((checker) => {
        cut(checker, 1, 1);
        cut(checker, 2, 1, 'two');
        cut(checker, 1, 2);
        cut(checker, 1, 3);
        cut(checker, 2, 3, 'two');
      }),
    ).to.equal(0);
  });

  it('finds a number of a checkpoint that is used again, in another life and another epoch too', () => {
    const again = (life: number, checkpoint: number, name?: string, epoch?: number) =>
      foundInCuts((checker) => {
        cut(checker, 1, 2);
        cut(checker, life, checkpoint, name, epoch);
      });
    expect(again(1, 2)).to.equal(1);
    expect(again(2, 2)).to.equal(1);
    expect(again(2, 1)).to.equal(1);
    expect(again(2, 2, 'two', 2)).to.equal(1);
    expect(again(1, 3, 'one', 2)).to.equal(0);
  });
});

describe('the checker of bounds', () => {
  it('finds more than the bound, whatever it is made of, and remembers the most', () => {
    const checker = (report: (finding: Finding) => void) => new BoundsChecker(100, report);
    expect(
      counted((report) =>
        checker(report).called(process(1), status({ heldBytes: 60, unacknowledgedBytes: 40 })),
      ),
    ).to.equal(0);
    expect(
      counted((report) =>
        checker(report).called(process(1), status({ heldBytes: 60, unacknowledgedBytes: 41 })),
      ),
    ).to.equal(1);
  });
});

describe('the checker of agreement', () => {
  const member = (name: string, owners: string[], keys: readonly string[] = [], epoch = 1) =>
    ({
      name,
      core: {
        status: status({ members: ['one', 'two'], owners, epoch }),
        engine: { stores: new Map([['stage', { keys: () => keys, peek: () => undefined }]]) },
      },
    }) as unknown as Process;
  const found = (...members: readonly Process[]) => counted((report) => checkAgreement(members, 2, report));
  const even = ['one', 'two'];

  it('has nothing against members that see the same', () => {
    expect(found(member('one', even), member('two', even))).to.equal(0);
  });

  it('finds other tables, other epochs, and slots that are not dealt evenly', () => {
    expect(found(member('one', even), member('two', ['two', 'one']))).to.equal(1);
    expect(found(member('one', even), member('two', even, [], 2))).to.equal(1);
    const uneven = ['one', 'one'];
    expect(found(member('one', uneven), member('two', uneven))).to.equal(1);
  });

  it('finds state that is not where its slot is', () => {
    const [one, two] = [member('one', even, ['k']), member('two', even, ['k'])];
    expect(found(one, two)).to.equal(1);
  });
});
