import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { expect } from 'chai';
import { SharedOutput } from '../../src/data-receiver/shared-output.js';

class Input extends EventEmitter {
  readonly calls: string[] = [];
  pause(): void {
    this.calls.push('pause');
  }
  resume(): void {
    this.calls.push('resume');
  }
}

/** An output that is done with a piece when the test says so. */
function slowOutput() {
  const waiting: (() => void)[] = [];
  const written: string[] = [];
  const stream = new Writable({
    highWaterMark: 4,
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      waiting.push(done);
    },
  });
  const next = async () => {
    waiting.shift()!();
    await new Promise(setImmediate);
  };
  return { output: new SharedOutput(stream), written, next };
}

describe('an output shared by connections', () => {
  it('pauses all of them while it is full, and only once', async () => {
    const { output, written, next } = slowOutput();
    const [first, second] = [new Input(), new Input()];
    output.add(first as unknown as Socket);
    output.add(second as unknown as Socket);
    output.write(Buffer.from('ab'));
    expect([output.isHeld, first.calls]).to.deep.equal([false, []]);
    output.write(Buffer.from('cdef'));
    output.write(Buffer.from('gh'));
    expect([output.isHeld, first.calls, second.calls]).to.deep.equal([true, ['pause'], ['pause']]);
    await next();
    await next();
    expect(first.calls).to.deep.equal(['pause']);
    await next();
    expect([output.isHeld, first.calls, second.calls]).to.deep.equal([
      false,
      ['pause', 'resume'],
      ['pause', 'resume'],
    ]);
    expect(written).to.deep.equal(['ab', 'cdef', 'gh']);
  });

  it('pauses a connection that comes while it is full, and forgets one that has gone', async () => {
    const { output, next } = slowOutput();
    const [early, late] = [new Input(), new Input()];
    output.add(early as unknown as Socket);
    output.write(Buffer.from('abcd'));
    output.add(late as unknown as Socket);
    early.emit('close');
    await next();
    expect([early.calls, late.calls]).to.deep.equal([['pause'], ['pause', 'resume']]);
  });

  it('flushes when everything before has been written', async () => {
    const { output, next } = slowOutput();
    let flushed = false;
    output.write(Buffer.from('abcd'));
    void output.flush().then(() => (flushed = true));
    await new Promise(setImmediate);
    expect(flushed).to.equal(false);
    await next();
    await next();
    expect(flushed).to.equal(true);
  });
});
