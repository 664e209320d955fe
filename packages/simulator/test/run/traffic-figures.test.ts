import { expect } from 'chai';
import { countTraffic } from '../../src/run/traffic-figures.js';

describe('the figures of traffic', () => {
  it('count what workers say to each other', () => {
    const [one, four] = [countTraffic(1), countTraffic(4)];
    expect(one.control).to.deep.equal({ frames: 0, bytes: 0 });
    expect(one.data).to.deep.equal({ frames: 0, bytes: 0 });
    expect(four.messages).to.equal(4 * 520);
    expect(four.controlFramesPerWorker).to.be.greaterThan(0);
    expect(four.dataBytesPerMessage).to.be.greaterThan(50);
  });
});
