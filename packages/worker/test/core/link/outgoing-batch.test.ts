import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { OutgoingBatch } from '../../../src/core/link/outgoing-batch.js';
import { frameHeaderBytes, frameKind, makeFrame } from '../../../src/core/link/frame.js';
import { CodecPair } from '../support/codec.js';
import { anyData, anyText } from '../support/plain-data.js';

type Added = readonly [target: number, key: string, message: unknown];

function gathering() {
  const pair = new CodecPair();
  const frames: Buffer[] = [];
  const batch = new OutgoingBatch(pair.encoder, (frame) => frames.push(frame));
  const read = (): Added[] =>
    frames.flatMap((frame) => {
      const added: Added[] = [];
      pair.decoder.beginBatch(frame, frameHeaderBytes, frame.length);
      while (!pair.decoder.done) added.push([pair.decoder.entry(), pair.decoder.key!, pair.decoder.value()]);
      return added;
    });
  return { batch, frames, read };
}

/** Refused when the encoder is in the middle of it. */
const poison = (inner: unknown) => ({ inner, more: { fresh: inner, fault: () => 1 } });

describe('an outgoing batch', () => {
  it('hands on all that was added, in order, and nothing of messages that were refused', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ add: anyData, target: fc.nat(0xffff), key: anyText }) },
      { weight: 2, arbitrary: fc.record({ refuse: anyData }) },
      { weight: 1, arbitrary: fc.constant('flush' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20, size: 'max' }), (steps) => {
        const { batch, read } = gathering();
        const expected: Added[] = [];
        for (const one of steps) {
          if (one === 'flush') batch.flush();
          else if ('refuse' in one) expect(() => batch.add(1, 'k', poison(one.refuse))).to.throw(TypeError);
          else {
            batch.add(one.target, one.key, one.add);
            expected.push([one.target, one.key, one.add]);
          }
        }
        batch.flush();
        const got = read();
        if (!isDeepStrictEqual(got, expected)) expect(got).to.deep.equal(expected);
      }),
      { numRuns: 100 },
    );
  });

  it('can be read after a refused message had introduced shapes that others use', () => {
    const { batch, frames, read } = gathering();
    batch.add(1, 'a', { first: 1 });
    expect(() => batch.add(1, 'b', [{ second: 2 }, () => 1])).to.throw(TypeError);
    batch.add(1, 'c', { second: 3 });
    batch.add(1, 'd', { first: 4 });
    batch.flush();
    expect(frames).to.have.length(2);
    expect(read()).to.deep.equal([
      [1, 'a', { first: 1 }],
      [1, 'c', { second: 3 }],
      [1, 'd', { first: 4 }],
    ]);
  });

  it('sends no frame for a refused message alone, nor when nothing was added', () => {
    const { batch, frames } = gathering();
    expect(() => batch.add(1, 'a', () => 1)).to.throw(TypeError);
    batch.flush();
    batch.flush();
    expect(frames).to.deep.equal([]);
  });

  it('hands a batch on when it has grown long, and then goes on in the same memory', () => {
    const { batch, frames } = gathering();
    for (let i = 0; i < 1000; i++) batch.add(1, 'key', 'x'.repeat(100));
    expect(frames.length).to.be.within(2, 5);
    const bytes = Buffer.from(frames[0]!);
    for (let i = 0; i < 1000; i++) batch.add(1, 'key', 'y'.repeat(100));
    expect(frames[0]!.equals(bytes)).to.equal(true);
  });

  it('sends frames of the kind that holds messages', () => {
    const { batch, frames } = gathering();
    batch.add(1, 'a', 1);
    batch.flush();
    expect(frames[0]![8]).to.equal(makeFrame(frameKind.batch)[8]);
  });

  it('takes long messages, and refuses those that no frame could hold', () => {
    const { batch, frames, read } = gathering();
    const long = Buffer.alloc(1024 * 1024, 1);
    batch.add(1, 'a', long);
    expect(frames).to.have.length(1);
    expect(() => batch.add(1, 'b', Buffer.alloc(33 * 1024 * 1024))).to.throw(RangeError, /too long to leave/);
    batch.add(1, 'c', 1);
    batch.flush();
    expect(read().map(([, key]) => key)).to.deep.equal(['a', 'c']);
  });

  it('forgets what was not handed on when it is cleared', () => {
    const { batch, read } = gathering();
    batch.add(1, 'a', { first: 1 });
    batch.clear();
    batch.add(1, 'b', { first: 2 });
    batch.flush();
    expect(read()).to.deep.equal([[1, 'b', { first: 2 }]]);
  });
});
