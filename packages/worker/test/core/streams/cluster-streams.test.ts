import { nothingSeen } from '@wallaroo/protocol';
import { expect } from 'chai';
import { ClusterStreams, type StreamMessage } from '../../../src/core/streams/cluster-streams.js';
import { withPositions, type StreamPositions } from '../../../src/core/streams/stream-position.js';

type Letter = readonly [from: string, to: string, message: StreamMessage];

/** Members whose messages come when the test lets them, in the order of each pair. */
class Cluster {
  epoch = 0;
  leader = 'a';
  members: string[] = [];
  positions: StreamPositions = new Map();
  private readonly all = new Map<string, ClusterStreams>();
  private letters: Letter[] = [];

  constructor(
    names: readonly string[],
    private readonly resilience = true,
  ) {
    this.members = [...names];
    for (const name of names) this.add(name);
    this.begin();
  }

  add(name: string): void {
    const streams = new ClusterStreams({
      name,
      resilience: this.resilience,
      epoch: () => this.epoch,
      leader: () => this.leader,
      members: () => this.members,
      positions: () => this.positions,
      send: (to, message) => void this.letters.push([name, to, message as StreamMessage]),
    });
    this.all.set(name, streams);
  }

  at(name: string): ClusterStreams {
    return this.all.get(name)!;
  }

  begin(leader = this.leader): void {
    this.epoch++;
    this.leader = leader;
    for (const name of this.members) this.at(name).epochBegan();
  }

  deliver(which: (letter: Letter) => boolean = () => true): void {
    for (;;) {
      const next = this.letters.find(which);
      if (next === undefined) return;
      this.letters.splice(this.letters.indexOf(next), 1);
      const [from, to, message] = next;
      if (this.members.includes(to)) this.at(to).handle(from, message);
    }
  }

  /** What comes of a claim, once it is answered. */
  claim(member: string, stream = 1n, source = 's'): (bigint | 'refused')[] {
    const answers: (bigint | 'refused')[] = [];
    this.at(member).claim({ source, stream }, (position) => answers.push(position ?? 'refused'));
    return answers;
  }

  release(member: string, position: bigint, stream = 1n, source = 's'): void {
    this.at(member).release({ source, stream, position });
  }

  checkpoint(position: bigint, stream = 1n, source = 's'): void {
    this.positions = withPositions(this.positions, [{ source, stream, position }]);
  }

  leave(name: string): void {
    const former = this.leader;
    this.members = this.members.filter((member) => member !== name);
    if (former === name) this.leader = this.members[0]!;
    for (const member of this.members) this.at(member).membersLeft([name], former);
  }
}

describe('the streams of a cluster', () => {
  it('are at one member at a time', () => {
    const cluster = new Cluster(['a', 'b', 'c']);
    const [first, second, other, otherSource] = [
      cluster.claim('b'),
      cluster.claim('c'),
      cluster.claim('c', 2n),
      cluster.claim('c', 1n, 't'),
    ];
    cluster.deliver();
    expect([first, second]).to.deep.equal([[nothingSeen], ['refused']]);
    expect([other, otherSource]).to.deep.equal([[nothingSeen], [nothingSeen]]);
  });

  it('are asked for once at a time by a member', () => {
    const cluster = new Cluster(['a', 'b']);
    const [first, second] = [cluster.claim('b'), cluster.claim('b')];
    expect(second).to.deep.equal(['refused']);
    cluster.deliver();
    expect(first).to.deep.equal([nothingSeen]);
  });

  it('go on at another member when they were released, behind the newest checkpoint', () => {
    const cluster = new Cluster(['a', 'b', 'c']);
    cluster.claim('b');
    cluster.deliver();
    cluster.checkpoint(7n);
    cluster.release('b', 7n);
    cluster.deliver();
    const again = cluster.claim('c');
    cluster.deliver();
    expect(again).to.deep.equal([7n]);
  });

  it('go on behind what was released, without resilience', () => {
    const cluster = new Cluster(['a', 'b'], false);
    cluster.claim('b');
    cluster.deliver();
    cluster.release('b', 7n);
    const again = cluster.claim('a');
    cluster.deliver();
    expect(again).to.deep.equal([7n]);
  });

  it('are free when everything goes back; answers of before are void', () => {
    const cluster = new Cluster(['a', 'b', 'c']);
    cluster.claim('b');
    cluster.deliver();
    cluster.checkpoint(7n);
    const pending = cluster.claim('b', 2n);
    cluster.begin();
    const [at, elsewhere] = [cluster.claim('c'), cluster.claim('c', 2n)];
    cluster.deliver();
    expect([pending, at, elsewhere]).to.deep.equal([[], [7n], [nothingSeen]]);
  });

  it('stay where they are in a new epoch without resilience, and claims are repeated', () => {
    const cluster = new Cluster(['a', 'b', 'c'], false);
    cluster.claim('b');
    cluster.deliver();
    const pending = cluster.claim('b', 2n);
    cluster.begin();
    const refused = cluster.claim('c');
    cluster.deliver();
    expect([pending, refused]).to.deep.equal([[nothingSeen], ['refused']]);
  });

  it('are granted when all have said what they hold, not earlier', () => {
    const cluster = new Cluster(['a', 'b', 'c'], false);
    cluster.deliver();
    cluster.claim('b');
    cluster.deliver();
    cluster.begin('c');
    const early = cluster.claim('c');
    cluster.deliver(([from]) => from !== 'b');
    expect(early).to.deep.equal([]);
    cluster.deliver();
    expect(early).to.deep.equal(['refused']);
  });

  it('are free when their member has left', () => {
    const cluster = new Cluster(['a', 'b', 'c']);
    cluster.claim('c');
    cluster.deliver();
    cluster.checkpoint(3n);
    cluster.leave('c');
    const again = cluster.claim('b');
    cluster.deliver();
    expect(again).to.deep.equal([3n]);
  });

  it('are known to the next leader when the first one leaves', () => {
    const cluster = new Cluster(['a', 'b', 'c']);
    cluster.claim('c');
    cluster.deliver();
    const onItsWay = cluster.claim('c', 2n);
    cluster.leave('a');
    // The word of c comes before the new leader knows that it is one, or much later.
    const refused = cluster.claim('b');
    const granted = cluster.claim('b', 3n);
    cluster.deliver(([from]) => from === 'b');
    expect([refused, granted]).to.deep.equal([[], []]);
    cluster.deliver();
    expect([refused, granted, onItsWay]).to.deep.equal([['refused'], [nothingSeen], [nothingSeen]]);
  });

  it('are granted to new members, which hold nothing', () => {
    const cluster = new Cluster(['a', 'b']);
    cluster.deliver();
    cluster.add('d');
    cluster.members.push('d');
    for (const name of ['a', 'b']) cluster.at(name).membersJoined(['d']);
    const [old] = [cluster.claim('b')];
    cluster.deliver();
    expect(old).to.deep.equal([nothingSeen]);
    cluster.at('d').epochBegan();
    const [own, taken] = [cluster.claim('d', 2n), cluster.claim('d')];
    cluster.deliver();
    expect([own, taken]).to.deep.equal([[nothingSeen], ['refused']]);
  });

  it('are refused by a member that does not lead', () => {
    const cluster = new Cluster(['a', 'b']);
    cluster.deliver();
    const answers = cluster.claim('a');
    cluster.at('b').handle('a', { type: 'claimStream', epoch: 1, source: 's', stream: 9n });
    cluster.at('b').handle('a', { type: 'streamReleased', epoch: 1, source: 's', stream: 1n, position: 3n });
    cluster.deliver();
    expect(answers).to.deep.equal([nothingSeen]);
  });
});
