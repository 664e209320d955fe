import { expect } from 'chai';
import { eventually } from '../support/changes.js';
import { endClusters, type Member } from '../support/cluster.js';
import { endSequences, SequenceCluster } from '../support/sequence-cluster.js';

/** Workers of a running cluster with all its load, in every state that a crash could find them in. */
describe('no message is lost and none counted twice', function () {
  this.timeout(180_000);
  afterEach(async () => {
    await endClusters();
    await endSequences();
  });

  const killAll = (members: readonly Member[]) => Promise.all(members.map((member) => member.kill()));
  const launchAll = (members: readonly Member[]) => members.forEach((member) => member.launch());
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const saysAgain = (member: Member, text: string) => {
    const before = member.textsWith(text).length;
    return eventually(() => member.textsWith(text).length > before, `${member.name} to say ${text}`);
  };

  for (const [what, victims] of [
    ['a worker is killed', [1]],
    ['the coordinator is killed', [0]],
    ['the coordinator and a worker are killed', [0, 2]],
    ['all are killed', [0, 1, 2]],
  ] as const) {
    it(`when ${what}, again and again, while one checkpoint follows the other`, async () => {
      const load = await SequenceCluster.start({ checkpoints: 1_000_000 });
      const members = victims.map((victim) => load.members[victim]!);
      for (let round = 0; round < 3; round++) {
        await load.flows();
        await pause(37 * round);
        await killAll(members);
        launchAll(members);
        await load.settled();
      }
      await load.finish();
    });
  }

  describe('when it is killed during a recovery', () => {
    for (const [moment, victim] of [
      ['Attempting to recover...', 'the same worker'],
      ['RESILIENCE: Rolled back', 'the same worker'],
      ['Recovery COMPLETE', 'the same worker'],
      ['INIT PHASE II', 'the coordinator'],
      ['RESILIENCE: Rolled back', 'the coordinator'],
      ['RESILIENCE: Rolled back', 'a bystander'],
    ] as const) {
      it(`${victim}, when the first one says ${moment}`, async () => {
        const load = await SequenceCluster.start();
        const [initializer, w2, w3] = load.members as [Member, Member, Member];
        const second = { 'the same worker': w2, 'the coordinator': initializer, 'a bystander': w3 }[victim];
        await load.flows();
        await w2.kill();
        w2.launch();
        await w2.waitFor(new RegExp(moment));
        await second.kill();
        second.launch();
        await load.settled();
        await load.finish();
      });
    }
  });

  describe('when it is killed during a join', () => {
    for (const [moment, victim] of [
      [/Worker w4 attempting to join/, 'the joiner'],
      [/Worker w4 attempting to join/, 'the coordinator'],
      [/slots are to move/, 'the joiner'],
      [/slots are to move/, 'the coordinator'],
      [/slots are to move/, 'everybody'],
    ] as const) {
      it(`${victim}, when the coordinator says ${moment.source}`, async () => {
        const load = await SequenceCluster.start();
        const [initializer] = load.members as [Member];
        await load.flows();
        const [w4] = load.join('w4') as [Member];
        await initializer.waitFor(moment);
        const victims = {
          'the joiner': [w4],
          'the coordinator': [initializer],
          everybody: load.members,
        }[victim];
        await killAll(victims);
        launchAll(victims);
        await load.settled();
        await load.flows();
        await load.finish();
      });
    }
  });

  describe('when it is killed during a shrink', () => {
    for (const victim of ['the leaver', 'the coordinator', 'everybody'] as const) {
      it(`${victim}, while slots leave`, async () => {
        const load = await SequenceCluster.start();
        const [initializer] = load.members as [Member];
        const [w4] = load.join('w4') as [Member];
        await load.settled();
        await load.flows();
        const moves = saysAgain(initializer, 'slots are to move');
        await load.shrink(w4);
        await moves;
        const victims = {
          'the leaver': [w4],
          'the coordinator': [initializer],
          everybody: load.members,
        }[victim];
        await killAll(victims);
        launchAll(victims);
        const { code, stdout, stderr } = await w4.finished();
        expect([code, stderr], stdout).to.deep.equal([0, '']);
        load.gone(w4);
        await load.finish();
      });
    }
  });
});
