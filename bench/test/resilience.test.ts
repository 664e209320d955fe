import { expect } from 'chai';
import { measureLatency } from '../resilience/latency.js';
import { measureRecovery } from '../resilience/recovery.js';
import { measureThroughput } from '../resilience/throughput.js';
import { duel } from '../harness/duel.js';
import { resilientWorker } from '../harness/systems.js';
import { workloadNamed } from '../workloads/catalogue.js';

const keys = 2000;
const rate = 2000;

describe('the benchmark of resilience', function () {
  this.timeout(120_000);

  it('sees both workers process messages in their turns', async () => {
    const { plain, resilient } = await measureThroughput({ keys, seconds: 0.5, resilientFirst: true });
    for (const { perCpuSecond, perSecond } of [plain, resilient]) {
      expect(perCpuSecond).to.be.greaterThan(0);
      expect(perSecond).to.be.greaterThan(0);
    }
  });

  it('measures latency, stalls, and what each changed key takes in the log', async () => {
    const options = { keys, rate, seconds: 3, warmUpSeconds: 1 };
    const run = await measureLatency({ ...options, resilient: true });
    expect(run.kept).to.be.within(0.5, 1.5);
    expect(run.p50).to.be.at.most(run.p99);
    expect(run.stalls.longest).to.be.at.least(run.stalls.p999);
    expect(run.log!.bytesPerEntry).to.be.within(80, 200);
  });

  for (const workers of [1, 3]) {
    it(`sees a cluster of ${workers} come back with its state`, async () => {
      const run = await measureRecovery({ keys, rate, workers, seconds: 3 });
      expect(run.entries).to.be.at.least(keys);
      expect(run.seconds).to.be.greaterThan(run.rollbackSeconds);
    });
  }

  // All outputs of both are verified: the sink's once they are committed.
  for (const [candidate, baseline, workload] of [
    ['journaled', 'not journaled', 'alphabet'],
    ['connector source', 'journaled', 'alphabet'],
    ['two-phase sink', 'not journaled', 'word-count'],
  ] as const) {
    it(`compares a worker ${candidate} with one ${baseline}`, async () => {
      const result = await duel({
        workload: workloadNamed(workload),
        baseline: resilientWorker(baseline),
        candidate: resilientWorker(candidate),
        candidateFirst: false,
        seconds: 0.4,
        messages: 1000,
      });
      expect(result.baseline.messages).to.be.at.least(1000);
      expect(result.candidate.messages).to.be.at.least(1000);
      expect(result.candidate.perCpuSecond).to.be.greaterThan(0);
    });
  }
});
