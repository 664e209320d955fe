import { expect } from 'chai';
import { Admission, joinTexts, type Candidate } from '../../../src/core/membership/admission.js';
import { Lines, memberNamed } from '../support/members.js';

const seconds = 1e9;
const quiet = { members: ['initializer', 'w2'], busy: false, present: () => true };
const everybody = () => 1;

function candidate(name: string, count: number, life = 1): Candidate {
  return { ...memberNamed(name, 1), life, count };
}

function admitting() {
  const log = new Lines();
  return { log, admission: new Admission(log, 60 * seconds) };
}

describe('the admission of joiners', () => {
  it('lets a round in when all of it are there and can be spoken to', () => {
    const { log, admission } = admitting();
    expect(admission.complete(everybody)).to.equal(undefined);
    expect(admission.request(candidate('w3', 2), 0, quiet)).to.equal('');
    expect(admission.complete(everybody)).to.equal(undefined);
    expect(admission.request(candidate('w4', 2), 0, quiet)).to.equal('');
    expect(admission.complete(({ name }) => (name === 'w3' ? 1 : undefined))).to.equal(undefined);
    expect(admission.complete(everybody)).to.deep.equal([memberNamed('w3'), memberNamed('w4')]);
    expect(log.lines).to.deep.equal([
      'AUTOSCALE: Waiting for 2 joining workers. Current cluster size: 2',
      '***Worker w3 attempting to join the cluster. Sent necessary information.***',
      'AUTOSCALE: Waiting for 1 joining workers. Current cluster size: 2',
      '***Worker w4 attempting to join the cluster. Sent necessary information.***',
    ]);
    expect(admission.close()).to.deep.equal(['w3', 'w4']);
    expect([admission.waiting, admission.expects('w3')]).to.deep.equal([false, false]);
  });

  const refusals: readonly [
    what: string,
    asks: Candidate,
    before: readonly Candidate[],
    busy: boolean,
    text: string,
  ][] = [
    ['of the name of a member', candidate('w2', 1), [], false, joinTexts.taken],
    [
      'of the name of a member, also while the cluster changes',
      candidate('w2', 1),
      [],
      true,
      joinTexts.taken,
    ],
    ['that would join with nobody, not even itself', candidate('w3', 0), [], false, joinTexts.none],
    ['of the name of one that waits', candidate('w3', 2, 7), [candidate('w3', 2)], false, joinTexts.taken],
    ['while the cluster changes', candidate('w3', 1), [], true, joinTexts.busy],
    ['beyond the number of the round', candidate('w4', 1), [candidate('w3', 1)], false, joinTexts.busy],
    [
      'that says another number',
      candidate('w4', 3),
      [candidate('w3', 2)],
      false,
      'All joining workers must supply the same worker count. Current pending count is 2. You supplied 3.',
    ],
  ];
  for (const [what, asks, before, busy, text] of refusals) {
    it(`refuses one ${what}`, () => {
      const { admission } = admitting();
      for (const one of before) expect(admission.request(one, 0, quiet)).to.equal('');
      expect(admission.request(asks, 0, { ...quiet, busy })).to.equal(text);
      expect(admission.expects(asks.name)).to.equal(before.some(({ name }) => name === asks.name));
    });
  }

  it('lets another one take the name of one that has died at the door', () => {
    const { admission } = admitting();
    expect(admission.request(candidate('w3', 1), 0, quiet)).to.equal('');
    expect(admission.request(candidate('w3', 1, 7), 1, { ...quiet, present: () => false })).to.equal('');
    expect(admission.complete(({ life }) => life)).to.deep.equal([{ ...memberNamed('w3', 7), life: 7 }]);
  });

  it('forgets those that have stopped asking and cannot be spoken to', () => {
    const { admission } = admitting();
    for (const name of ['w3', 'w4']) admission.request(candidate(name, 3), 0, quiet);
    expect(admission.lapse(3 * seconds, () => false)).to.deep.equal([]);
    admission.request(candidate('w4', 3), 3 * seconds, quiet);
    expect(admission.lapse(5 * seconds, () => false)).to.deep.equal(['w3']);
    expect(admission.lapse(9 * seconds, () => true)).to.deep.equal([]);
    expect(admission.lapse(9 * seconds, () => false)).to.deep.equal(['w4']);
    expect(admission.waiting).to.equal(false);
  });

  it('lets one that waits ask again, and counts it once', () => {
    const { log, admission } = admitting();
    for (let i = 0; i < 3; i++) expect(admission.request(candidate('w3', 2), i, quiet)).to.equal('');
    expect(admission.complete(everybody)).to.equal(undefined);
    expect(log.lines).to.have.length(2);
  });

  it('begins another round, of another number, when all that waited have gone', () => {
    const { log, admission } = admitting();
    admission.request(candidate('w3', 2), 0, quiet);
    admission.withdraw('nobody');
    expect(admission.waiting).to.equal(true);
    admission.withdraw('w3');
    expect(admission.waiting).to.equal(false);
    expect(log.lines.at(-1)).to.equal('AUTOSCALE: w3 has gone before it was let in.');
    expect(admission.request(candidate('w3', 1, 9), 0, quiet)).to.equal('');
    expect(admission.complete(everybody)).to.have.length(1);
  });

  it('turns those away that waited too long for others, once', () => {
    const { log, admission } = admitting();
    expect(admission.overdue(1000 * seconds)).to.equal(undefined);
    admission.request(candidate('w3', 3), 10 * seconds, quiet);
    admission.request(candidate('w4', 3), 60 * seconds, quiet);
    expect(admission.overdue(70 * seconds)).to.equal(undefined);
    const text = 'Only 2 of 3 joining workers came within 60 s.';
    expect(admission.overdue(70 * seconds + 1)).to.deep.equal({ names: ['w3', 'w4'], text });
    expect(log.lines.at(-1)).to.equal(`AUTOSCALE: ${text} They are turned away.`);
    expect(admission.overdue(71 * seconds)).to.equal(undefined);
    expect(admission.waiting).to.equal(false);
  });
});
