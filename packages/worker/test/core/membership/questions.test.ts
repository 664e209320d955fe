import { expect } from 'chai';
import type { ShrinkReply } from '../../../src/core/membership/cluster-leader.js';
import type { Parts } from '../../../src/core/membership/member/parts.js';
import { Questions } from '../../../src/core/membership/member/questions.js';
import type { ControlMessage } from '../../../src/core/membership/messages.js';

/** Questions of `w2`, in a cluster that `w1` leads. */
class Asked {
  now = 5e9;
  away = false;
  readonly sent: [to: string, message: ControlMessage][] = [];
  readonly replies: ShrinkReply[] = [];
  readonly questions: Questions;

  constructor(epoch = 1) {
    const parts: unknown = {
      ports: { clock: { now: () => this.now } },
      standing: { name: 'w2', view: { epoch, members: [{ name: 'w1' }, { name: 'w2' }] } },
      mesh: { isAway: (name: string) => name === 'w1' && this.away },
      post: { send: (to: string, message: ControlMessage) => this.sent.push([to, message]) },
    };
    this.questions = new Questions(parts as Parts);
  }

  shrink(query: boolean): void {
    const wish = { query, names: ['w2'], count: 0, drain: false };
    this.questions.shrink(wish, (reply) => this.replies.push(reply));
  }

  tickAfter(ns: number): void {
    this.now += ns;
    this.questions.tick(this.now);
  }

  get texts(): string[] {
    return this.replies.map(({ text }) => text);
  }
}

const silent = 'w1, which leads the cluster, does not answer.';
const unclear = `${silent} The status of the cluster shows whether workers leave.`;

describe('shrinks that an operator asks for', () => {
  it('go to the leader, whose answer counts', () => {
    const asked = new Asked();
    asked.shrink(false);
    const [[to, message]] = asked.sent as [[string, Extract<ControlMessage, { type: 'shrink' }>]];
    expect([to, message.type, message.names]).to.deep.equal(['w1', 'shrink', ['w2']]);
    asked.questions.shrinkAnswered(message.id, { text: 'Shrinking by 1 workers!', names: [] });
    asked.tickAfter(9e9);
    expect(asked.texts).to.deep.equal(['Shrinking by 1 workers!']);
  });

  it('are not sent to a leader that is away', () => {
    const asked = new Asked();
    asked.away = true;
    for (const query of [false, true]) asked.shrink(query);
    const text = 'w1, which leads the cluster, is unreachable. Nothing was changed.';
    expect([asked.texts, asked.sent]).to.deep.equal([[text, text], []]);
  });

  it('are answered after two seconds when the leader does not, and only once', () => {
    const asked = new Asked();
    asked.shrink(false);
    asked.shrink(true);
    asked.tickAfter(1.9e9);
    expect(asked.texts).to.deep.equal([]);
    asked.tickAfter(0.1e9);
    expect(asked.texts).to.deep.equal([unclear, silent]);
    for (const [, message] of asked.sent)
      if ('id' in message) asked.questions.shrinkAnswered(message.id, { text: 'late', names: [] });
    asked.tickAfter(9e9);
    expect(asked.texts).to.deep.equal([unclear, silent]);
  });

  it('are answered as soon as the leader is known to be away', () => {
    const asked = new Asked();
    asked.shrink(true);
    asked.away = true;
    asked.tickAfter(0.1e9);
    expect(asked.texts).to.deep.equal([silent]);
  });

  it('find nobody that could decide before the cluster has started', () => {
    const asked = new Asked(0);
    asked.shrink(true);
    expect(asked.texts).to.deep.equal(['The cluster has not started yet.']);
  });
});
