import { expect } from 'chai';
import { pacedRun } from '../harness/paced-run.js';
import { withRig } from '../harness/rig.js';
import { systemNamed } from '../harness/systems.js';
import { workloadNamed } from '../workloads/catalogue.js';
import { outputsAfter, workloadNames } from '../workloads/workload.js';

const steps = 20_123;

for (const name of workloadNames) {
  describe(`the ${name} baseline`, () => {
    const workload = workloadNamed(name);
    const system = systemNamed('baseline');

    it('gives the right outputs, whatever the cuts of the socket', () =>
      withRig({ workload, system }, async ({ generator, receiver }) => {
        expect((await generator.call('flood', { stepsMax: steps })).steps).to.equal(steps);
        expect(await receiver.call('verify', steps)).to.deep.equal([]);
      }));

    it('is found out when an input is missing', () =>
      withRig({ workload, system }, async ({ generator, receiver }) => {
        await generator.call('flood', { stepsMax: steps });
        const faults = await receiver.call('verify', steps - stepsOfOneOutput(name));
        expect(faults).to.have.lengthOf(1);
      }));
  });
}

it('a paced run measures each output after its warm-up', async () => {
  const workload = workloadNamed('alphabet');
  const { latency } = await pacedRun({
    workload,
    system: systemNamed('baseline'),
    rate: 10_000,
    seconds: 1,
    warmUpSeconds: 0.5,
  });
  expect(latency.samples).to.equal(10_000);
  expect(latency.p50).to.be.greaterThan(0);
  expect(latency.p999).to.be.at.least(latency.p50);
});

/** So many steps less, and the outputs are fewer by at least one. */
function stepsOfOneOutput(name: (typeof workloadNames)[number]): number {
  const workload = workloadNamed(name);
  let fewer = 1;
  while (outputsAfter(workload, steps - fewer) === outputsAfter(workload, steps)) fewer += 1;
  return fewer;
}
