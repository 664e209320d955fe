import { expect } from 'chai';
import fc from 'fast-check';
import { ByteWriter } from '@wallaroo/protocol';
import {
  beginFrame,
  firstNumberedKind,
  frameHeaderBytes,
  frameKind,
  InvalidFrameError,
  makeFrame,
  readFrame,
  sealFrame,
  setKind,
  type FrameStamp,
} from '../../../src/core/link/frame.js';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const stamp: fc.Arbitrary<FrameStamp> = fc.record({
  epoch: u32,
  from: u32,
  to: u32,
  route: u32,
  number: fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER)),
});
const kind = fc.constantFrom(...Object.values(frameKind));
const payload = fc.uint8Array({ maxLength: 80 });

const hello = () =>
  sealFrame(makeFrame(frameKind.batch, Buffer.from('payload')), {
    epoch: 1,
    from: 2,
    to: 3,
    route: 4,
    number: 5,
  });

describe('a frame between workers', () => {
  it('is read back as it was sealed, wherever it stands in a buffer', () =>
    fc.assert(
      fc.property(stamp, kind, payload, fc.nat(9), (sealed, itsKind, bytes, before) => {
        const frame = sealFrame(makeFrame(itsKind, bytes), sealed);
        const around = Buffer.concat([Buffer.alloc(before, 0xff), frame, Buffer.from([0xff])]);
        const read = readFrame(around, before + 4, before + frame.length);
        const { kind: readKind, epoch, from, to, route, number } = read;
        expect({ epoch, from, to, route, number }).to.deep.equal(sealed);
        expect(readKind).to.equal(itsKind);
        expect(Buffer.from(read.bytes.subarray(read.start, read.end)).equals(bytes)).to.equal(true);
      }),
    ));

  it('is written as documented', () => {
    expect(hello().toString('hex')).to.match(
      /^00000024[0-9a-f]{8}110000000100000002000000030000000400000000000000057061796c6f6164$/,
    );
  });

  it('can be sealed again, for another session', () => {
    const frame = hello();
    sealFrame(frame, { epoch: 7, from: 8, to: 9, route: 10, number: 11 });
    const { epoch, number, start, end } = readFrame(frame, 4, frame.length);
    expect([epoch, number, frame.subarray(start, end).toString()]).to.deep.equal([7, 11, 'payload']);
  });

  it('is refused when any bit of it has changed, its checksum included', () => {
    const frame = hello();
    for (let bit = 4 * 8; bit < frame.length * 8; bit++) {
      const damaged = Buffer.from(frame);
      damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7));
      expect(() => readFrame(damaged, 4, damaged.length)).to.throw(InvalidFrameError, /checksum/);
    }
  });

  it('is refused when it lacks bytes, or has some too many', () => {
    const frame = hello();
    for (let end = 4; end < frame.length; end++) {
      expect(() => readFrame(frame, 4, end)).to.throw(InvalidFrameError);
    }
    const longer = Buffer.concat([frame, Buffer.from([0])]);
    expect(() => readFrame(longer, 4, longer.length)).to.throw(InvalidFrameError);
    expect(() => readFrame(frame, 4, 4 + frameHeaderBytes - 5)).to.throw(
      InvalidFrameError,
      'without a whole header',
    );
  });

  it('is made in place: room for the header first, then the payload, then its kind', () => {
    const out = new ByteWriter(8);
    beginFrame(out);
    out.text('in place');
    const bytes = out.toBuffer();
    setKind(bytes, frameKind.state);
    sealFrame(bytes, { epoch: 1, from: 1, to: 1, route: 0, number: 1 });
    const read = readFrame(bytes, 4, bytes.length);
    expect(read.kind).to.equal(frameKind.state);
    expect(bytes.toString('latin1', read.start, read.end)).to.equal('in place');
  });

  it('is numbered if it is control, batch, barrier, state or checkpoint, and only then', () => {
    const numbered = Object.entries(frameKind).filter(([, number]) => number >= firstNumberedKind);
    expect(numbered.map(([name]) => name)).to.deep.equal([
      'control',
      'batch',
      'barrier',
      'state',
      'stateEnd',
      'checkpoint',
    ]);
  });
});
