import { expect } from 'chai';
import { byTrail, checkEquality, type Outcome } from '../../src/checkers/equality.js';

const line = (trail: string, message: string) => ['out', { trail, message, from: 1 }] as const;

function found(outcome: Partial<Outcome>, reference: Partial<Outcome>): string[] {
  const texts: string[] = [];
  const whole = { state: new Map(), outputs: new Map() };
  checkEquality({ ...whole, ...outcome }, { ...whole, ...reference }, ({ text }) => texts.push(text));
  return texts;
}

describe('equality with the reference run', () => {
  it('does not mind how trails are mixed', () => {
    const one = byTrail([line('a', '1'), line('b', '1'), line('a', '2')]);
    const other = byTrail([line('b', '1'), line('a', '1'), line('a', '2')]);
    expect(found({ outputs: one }, { outputs: other })).to.deep.equal([]);
  });

  it('minds the order within a trail, and what is missing or too much', () => {
    const reference = byTrail([line('a', '1'), line('a', '2')]);
    for (const lines of [
      [line('a', '2'), line('a', '1')],
      [line('a', '1')],
      [...twice('a'), line('a', '2')],
    ]) {
      expect(found({ outputs: byTrail(lines) }, { outputs: reference })).to.have.length(1);
    }
    expect(found({ outputs: byTrail([line('b', '1')]) }, {})).to.have.length(1);
  });

  it('minds state', () => {
    const state = new Map([['first k lane', '2 17']]);
    expect(found({ state }, { state })).to.deep.equal([]);
    expect(found({ state: new Map() }, { state })).to.have.length(1);
    expect(found({ state }, {})).to.have.length(1);
  });
});

function twice(trail: string) {
  return [line(trail, '1'), line(trail, '1')];
}
