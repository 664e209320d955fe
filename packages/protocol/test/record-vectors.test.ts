import { expect } from 'chai';
import { ByteReader, ByteWriter, FrameSplitter, u32Frames } from '../src/index.js';
import { vectorsOf, type Vector } from './vectors.js';

interface Vote {
  readonly letter: string;
  readonly votes: number;
}

function vector<Decoded>(group: string, name: string): Vector<Decoded> {
  const found = vectorsOf<Decoded>(group).find((each) => each.name === name);
  if (!found) throw new Error(`no vector ${name}`);
  return found;
}

describe('records of the example applications', () => {
  for (const { name, bytes } of vectorsOf('source')) {
    it(`${name} is one frame`, () => {
      const payloads: number[] = [];
      new FrameSplitter(u32Frames(16384), (_bytes, start, end) => payloads.push(end - start)).push(bytes);
      expect(payloads).to.deep.equal([bytes.length - 4]);
    });
  }

  for (const name of ['alphabet-vote', 'alphabet-vote-A']) {
    it(`reads and writes ${name}`, () => {
      const { bytes, decoded } = vector<Vote>('source', name);
      const reader = new ByteReader(bytes, 4);
      expect({ letter: reader.text(1), votes: reader.u32() }).to.deep.equal(decoded);
      expect(new ByteWriter().u32(5).text(decoded.letter).u32(decoded.votes).toBuffer()).to.deep.equal(bytes);
    });
  }

  it('writes the total of a letter', () => {
    const { bytes, decoded } = vector<{ letter: string; total: number }>('sink', 'alphabet-total-pony');
    expect(new ByteWriter().u32(9).text(decoded.letter).u53(decoded.total).toBuffer()).to.deep.equal(bytes);
  });

  it('writes single precision as others do', () => {
    const { bytes, decoded } = vector<{ fahrenheit: number }>('sink', 'celsius-test-out');
    expect(new ByteWriter().u32(4).f32(decoded.fahrenheit).toBuffer()).to.deep.equal(bytes);
  });

  it('writes double precision as others do', () => {
    const { bytes, decoded } = vector<{ bid: number; offer: number }>('source', 'market-spread-nbbo');
    const prices = new ByteWriter().f64(decoded.bid).f64(decoded.offer).toBuffer();
    expect(prices).to.deep.equal(bytes.subarray(bytes.length - 16));
  });
});
