import { expect } from 'chai';
import { planApplication } from '../../src/core/topology/planner.js';
import { application, source, type RunningSink, type SinkConfig } from '../../src/index.js';
import { LocalEnds } from '../../src/runtime/local-ends.js';

/** A sink whose votes a test gives. */
class Voter {
  vote!: { readonly yes: () => void; readonly no: (why: Error) => void };

  readonly running: RunningSink = {
    transactions: {
      prepare: () =>
        new Promise((yes, no) => {
          this.vote = { yes, no };
        }),
      commit: () => undefined,
      restore: () => undefined,
    },
    unsentBytes: 0,
    start: async () => undefined,
    write: () => true,
    stop: async () => undefined,
  };

  get config(): SinkConfig<string> {
    return { kind: 'voter', encoder: String, open: () => this.running };
  }
}

describe('the sinks of a worker', () => {
  it('are prepared when all are, and have failed to when one has and all have answered', async () => {
    const never = () => {
      throw new Error('nobody opens it');
    };
    const lines = source<string>('lines', { kind: 'none', open: never });
    const [one, other] = [new Voter(), new Voter()];
    const plan = planApplication(application('app', lines.toSinks([one.config, other.config])));
    const ends = new LocalEnds(
      plan,
      () => ({}) as never,
      () => ({}) as never,
      (work) => work(),
    );
    ends.openSinks();
    for (const [answers, outcome] of [
      [['yes', 'yes'], 'prepared'],
      [['no', 'yes'], 'no room'],
      [['no', 'no'], 'no room'],
    ] as const) {
      let told = '';
      const prepared = ends.prepare(1, 0).then(
        () => (told = 'prepared'),
        (error: Error) => (told = error.message),
      );
      for (const [i, sink] of [one, other].entries()) {
        await new Promise(setImmediate);
        expect(told, 'an answer is missing').to.equal('');
        if (answers[i] === 'yes') sink.vote.yes();
        else sink.vote.no(new Error('no room'));
      }
      await prepared;
      expect(told).to.equal(outcome);
    }
  });
});
