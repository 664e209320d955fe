import { expect } from 'chai';
import { encodeTotal, encodeVote } from '../workloads/alphabet.js';
import { workloadNamed } from '../workloads/catalogue.js';
import { encodeOrder, encodeQuote, encodeRejection } from '../workloads/market-messages.js';
import { lastOutputs, outputsAfter, stepsInCycle, workloadNames } from '../workloads/workload.js';

const order = { side: 2, account: 1234, orderId: 'ORD001', symbol: 'AAPL', quantity: 100, price: 157.25 };

describe('the messages of the workloads', () => {
  const golden: [string, Buffer, string][] = [
    ['a vote', encodeVote('A', 5428), '000000054100001534'],
    ['a total', encodeTotal('A', 5428n), '00000009410000000000001534'],
    [
      'an order',
      encodeOrder(order),
      '000000350102000004d24f52443030314141504c40590000000000004063a8000000000032303136303930322d31353a34373a35322e303030',
    ],
    [
      'a quote',
      encodeQuote({ symbol: 'INSM', bid: 19.6505, offer: 19.7136 }),
      '0000002a02494e534d32303136303930322d31353a34373a35322e3030304033a6872b020c4a4033b6ae7d566cf4',
    ],
    [
      'a rejection',
      encodeRejection(order, { symbol: 'AAPL', bid: 157, offer: 157.5 }, 158283360000000),
      '0000003702000004d24f52443030314141504c40590000000000004063a800000000004063a000000000004063b0000000000000008ff537725800',
    ],
  ];
  for (const [what, bytes, hex] of golden) {
    it(`${what} has the bytes of the format`, () => {
      expect(bytes.toString('hex')).to.equal(hex);
    });
  }
});

for (const name of workloadNames) {
  describe(`the ${name} workload`, () => {
    const workload = workloadNamed(name);
    const cycle = stepsInCycle(workload);

    it('is the same each time it is built', () => {
      const again = workloadNamed(name);
      expect(again.streams).to.deep.equal(workload.streams);
    });

    it('says which step causes each output', () => {
      const reference = workload.newReference();
      const causes: number[] = [];
      for (let step = 0; step < cycle; step++) causes.push(...reference.apply(step).map(() => step));
      expect([...workload.causes]).to.deep.equal(causes);
    });

    it('gives the same last outputs when cycles are skipped at once', () => {
      const steps = 2 * cycle + Math.floor(cycle / 3);
      const reference = workload.newReference();
      const all: Buffer[] = [];
      for (let step = 0; step < steps; step++) all.push(...reference.apply(step % cycle));
      const last = lastOutputs(workload, steps);
      expect(all).to.have.lengthOf(outputsAfter(workload, steps));
      expect(last).to.deep.equal(all.slice(-last.length));
      expect(last.length).to.be.at.least(workload.causes.length);
    });
  });
}

it('the word-count text has the 482 words of the original', () => {
  expect(workloadNamed('word-count').causes).to.have.lengthOf(482);
});
