import { expect } from 'chai';
import fc from 'fast-check';
import { nearest } from '../src/index.js';

describe('nearest', () => {
  const names = ['--messages', '--message', '--msg-size', '--host', '--help'];
  const slips: readonly [word: string, meant: string | undefined][] = [
    ['--mesages', '--messages'],
    ['--messags', '--messages'],
    ['--hots', '--host'],
    ['-host', '--host'],
    ['--hepl', '--help'],
    ['--msgsize', '--msg-size'],
    ['--host', '--host'],
    ['--verbose', undefined],
    ['-z', undefined],
    ['', undefined],
  ];
  for (const [word, meant] of slips) {
    it(`takes '${word}' for ${meant ?? 'nothing'}`, () => expect(nearest(word, names)).to.equal(meant));
  }

  it('prefers the first of two that are equally near', () => {
    expect(nearest('ac', ['ab', 'ad'])).to.equal('ab');
    expect(nearest('ac', ['ad', 'ab'])).to.equal('ad');
  });

  it('has nothing to suggest among no candidates', () => {
    expect(nearest('word', [])).to.equal(undefined);
  });

  it('finds a word that is there, and any word with one slip', () => {
    const word = fc.string({ minLength: 3, maxLength: 12 });
    fc.assert(
      fc.property(word, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (name, at, letter) => {
        const place = at % name.length;
        expect(nearest(name, [name])).to.equal(name);
        expect(nearest(name.slice(0, place) + name.slice(place + 1), [name])).to.equal(name);
        expect(nearest(name.slice(0, place) + letter + name.slice(place), [name])).to.equal(name);
        expect(nearest(name.slice(0, place) + letter + name.slice(place + 1), [name])).to.equal(name);
      }),
    );
  });
});
