import { expect } from 'chai';
import { makes } from '../cluster/programs.js';
import { roundTrips } from '../cluster/round-trip.js';
import { runRound } from '../cluster/round.js';
import { simulatedTraffic } from '../cluster/simulated.js';
import { keysOf, ownerOf } from '../workloads/cluster-readings.js';

describe('the benchmark of clusters', () => {
  it('gives each worker the keys that its case asks for', () => {
    expect(keysOf('all', 0)).to.deep.equal(keysOf('all', 1));
    expect([...keysOf('own', 0), ...keysOf('other', 0)]).to.have.members(keysOf('all', 0));
    expect(keysOf('own', 1).every((key) => ownerOf(key) === 1)).to.equal(true);
    expect(keysOf('other', 1)).to.deep.equal(keysOf('own', 0));
  });

  it('counts every message once, where its key belongs, in turns', async function () {
    this.timeout(120_000);
    const result = await runRound({ names: ['local', 'half'], warmUpSeconds: 0.6, seconds: 0.4 });
    for (const make of makes) {
      const { local, half } = result[make];
      expect(local!.crossing).to.equal(0);
      expect(half!.crossing).to.be.within(0.2, 0.8);
      expect(half!.nsPerMessage).to.be.greaterThan(0);
    }
  });

  it('gets an answer to every question through two processes', async function () {
    this.timeout(120_000);
    const trips = await roundTrips({ questions: 20, warmUp: 5 });
    for (const make of makes) {
      expect(trips[make].us).to.have.lengthOf(20);
      expect(Math.min(...trips[make].us)).to.be.greaterThan(0);
    }
  });

  it('counts what simulated clusters say', async function () {
    this.timeout(120_000);
    expect(await simulatedTraffic([2])).to.match(/simulator is missing|\| 2 \|/);
  });
});
