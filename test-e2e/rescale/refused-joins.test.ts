import { expect } from 'chai';
import { freePort } from '../support/client.js';
import { endClusters, RescaleCluster, type RescaleWorker } from '../support/rescale.js';

const taken = 'Proposed worker name is already reserved by the cluster.';
const seeTheLog = 'See the log of the cluster for what it is doing, and start this worker again';
/** An answer takes milliseconds; a process that waits for something waits longer than this. */
const atOnceMs = 2500;

describe('joins that are refused', () => {
  let cluster: RescaleCluster;
  let w2: RescaleWorker;

  before(async () => {
    cluster = await RescaleCluster.start();
    [w2] = (await cluster.grow(['w2'])) as [RescaleWorker];
  });

  afterEach(async () => {
    const status = await cluster.initializer.status();
    expect(status.worker_names).to.deep.equal(['initializer', 'w2']);
    expect(status.processing_messages).to.equal(true);
    await w2.status();
  });

  after(endClusters);

  /** The joiner ends with 1 and says why, on both outputs. */
  async function expectRefused(joiner: RescaleWorker, text: string): Promise<void> {
    const { code, stdout, stderr } = await joiner.process.finished();
    const [line, remedy] =
      text === taken
        ? [`Shutting down early: ${text}`, 'Give this worker another --name']
        : [`Join Error: ${text}`, seeTheLog];
    expect(joiner.textsWith(text), stdout).to.deep.equal([line]);
    expect(stderr, stdout).to.equal(`Error: Join Error: ${text.replace(/\.$/, '')}. ${remedy}\n`);
    expect(code, stderr).to.equal(1);
    expect(joiner.askedAgoMs, `${joiner.name} waited for its answer`).to.be.lessThan(atOnceMs);
  }

  it('of a name that a member has', async () => {
    await expectRefused(cluster.join('w2', { directory: cluster.otherDirectory() }), taken);
  });

  it('of the name of the worker that is asked', async () => {
    await expectRefused(cluster.join('w2', { contact: w2, directory: cluster.otherDirectory() }), taken);
  });

  it('of the name of the initializer', async () => {
    const { code, stderr } = await cluster.join('initializer', { contact: w2 }).process.finished();
    expect(stderr).to.include("'initializer' is the name of the worker with --cluster-initializer");
    expect(code).to.equal(1);
  });

  it('of nobody', async () => {
    const { code, stderr } = await cluster.join('w3', { count: 0 }).process.finished();
    expect(stderr).to.match(/worker.count must be (at least 1|greater than 0)/);
    expect(code).to.equal(1);
  });

  it('of another application', async () => {
    const { code, stdout, stderr } = await cluster
      .join('w3', { app: 'rescale-other', contact: w2 })
      .process.finished();
    expect(stdout).to.match(/^[\d.]+,Join Error: the applications of w2 and w3 differ: /m);
    expect(stderr, stdout).to.match(/^Error: Join Error: the applications of w2 and w3 differ: /);
    expect(code).to.equal(1);
  });

  it('of another number of workers, and by a worker that waits itself', async () => {
    const waiting = cluster.join('waits', { count: 2, contact: w2 });
    await cluster.initializer.waitFor(/Worker waits attempting to join the cluster/);
    await expectRefused(
      cluster.join('w3', { count: 3, contact: w2 }),
      'All joining workers must supply the same worker count. Current pending count is 2. You supplied 3.',
    );
    await expectRefused(
      cluster.join('w3', { contact: waiting }),
      'Contacted worker has not yet joined the cluster, cannot autoscale.',
    );
    await waiting.kill();
    await cluster.initializer.waitFor(/AUTOSCALE: waits has gone before it was let in\./);
    // The round is over: another one of that name may begin another round.
    const another = cluster.join('waits', { count: 3, contact: w2 });
    await cluster.initializer.waitFor(/(Worker waits attempting to join(.|\n)*){2}/);
    await expectRefused(
      cluster.join('w3', { contact: another }),
      'Contacted worker has not yet joined the cluster, cannot autoscale.',
    );
    await another.kill();
    await cluster.initializer.waitFor(/(waits has gone before it was let in(.|\n)*){2}/);
  });

  it('by nobody at the address, after some tries', async () => {
    const port = await freePort();
    const joiner = cluster.joinAt(port, 'w3', { args: ['--start-timeout', '2'] });
    const { code, stderr } = await joiner.process.finished();
    expect(stderr).to.include(`within 2 s: waited for a member of the cluster at 127.0.0.1:${port}`);
    expect(code).to.equal(1);
    expect(joiner.askedAgoMs).to.be.greaterThan(2000);
  });
});
