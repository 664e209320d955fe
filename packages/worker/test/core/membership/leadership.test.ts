import { expect } from 'chai';
import { InvariantError } from '../../../src/core/invariant.js';
import { ClusterLog } from '../../../src/core/membership/cluster-log.js';
import { Leadership, type LeaderHost } from '../../../src/core/membership/leadership.js';
import type { ControlMessage } from '../../../src/core/membership/messages.js';
import { records, type ControlRecord } from '../../../src/core/membership/records.js';
import { epochOf, memberNamed } from '../support/members.js';

/** The worker `a` with a disk and a network that a test holds in its hands. */
class Host implements LeaderHost {
  readonly name = 'a';
  readonly log: ClusterLog;
  commitsWithoutAll = false;
  readonly resilience = false;
  /** What was sent since it was last looked at, as `to: type epoch/index`. */
  private sent: string[] = [];
  readonly messages: ControlMessage[] = [];
  private disk: (() => void)[] = [];
  readonly begun: number[] = [];
  readonly leadership: Leadership;

  constructor(entries: readonly ControlRecord[] = []) {
    this.log = new ClusterLog(entries.map((record) => records.encode(record)));
    this.leadership = new Leadership(this, (epoch) => this.begun.push(epoch));
    this.leadership.heardOf(this.log.state.epoch);
  }

  store(index: number, entry: Buffer, then: () => void): void {
    this.log.put(index, entry);
    this.disk.push(then);
  }

  send(member: string, message: ControlMessage): void {
    this.messages.push(message);
    const at =
      'index' in message
        ? ` ${message.epoch}/${message.index}`
        : 'epoch' in message
          ? ` ${message.epoch}`
          : '';
    this.sent.push(`${member}: ${message.type}${at}`);
  }

  /** The disk has written all it was given. */
  written(): void {
    for (const then of this.disk.splice(0)) then();
  }

  /** What was sent since this was asked last. */
  get news(): string[] {
    return this.sent.splice(0);
  }
}

const names = ['a', 'b', 'c'];
const lives = names.map((name) => memberNamed(name));
const bytes = (...all: ControlRecord[]) => all.map((record) => records.encode(record));
const join = (name: string): ControlRecord => ({ type: 'join', members: [memberNamed(name)] });

/** A leader whose first epoch runs. */
function leading(): Host {
  const host = new Host();
  host.leadership.found(epochOf(names));
  host.written();
  host.log.commit(0);
  for (const name of ['b', 'c']) host.leadership.stored(name, 1, 0);
  for (const name of names) host.leadership.ready(name, 1);
  void host.news;
  return host;
}

describe('the leader', () => {
  it('forms a cluster: on its own disk first, then on all, then ready, then resume', () => {
    const host = new Host();
    const { leadership } = host;
    leadership.found(epochOf(names));
    expect([leadership.stage, host.news]).to.deep.equal(['appending', []]);
    host.written();
    expect(host.news).to.deep.equal(['b: append 1/0', 'c: append 1/0']);
    leadership.stored('b', 1, 0);
    leadership.stored('b', 1, 0);
    expect(host.news).to.deep.equal([]);
    leadership.stored('c', 1, 0);
    expect([leadership.stage, host.news]).to.deep.equal([
      'preparing',
      ['a: commit 1/0', 'b: commit 1/0', 'c: commit 1/0'],
    ]);
    leadership.ready('a', 1);
    leadership.ready('b', 1);
    leadership.ready('b', 1);
    expect([leadership.stage, host.begun]).to.deep.equal(['preparing', []]);
    leadership.ready('c', 1);
    expect([leadership.stage, host.begun, host.news]).to.deep.equal([
      'leading',
      [1],
      ['a: resume 1', 'b: resume 1', 'c: resume 1'],
    ]);
  });

  it('forms a cluster of itself alone', () => {
    const host = new Host();
    host.leadership.found(epochOf(['a']));
    host.written();
    host.leadership.ready('a', 1);
    expect([host.leadership.stage, host.news]).to.deep.equal(['leading', ['a: commit 1/0', 'a: resume 1']]);
  });

  it('gathers once for the same lives, and begins anew with a higher epoch for others', () => {
    const host = new Host([epochOf(names, 4)]);
    host.leadership.review(lives);
    expect(host.news).to.deep.equal(['a: gather 5', 'b: gather 5', 'c: gather 5']);
    host.leadership.review(lives);
    expect(host.news).to.deep.equal([]);
    const again = [lives[0]!, memberNamed('b', 2), lives[2]!];
    host.leadership.review(again);
    expect(host.news).to.deep.equal(['a: gather 6', 'b: gather 6', 'c: gather 6']);
  });

  it('goes on from the log that says most, with members as they live now', () => {
    const host = new Host([epochOf(names, 4)]);
    const now = [lives[0]!, memberNamed('b', 2), lives[2]!];
    host.leadership.review(now);
    host.leadership.promised('a', 5, bytes(epochOf(names, 4)));
    host.leadership.promised('b', 5, bytes(epochOf(names, 4), { type: 'leave', names: ['c'], drain: false }));
    expect(host.leadership.stage).to.equal('gathering');
    host.leadership.promised('c', 5, bytes(epochOf(names, 3), join('lost'), join('gone')));
    expect(host.leadership.stage).to.equal('appending');
    expect(host.log.state.epoch).to.equal(5);
    expect(host.log.state.leaving).to.deep.equal(['c']);
    expect(host.log.state.members.map(({ incarnation }) => incarnation)).to.deep.equal([1, 2, 1]);
  });

  it('drops a member that owns no slots and is not there', () => {
    const host = new Host([epochOf(names, 4), join('d')]);
    host.leadership.review(lives);
    for (const name of names) host.leadership.promised(name, 5, bytes(epochOf(names, 4), join('d')));
    expect(host.log.state.members.map(({ name }) => name)).to.deep.equal(names);
  });

  it('heeds no promise of a stranger, or of another epoch', () => {
    const host = new Host([epochOf(names, 4)]);
    host.leadership.review(lives);
    const log = bytes(epochOf(names, 4));
    for (const name of ['a', 'b', 'stranger']) host.leadership.promised(name, 5, log);
    host.leadership.promised('c', 4, log);
    expect(host.leadership.stage).to.equal('gathering');
    host.leadership.promised('c', 5, log);
    expect(host.leadership.stage).to.equal('appending');
  });

  it('tries a higher epoch when it is fenced', () => {
    const host = new Host([epochOf(names, 4)]);
    host.leadership.review(lives);
    host.leadership.fenced(8);
    expect(host.leadership.stage).to.equal('idle');
    void host.news;
    host.leadership.review(lives);
    expect(host.news[0]).to.equal('a: gather 9');
  });

  it('tries a higher epoch when its first record is fenced: a member has promised more to its former life', () => {
    const host = new Host();
    host.leadership.found(epochOf(names));
    host.written();
    host.leadership.fenced(1);
    expect(host.leadership.stage, 'that is its own').to.equal('appending');
    host.leadership.fenced(2);
    expect(host.leadership.stage).to.equal('idle');
    void host.news;
    host.leadership.review(lives);
    expect(host.news[0]).to.equal('a: gather 3');
  });

  it('is not fenced by an epoch below the one that it gathers for', () => {
    const host = new Host([epochOf(names, 4)]);
    host.leadership.review(lives);
    host.leadership.fenced(4);
    expect(host.leadership.stage).to.equal('gathering');
  });

  it('begins anew when a member starts again in the middle, whatever was under way', () => {
    for (const until of ['gathering', 'storing', 'appending', 'preparing', 'leading'] as const) {
      const host = new Host([epochOf(names, 4)]);
      const { leadership } = host;
      const log = bytes(epochOf(names, 4));
      leadership.review(lives);
      if (until !== 'gathering') for (const name of names) leadership.promised(name, 5, log);
      if (until !== 'gathering' && until !== 'storing') host.written();
      if (until === 'preparing' || until === 'leading')
        for (const name of names) leadership.stored(name, 5, 0);
      if (until === 'leading') for (const name of names) leadership.ready(name, 5);
      expect(leadership.stage).to.equal(until === 'storing' ? 'appending' : until);
      void host.news;
      const now = [lives[0]!, memberNamed('b', 2), lives[2]!];
      leadership.review(now);
      expect(host.news, until).to.deep.equal(['a: gather 6', 'b: gather 6', 'c: gather 6']);
      // What comes late of the former attempt changes nothing.
      host.written();
      for (const name of names) {
        leadership.promised(name, 5, log);
        leadership.stored(name, 5, 0);
        leadership.ready(name, 5);
      }
      expect([leadership.stage, host.news], until).to.deep.equal(['gathering', []]);
    }
  });

  it('proposes a record to all, and puts it into effect when it is on every disk', () => {
    const host = leading();
    host.leadership.propose({ type: 'leave', names: ['c'], drain: true });
    expect([host.leadership.stage, host.news]).to.deep.equal(['appending', []]);
    host.written();
    expect(host.news).to.deep.equal(['b: append 1/1', 'c: append 1/1']);
    host.leadership.stored('b', 1, 0);
    host.leadership.stored('b', 1, 1);
    expect(host.news).to.deep.equal([]);
    host.leadership.stored('c', 1, 1);
    expect([host.leadership.stage, host.news]).to.deep.equal([
      'leading',
      ['a: commit 1/1', 'b: commit 1/1', 'c: commit 1/1'],
    ]);
  });

  it('proposes one record at a time', () => {
    const host = leading();
    host.leadership.propose(join('d'));
    expect(() => host.leadership.propose(join('e'))).to.throw(InvariantError, 'one at a time');
    expect(() => new Host().leadership.propose(join('d'))).to.throw(InvariantError);
  });

  it('gives joiners the whole log, and waits for them as for all others from then on', () => {
    const host = leading();
    host.leadership.propose(join('d'));
    host.written();
    expect(host.news).to.deep.equal(['b: append 1/1', 'c: append 1/1', 'd: install 1/1']);
    const install = host.messages.find(({ type }) => type === 'install');
    expect(install?.type === 'install' && install.records).to.deep.equal(host.log.bytes);
    for (const name of ['b', 'c']) host.leadership.stored(name, 1, 1);
    expect(host.leadership.stage).to.equal('appending');
    host.leadership.stored('d', 1, 1);
    expect(host.leadership.stage).to.equal('leading');
    void host.news;
    host.leadership.propose({ type: 'leave', names: ['d'], drain: false });
    host.written();
    expect(host.news).to.deep.equal(['b: append 1/2', 'c: append 1/2', 'd: append 1/2']);
    expect(() => host.leadership.review([...lives, memberNamed('d')])).not.to.throw();
    expect(host.leadership.stage).to.equal('appending');
  });

  it('sends nothing more to members that it has released', () => {
    const host = leading();
    host.leadership.release(['c']);
    host.leadership.propose({ type: 'leave', names: ['b'], drain: false });
    host.written();
    expect(host.news).to.deep.equal(['b: append 1/1']);
    host.leadership.stored('b', 1, 1);
    expect(host.news).to.deep.equal(['a: commit 1/1', 'b: commit 1/1']);
  });

  it('goes on where the leader before it stood, and tells what is in effect once more', () => {
    const host = new Host([epochOf(names, 4)]);
    host.log.commit(0);
    host.leadership.inherit(4, lives);
    host.leadership.review(lives);
    expect(host.leadership.stage).to.equal('leading');
    expect(host.news).to.deep.equal(['b: commit 4/0', 'c: commit 4/0']);
    host.leadership.propose(join('d'));
    host.written();
    expect(host.news).to.deep.equal(['b: append 4/1', 'c: append 4/1', 'd: install 4/1']);
  });

  it('does nothing with what comes after it has resigned', () => {
    const host = leading();
    host.leadership.propose(join('d'));
    host.leadership.resign();
    host.written();
    for (const name of ['a', 'b', 'c', 'd']) host.leadership.stored(name, 1, 1);
    expect([host.leadership.stage, host.news]).to.deep.equal(['idle', []]);
  });
});
