import { expect } from 'chai';
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

  it('finds an epoch, a route and an incarnation that went back, and a new life that has the old incarnation', () => {
    expect(found([1, { epoch: 2 }], [1, { epoch: 1 }])).to.equal(1);
    expect(found([1, { routeVersion: 2 }], [1, { routeVersion: 1 }])).to.equal(1);
    expect(found([1, { incarnation: 2 }], [1, { incarnation: 1 }])).to.equal(1);
    expect(found([1, {}], [2, {}])).to.equal(1);
  });

  it('begins anew with a worker whose files were removed', () => {
    expect(
      counted((report) => {
        const checker = new MonotonyChecker(report);
        checker.called(process(1), status({ epoch: 7 }));
        checker.forget('one');
        checker.called(process(2), status({}));
      }),
    ).to.equal(0);
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
