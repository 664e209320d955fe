import { OversizedFrameError } from '@wallaroo/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { LineSplitter } from '../../src/runtime/sources/line-splitter.js';

function splitter(lineBytesMax = 100) {
  const lines: string[] = [];
  const target: LineSplitter = new LineSplitter(lineBytesMax, (bytes, start, end) => {
    lines.push(bytes.toString('utf8', start, end));
  });
  return { target, lines };
}

describe('the line splitter', () => {
  it('finds the same lines wherever the bytes are cut', () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', '\n', '\r\n', 'é')),
        fc.array(fc.nat(9)),
        (parts, cuts) => {
          const bytes = Buffer.from(parts.join(''));
          const { target, lines } = splitter();
          let at = 0;
          for (const cut of cuts) target.push(bytes.subarray(at, (at += cut)));
          target.push(bytes.subarray(at));
          target.end();
          const expected = parts
            .join('')
            .split('\n')
            .map((line) => line.replace(/\r$/, ''));
          if (bytes.length === 0 || bytes.at(-1) === 10) expected.pop();
          expect(lines).to.deep.equal(expected);
        },
      ),
    ));

  it('holds lines back while it is paused', () => {
    const { target, lines } = splitter();
    target.pause();
    target.push(Buffer.from('a\nb\n'));
    expect(lines).to.deep.equal([]);
    expect(target.idle).to.equal(false);
    target.resume();
    expect(lines).to.deep.equal(['a', 'b']);
    expect(target.idle).to.equal(true);
  });

  it('refuses a line that is too long, whole, in pieces, and without an end', () => {
    expect(() => splitter(4).target.push(Buffer.from('12345\n'))).to.throw(OversizedFrameError);
    const pieces = splitter(4).target;
    pieces.push(Buffer.from('1234'));
    expect(() => pieces.push(Buffer.from('56'))).to.throw(OversizedFrameError);
    const unended = splitter(4).target;
    unended.push(Buffer.from('12345'));
    expect(() => unended.end()).to.throw(OversizedFrameError);
    const fits = splitter(4);
    fits.target.push(Buffer.from('1234\r\n1234\r'));
    fits.target.end();
    expect(fits.lines).to.deep.equal(['1234', '1234']);
  });
});
