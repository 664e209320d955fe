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

  output(holds: boolean, handedOn = 0): KeptOutput {
    return new KeptOutput(this.port, { holds, unsent: () => this.unsent, onlyThat: false }, handedOn);
  }

  get text(): string {
    return this.got.map(([what]) => what).join('');
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

  describe('that was handed on before the process died', () => {
    /** Three checkpoints: the second is cut before the first counts, the third when the second does. */
    const saved = () => {
      const sink = new Sink();
      const output = sink.output(true);
      output.write(Buffer.from('one '), [4]);
      const first = output.cut(1);
      output.write(Buffer.from('two '), [4]);
      const second = output.cut(2);
      return { sink, output, first, second };
    };

    it('is not handed on again by another one', () => {
      const { sink, output, first } = saved();
      output.commit(1);
      expect(output.settle(), 'the sink still has it').to.equal(false);
      sink.unsent = 0;
      expect(output.settle()).to.equal(true);
      expect(output.settle(), 'that is no news').to.equal(false);
      const after = new Sink();
      after.output(true, output.handedOn).restore(1, first);
      expect(after.got).to.deep.equal([]);
    });

    it('is not handed on again with what was not', () => {
      const { sink, output, second } = saved();
      output.commit(1);
      sink.unsent = 0;
      output.settle();
      const after = new Sink();
      after.output(true, output.handedOn).restore(2, second);
      expect(after.got).to.deep.equal([['two ', [4]]]);
    });

    it('is handed on again when nobody knows', () => {
      const { second } = saved();
      const after = new Sink();
      after.output(true, 0).restore(2, second);
      expect(after.text).to.equal('one two ');
    });

    it('is not handed on again with what the sink had when a later checkpoint was cut', () => {
      const { sink, output } = saved();
      output.commit(2);
      sink.unsent = 4;
      output.write(Buffer.from('three '), [6]);
      const third = output.cut(3);
      expect(text(third)).to.deep.equal(['two three ', [4, 10]]);
      sink.unsent = 0;
      output.settle();
      const after = new Sink();
      after.output(true, output.handedOn).restore(3, third);
      expect(after.text).to.equal('three ');
    });
  });

  it('tells how much is held back', () => {
    const output = new Sink().output(true);
    output.write(Buffer.from('one'), []);
    output.cut(1);
    output.write(Buffer.from('four'), []);
    const saved = output.cut(2);
    expect(output.heldBytes).to.equal(7);
    output.commit(1);
    expect(output.heldBytes).to.equal(4);
    output.write(Buffer.from('lost'), []);
    output.restore(2, saved);
    expect(output.heldBytes).to.equal(0);
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
