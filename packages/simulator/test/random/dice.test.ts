import { expect } from 'chai';
import { Dice } from '../../src/random/dice.js';

const draws = (dice: Dice, count = 20) => Array.from({ length: count }, () => dice.u32());

describe('dice', () => {
  it('draw the same from the same seed, and something else from another', () => {
    expect(draws(Dice.of(1))).to.deep.equal(draws(Dice.of(1)));
    expect(draws(Dice.of(1))).not.to.deep.equal(draws(Dice.of(2)));
  });

  it('draw the same for ever: a seed that was written down must mean what it meant', () => {
    expect(draws(Dice.of(1), 3)).to.deep.equal([3461020222, 2287383328, 2290297119]);
    expect(draws(Dice.of(1).stream('network').stream(7), 2)).to.deep.equal([2424559861, 2059460196]);
  });

  it('have streams that do not depend on what was drawn before', () => {
    const dice = Dice.of(3);
    const early = draws(dice.stream('network'));
    draws(dice);
    expect(draws(dice.stream('network'))).to.deep.equal(early);
    expect(draws(dice.stream('disk'))).not.to.deep.equal(early);
  });

  it('keep to their ranges', () => {
    const dice = Dice.of(4);
    const seen = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      seen.add(dice.between(2, 5));
      expect(dice.logUniform(0.5, 300)).to.be.within(0.5, 300);
      expect(dice.logUniform(7, 7)).to.equal(7);
      expect(dice.fraction()).to.be.within(0, 1);
    }
    expect([...seen].sort()).to.deep.equal([2, 3, 4, 5]);
  });

  it('give every order of magnitude its share', () => {
    const dice = Dice.of(5);
    const values = Array.from({ length: 4000 }, () => dice.logUniform(1, 1024));
    for (const [low, high] of [
      [1, 4],
      [16, 64],
      [256, 1024],
    ] as const) {
      const share = values.filter((value) => value >= low && value < high).length / values.length;
      expect(share, `${low} to ${high}`).to.be.within(0.15, 0.25);
    }
  });
});
