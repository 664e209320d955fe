import { OversizedFrameError } from '@wallaroo/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { lineFrames } from '../../src/data-receiver/line-frames.js';

function frame(body: Uint8Array | string): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, Buffer.from(body as string)]);
}

describe('lines out of frames', () => {
  it('gives the lines of a chunk in one piece, and nothing for a chunk without the end of a frame', () => {
    const written: string[] = [];
    const receive = lineFrames((lines) => written.push(lines.toString()));
    receive(Buffer.concat([frame('a'), frame(''), frame('bc'), frame('def').subarray(0, 5)]));
    receive(Buffer.from('e'));
    receive(Buffer.from('f'));
    expect(written).to.deep.equal(['a\nbc\n', 'def\n']);
  });

  it('drops headers and empty frames only, wherever the stream is cut', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 });
    fc.assert(
      fc.property(bodies, fc.integer({ min: 1, max: 60 }), (sent, step) => {
        const stream = Buffer.concat(sent.map(frame));
        const written: Buffer[] = [];
        const receive = lineFrames((lines) => written.push(lines));
        for (let at = 0; at < stream.length; at += step) receive(stream.subarray(at, at + step));
        const expected = sent.filter(({ length }) => length > 0).flatMap((body) => [body, Buffer.from('\n')]);
        expect(Buffer.concat(written)).to.deep.equal(Buffer.concat(expected));
      }),
    );
  });

  it('takes 16384 bytes and not one more, and keeps what came before', () => {
    const written: string[] = [];
    const receive = lineFrames((lines) => written.push(lines.toString()));
    receive(frame('x'.repeat(16384)));
    expect(() => receive(Buffer.concat([frame('before'), frame('x'.repeat(16385))]))).to.throw(
      OversizedFrameError,
    );
    expect(written).to.deep.equal([`${'x'.repeat(16384)}\n`, 'before\n']);
  });
});
