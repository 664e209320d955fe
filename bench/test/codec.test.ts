import { expect } from 'chai';
import { batchOf, codecs, measureCodec } from '../codec.js';

describe('the benchmark of codecs', () => {
  const messages = batchOf(50);
  const sum = messages.reduce((total, { value }) => total + value, 0);

  for (const [name, make] of Object.entries(codecs)) {
    it(`has all messages of a batch read as they were written: ${name}`, () => {
      const codec = make();
      // The second batch is read by itself as the first one is.
      codec.write(messages);
      expect(codec.read(codec.write(messages))).to.deep.equal([50, sum]);
      expect(make().read(codec.write(messages))).to.deep.equal([50, sum]);
    });
  }

  it('tells what a message costs', () => {
    const { writeNs, readNs, bytes } = measureCodec('this codec', 20);
    expect(writeNs).to.be.at.least(0);
    expect(readNs).to.be.at.least(0);
    expect(bytes).to.be.within(10, 100);
  });
});
