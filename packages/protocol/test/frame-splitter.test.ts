import { expect } from 'chai';
import fc from 'fast-check';
import { FrameSplitter, OversizedFrameError, u32Frames, type FrameFormat } from '../src/index.js';

const max = 300;

function framed(...payloads: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    payloads.flatMap((payload) => {
      const header = Buffer.alloc(4);
      header.writeUInt32BE(payload.length);
      return [header, Buffer.from(payload as string)];
    }),
  );
}

/** Cuts at these places, given in any order. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => Math.min(place, bytes.length)), bytes.length];
  sorted.sort((a, b) => a - b);
  return sorted.slice(1).map((end, i) => Buffer.from(bytes.subarray(sorted[i], end)));
}

function collector(format: FrameFormat = u32Frames(max)) {
  const frames: string[] = [];
  const splitter = new FrameSplitter(format, (bytes, start, end) =>
    frames.push(bytes.toString('latin1', start, end)),
  );
  return { frames, splitter };
}

/** The obvious way: one buffer of everything. */
function obvious(bytes: Buffer): { frames: string[]; oversized: boolean; left: number } {
  const frames: string[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const size = bytes.readUInt32BE(at);
    if (size > max) return { frames, oversized: true, left: 0 };
    if (at + 4 + size > bytes.length) break;
    frames.push(bytes.toString('latin1', at + 4, at + 4 + size));
    at += 4 + size;
  }
  return { frames, oversized: false, left: bytes.length - at };
}

const payloads = fc.array(fc.uint8Array({ maxLength: max }), { maxLength: 12 });
const cuts = fc.array(fc.nat(2000), { maxLength: 40 });

describe('FrameSplitter', () => {
  const bytes = framed('one', '', 'three', '', '', 'x'.repeat(40));
  const expected = ['one', '', 'three', '', '', 'x'.repeat(40)];

  for (let at = 0; at <= bytes.length; at++) {
    it(`finds all frames when the stream is cut at byte ${at}`, () => {
      const { frames, splitter } = collector();
      for (const chunk of cutAt(bytes, [at])) splitter.push(chunk);
      expect(frames).to.deep.equal(expected);
      expect(splitter.incomplete).to.equal(0);
    });
  }

  it('finds all frames when every byte comes alone', () => {
    const { frames, splitter } = collector();
    for (const byte of bytes) splitter.push(Buffer.from([byte]));
    expect(frames).to.deep.equal(expected);
  });

  it('does what the obvious implementation does, wherever the stream is cut', () => {
    const tail = fc.uint8Array({ maxLength: 12 });
    fc.assert(
      fc.property(payloads, tail, cuts, (sent, rest, places) => {
        const stream = Buffer.concat([framed(...sent), rest]);
        const { frames, splitter } = collector();
        let oversized = false;
        try {
          for (const chunk of cutAt(stream, places)) splitter.push(chunk);
        } catch (error) {
          expect(error).to.be.instanceOf(OversizedFrameError);
          oversized = true;
        }
        const model = obvious(stream);
        expect({ frames, oversized }).to.deep.equal({ frames: model.frames, oversized: model.oversized });
        if (!oversized) expect(splitter.incomplete).to.equal(model.left);
      }),
      { numRuns: 3000 },
    );
  });

  it('hands on no frame between pause and resume, and none twice', () => {
    const pauses = fc.array(fc.boolean(), { maxLength: 60 });
    fc.assert(
      fc.property(payloads, cuts, pauses, pauses, (sent, places, pausing, resuming) => {
        const frames: string[] = [];
        let paused = false;
        const splitter = new FrameSplitter(u32Frames(max), (chunk, start, end) => {
          expect(paused, 'a frame came during a pause').to.equal(false);
          frames.push(chunk.toString('latin1', start, end));
          if (pausing[frames.length % 60]) {
            paused = true;
            splitter.pause();
          }
        });
        const resume = () => {
          paused = false;
          splitter.resume();
        };
        cutAt(framed(...sent), places).forEach((chunk, i) => {
          splitter.push(chunk);
          if (resuming[i % 60]) resume();
        });
        while (paused) resume();
        expect(frames).to.deep.equal(sent.map((payload) => Buffer.from(payload).toString('latin1')));
      }),
      { numRuns: 2000 },
    );
  });

  it('stops in the middle of a chunk and goes on where it stopped', () => {
    const frames: string[] = [];
    const splitter = new FrameSplitter(u32Frames(max), (chunk, start, end) => {
      frames.push(chunk.toString('latin1', start, end));
      splitter.pause();
    });
    splitter.push(framed('a', 'b', 'c'));
    expect(frames).to.deep.equal(['a']);
    splitter.push(framed('d'));
    expect(frames).to.deep.equal(['a']);
    splitter.resume();
    expect(frames).to.deep.equal(['a', 'b']);
    splitter.resume();
    splitter.resume();
    expect(frames).to.deep.equal(['a', 'b', 'c', 'd']);
  });

  it('may be paused and resumed, or given more, from within a frame', () => {
    const frames: string[] = [];
    const splitter = new FrameSplitter(u32Frames(max), (chunk, start, end) => {
      frames.push(chunk.toString('latin1', start, end));
      splitter.pause();
      if (frames.length === 1) splitter.push(framed('pushed'));
      splitter.resume();
    });
    splitter.push(framed('a', 'b'));
    expect(frames).to.deep.equal(['a', 'b', 'pushed']);
  });

  it('refuses a frame over the limit as soon as its header is there, after the frames before it', () => {
    const stream = Buffer.concat([framed('good', 'x'.repeat(max)), Buffer.from([0, 0, 1, 45])]);
    for (const places of [[], [stream.length - 1], [stream.length - 4], [3, 9, stream.length - 2]]) {
      const { frames, splitter } = collector();
      expect(() => cutAt(stream, places).forEach((chunk) => splitter.push(chunk)))
        .to.throw(OversizedFrameError)
        .that.includes({ announced: max + 1, max });
      expect(frames).to.deep.equal(['good', 'x'.repeat(max)]);
    }
  });

  it('does not take a length with the highest bit for a negative one', () => {
    const { splitter } = collector();
    expect(() => splitter.push(Buffer.from([255, 255, 255, 255])))
      .to.throw(OversizedFrameError)
      .with.property('announced', 0xffff_ffff);
  });

  for (const length of [-1, NaN, Infinity]) {
    it(`refuses a length of ${length} from a format of the application's own`, () => {
      const { splitter } = collector({ headerLength: 1, payloadLength: () => length, payloadBytesMax: max });
      expect(() => splitter.push(Buffer.alloc(1))).to.throw(OversizedFrameError);
    });
  }

  for (const headerLength of [1, 2, 3, 8]) {
    it(`cuts frames with a header of ${headerLength} bytes at every place`, () => {
      const format: FrameFormat = {
        headerLength,
        payloadLength: (chunk, start) => chunk[start + headerLength - 1]!,
        payloadBytesMax: max,
      };
      const header = (size: number) => Buffer.alloc(headerLength).fill(size, headerLength - 1);
      const stream = Buffer.concat([header(3), Buffer.from('abc'), header(0), header(2), Buffer.from('de')]);
      for (let at = 0; at <= stream.length; at++) {
        const { frames, splitter } = collector(format);
        for (const chunk of cutAt(stream, [at])) splitter.push(chunk);
        expect(frames).to.deep.equal(['abc', '', 'de']);
      }
    });
  }

  it('hands on whole frames in place, without a copy', () => {
    const chunk = framed('abc');
    new FrameSplitter(u32Frames(max), (given) => expect(given).to.equal(chunk)).push(chunk);
  });
});
