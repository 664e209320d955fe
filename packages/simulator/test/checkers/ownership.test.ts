import { expect } from 'chai';
import { OwnershipChecker } from '../../src/checkers/ownership.js';
import { Journal } from '../../src/workload/journal.js';
import type { CoreStatus } from '../../src/world/core.js';
import type { Process } from '../../src/world/process.js';

/** Each step: who processes the key, which route it knows of, and who gives slots away by it. */
function found(...steps: readonly (readonly [name: string, routeVersion: number, giver?: string])[]): number {
  let findings = 0;
  const journal = new Journal();
  const lives: Process[] = [];
  const checker = new OwnershipChecker(
    journal,
    false,
    (life) => lives[life]!,
    () => findings++,
  );
  steps.forEach(([name, routeVersion, giver], life) => {
    journal.add({ stage: 1, life, key: 'k', from: 0, copy: 0, outputs: 1 });
    const core = { status: { epoch: 1 } };
    lives.push({ name, life, core } as Process);
    checker.called(lives[life]!, { routeVersion, giver } as CoreStatus);
  });
  return findings;
}

describe('the checker of ownership', () => {
  it('lets a key stay where it is, over any number of lives', () => {
    expect(found(['one', 0], ['one', 0], ['one', 3])).to.equal(0);
  });

  it('lets a key move by a route, and back by a newer one', () => {
    expect(found(['one', 0], ['two', 1], ['one', 2], ['three', 2])).to.equal(0);
    // The old owner goes on with what was sent before the route was known.
    expect(found(['one', 1], ['two', 1])).to.equal(0);
  });

  it('lets one that gives a key away, and has it since an earlier route, give it back where it came from', () => {
    expect(found(['one', 1], ['two', 7, 'two'], ['one', 7, 'two'])).to.equal(0);
    // Another one gives by this route: this one has got it by that.
    expect(found(['one', 1], ['two', 7, 'one'], ['one', 7, 'one'])).to.equal(1);
  });

  it('goes by who has processed it, whoever is called next', () => {
    const journal = new Journal();
    let findings = 0;
    const processes = [1, 2].map((life) => ({
      name: `${life}`,
      life,
      core: { status: {} },
    })) as unknown as Process[];
    const checker = new OwnershipChecker(
      journal,
      false,
      (life) => processes[life - 1]!,
      () => findings++,
    );
    for (let time = 0; time < 2; time++) {
      journal.add({ stage: 1, life: 1, key: 'k', from: 0, copy: 0, outputs: 1 });
      checker.called(processes[time]!, { routeVersion: 0 } as CoreStatus);
    }
    expect(findings).to.equal(0);
  });

  it('finds two owners at once', () => {
    expect(found(['one', 0], ['two', 0])).to.equal(1);
    expect(found(['one', 0], ['two', 1], ['one', 1])).to.equal(1);
  });
});
