import { expect } from 'chai';
import fc from 'fast-check';
import { OversizedFrameError } from '@wallaroo/protocol';
import {
  frameBytesMax,
  frameKind,
  greetingBytesMax,
  InvalidFrameError,
  makeFrame,
  sealFrame,
} from '../../../src/core/link/frame.js';
import { Inbound } from '../../../src/core/link/inbound.js';
import type { ConnectionId } from '../../../src/core/ports.js';

function listening() {
  const got: string[] = [];
  const inbound = new Inbound(-1 as ConnectionId, 'data', '10.0.0.7', 0, (frame) => {
    got.push(`${frame.number} ${frame.bytes.toString('latin1', frame.start, frame.end)}`);
  });
  return { got, inbound };
}

function frame(number: number, payload: string): Buffer {
  const bytes = makeFrame(frameKind.batch, Buffer.from(payload, 'latin1'));
  return sealFrame(bytes, { epoch: 1, from: 1, to: 1, route: 0, number });
}

function announced(bytes: number): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(bytes);
  return header;
}

describe('an accepted connection', () => {
  it('gives the same frames wherever the network cuts the bytes', () =>
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary-ascii', maxLength: 30 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 40 }),
        (payloads, cuts) => {
          const { got, inbound } = listening();
          let bytes = Buffer.concat(payloads.map((payload, i) => frame(i + 1, payload)));
          for (const cut of cuts) {
            inbound.push(Buffer.from(bytes.subarray(0, cut)));
            bytes = bytes.subarray(cut);
          }
          inbound.push(bytes);
          expect(got).to.deep.equal(payloads.map((payload, i) => `${i + 1} ${payload}`));
        },
      ),
    ));

  it('takes short frames only until its peer has said who it is', () => {
    const { inbound } = listening();
    expect(() => inbound.push(announced(greetingBytesMax + 1))).to.throw(OversizedFrameError);
    const known = listening().inbound;
    known.push(announced(greetingBytesMax));
    const greeted = listening().inbound;
    greeted.peer = 'w2';
    greeted.push(announced(frameBytesMax));
    const tooLong = listening().inbound;
    tooLong.peer = 'w2';
    expect(() => tooLong.push(announced(frameBytesMax + 1))).to.throw(OversizedFrameError);
  });

  it('takes long frames as soon as its peer has said who it is', () => {
    const long = 'x'.repeat(greetingBytesMax + 1);
    const { got, inbound } = listening();
    inbound.push(frame(0, 'hello'));
    inbound.peer = 'w2';
    inbound.push(frame(1, long));
    expect(got).to.deep.equal(['0 hello', `1 ${long}`]);
  });

  it('refuses bytes that are no frame, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 200 }), (bytes) => {
        const { got, inbound } = listening();
        try {
          inbound.push(Buffer.from(bytes));
          inbound.push(Buffer.alloc(greetingBytesMax + 4));
        } catch (error) {
          expect(error instanceof InvalidFrameError || error instanceof OversizedFrameError).to.equal(true);
        }
        expect(got).to.deep.equal([]);
      }),
    );
  });
});
