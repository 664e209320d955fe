import { expect } from 'chai';
import type { Finding } from '../../src/checkers/finding.js';
import { checkLedger } from '../../src/checkers/ledger.js';
import { Journal } from '../../src/workload/journal.js';
import type { Process } from '../../src/world/process.js';

/** Three processes; those named are dead. */
function found(journal: Journal, ...dead: readonly number[]): string[] {
  const processes = [1, 2, 3].map((life) => ({ life, killed: dead.includes(life) }) as Process);
  const findings: Finding[] = [];
  checkLedger(journal, processes, (finding) => findings.push(finding));
  return findings.map(({ checker }) => checker);
}

class Story extends Journal {
  push(life: number): number {
    return this.add({ stage: 0, life, key: 'lane', from: 0, copy: 0, outputs: 1 });
  }
  process(stage: number, life: number, from: number, outputs = 1, copy = 0): number {
    return this.add({ stage, life, key: `key${stage}`, from, copy, outputs });
  }
}

describe('the ledger', () => {
  it('has nothing against messages that come through once and in order', () => {
    const story = new Story();
    for (let i = 0; i < 3; i++) story.process(2, 2, story.process(1, 1, story.push(1)));
    expect(found(story)).to.deep.equal([]);
  });

  it('finds a message that was lost, unless it was lost with its process', () => {
    const story = new Story();
    story.process(2, 2, story.process(1, 1, story.push(1)));
    story.process(1, 1, story.push(1));
    expect(found(story)).to.deep.equal(['lost']);
    expect(found(story, 1)).to.deep.equal([]);
  });

  it('finds one of several copies that was lost', () => {
    const story = new Story();
    const made = story.process(1, 1, story.push(1), 3);
    story.process(2, 2, made, 1, 0);
    story.process(2, 2, made, 1, 2);
    expect(found(story)).to.deep.equal(['lost']);
  });

  it('finds a message that was processed twice, unless the first process is dead', () => {
    const story = new Story();
    const made = story.process(1, 1, story.push(1));
    story.process(2, 2, made);
    story.process(2, 3, made);
    expect(found(story)).to.deep.equal(['repeated']);
    expect(found(story, 2)).to.deep.equal([]);
    const twice = new Story();
    const again = twice.process(1, 1, twice.push(1));
    twice.process(2, 2, again);
    twice.process(2, 2, again);
    expect(found(twice, 2)).to.include.members(['repeated', 'order']);
  });

  it('finds messages of one trail that changed places', () => {
    const story = new Story();
    const [one, two] = [story.process(1, 1, story.push(1)), story.process(1, 1, story.push(1))];
    story.process(2, 2, two);
    story.process(2, 2, one);
    expect(found(story)).to.deep.equal(['order']);
  });

  it('finds words of an earlier life behind those of a later one', () => {
    const story = new Story();
    const earlier = story.process(1, 1, story.push(3));
    const later = story.process(1, 2, story.push(3));
    story.process(2, 3, later);
    story.process(2, 3, earlier);
    expect(found(story, 1)).to.deep.equal(['order']);
  });

  it('lets a new process get what the old one may have had', () => {
    const story = new Story();
    const [one, two] = [story.process(1, 1, story.push(1)), story.process(1, 1, story.push(1))];
    story.process(2, 2, one);
    story.process(2, 2, two);
    story.process(2, 3, one);
    story.process(2, 3, two);
    expect(found(story, 2)).to.deep.equal([]);
  });
});
