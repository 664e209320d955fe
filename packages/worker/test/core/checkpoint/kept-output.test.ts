import { expect } from 'chai';
import { KeptOutput } from '../../../src/core/checkpoint/kept-output.js';

/** A sink that takes what it gets when a test says so. */
class Sink {
  readonly got: (readonly [text: string, ends: readonly number[]])[] = [];
  unsent = 0;

  readonly port = {
    write: (bytes: Buffer, ends: readonly number[]) => {
      this.got.push([bytes.toString(), [...ends]]);
      this.unsent += bytes.length;
      return true;
    },
  };

  output(holds: boolean): KeptOutput {
    return new KeptOutput(this.port, holds, () => this.unsent);
  }
}

const text = ({ bytes, ends }: { readonly bytes: Buffer; readonly ends: readonly number[] }) =>
  [bytes.toString(), ends] as const;

describe('output that is kept', () => {
  it('is let out when its checkpoint counts, and not before', () => {
    const sink = new Sink();
    const output = sink.output(true);
    output.write(Buffer.from('one'), []);
    output.cut(1);
    output.write(Buffer.from('two'), []);
    expect(sink.got).to.deep.equal([]);
    output.commit(1);
    expect(sink.got).to.deep.equal([['one', []]]);
    output.cut(2);
    output.commit(2);
    expect(sink.got.map(([what]) => what)).to.deep.equal(['one', 'two']);
  });

  it('of a checkpoint that was given up belongs to the next one', () => {
    const sink = new Sink();
    const output = sink.output(true);
    output.write(Buffer.from('one'), []);
    output.cut(1);
    output.write(Buffer.from('two'), []);
    expect(text(output.cut(2))).to.deep.equal(['onetwo', []]);
    output.commit(2);
    expect(sink.got.map(([what]) => what).join('')).to.equal('onetwo');
  });

  it('of a checkpoint that counts is let out though the next one is cut already, and is not let out again with it', () => {
    const sink = new Sink();
    const output = sink.output(true);
    output.write(Buffer.from('one'), []);
    output.cut(1);
    output.write(Buffer.from('two'), []);
    const saved = output.cut(2);
    expect(text(saved)).to.deep.equal(['onetwo', []]);
    output.commit(1);
    expect(sink.got.map(([what]) => what)).to.deep.equal(['one']);
    output.write(Buffer.from('three'), []);
    output.cut(3);
    output.restore(2, saved);
    expect(sink.got.map(([what]) => what)).to.deep.equal(['one', 'two']);
    output.commit(3);
    output.restore(2, saved);
    expect(sink.got.map(([what]) => what)).to.deep.equal(['one', 'two']);
  });

  for (const holds of [true, false]) {
    it(`is on disk until the sink has handed it on${holds ? '' : ', also what went out at once'}`, () => {
      const sink = new Sink();
      const output = sink.output(holds);
      output.write(Buffer.from('one'), []);
      output.cut(1);
      output.commit(1);
      expect(text(output.cut(2))).to.deep.equal(['one', []]);
      sink.unsent = 0;
      expect(text(output.cut(3))).to.deep.equal(['', []]);
    });
  }

  it('goes out in another process with the ends of its messages, and never twice in the same', () => {
    const before = new Sink();
    const dying = before.output(true);
    dying.write(Buffer.from('aabb'), [2, 4]);
    dying.write(Buffer.from('cc'), [2]);
    const saved = dying.cut(7);
    expect(text(saved)).to.deep.equal(['aabbcc', [2, 4, 6]]);

    const after = new Sink();
    const reborn = after.output(true);
    reborn.restore(7, saved);
    reborn.restore(7, saved);
    expect(after.got).to.deep.equal([['aabbcc', [2, 4, 6]]]);

    dying.commit(7);
    dying.restore(7, saved);
    expect(before.got.map(([what]) => what).join('')).to.equal('aabbcc');
  });

  it('is let out at a clean end, whatever counts', () => {
    const sink = new Sink();
    const output = sink.output(true);
    output.write(Buffer.from('one'), []);
    output.cut(1);
    output.write(Buffer.from('two'), []);
    output.release();
    expect(sink.got.map(([what]) => what)).to.deep.equal(['one', 'two']);
  });
});
