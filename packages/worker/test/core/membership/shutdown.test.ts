import { expect } from 'chai';
import fc from 'fast-check';
import type { ControlMessage } from '../../../src/core/membership/messages.js';
import { Shutdown } from '../../../src/core/membership/shutdown.js';

type Drain = Extract<ControlMessage, { type: 'drain' }>;
type Report = Extract<ControlMessage, { type: 'drained' }>;

const patience = 1e9;

/** Members that pass frames on to each other, while a shutdown asks them how far they are. */
class Members {
  readonly names: readonly string[];
  /** Frames on their way, by from and to; each makes up to `left` more where it arrives. */
  readonly links: { readonly to: number; readonly left: number }[][][];
  readonly sent: number[];
  readonly processed: number[];
  readonly ended: boolean[];
  /** Those of which a last checkpoint has everything. */
  readonly settled: boolean[];
  /** The newest checkpoint that each has been cut for. */
  readonly cuts: number[];
  /** The epoch that each lives in. */
  readonly epochs: number[];
  readonly questions: Drain[][];
  readonly answers: { readonly from: string; readonly report: Report }[] = [];
  finished: ControlMessage[] = [];
  readonly shutdown: Shutdown;

  constructor(count: number, hasty = false) {
    this.names = Array.from({ length: count }, (_, i) => `w${i}`);
    this.links = this.names.map(() => this.names.map(() => []));
    this.sent = this.names.map(() => 0);
    this.processed = this.names.map(() => 0);
    this.ended = this.names.map(() => false);
    this.settled = this.names.map(() => true);
    this.cuts = this.names.map(() => 0);
    this.epochs = this.names.map(() => 1);
    this.questions = this.names.map(() => []);
    const send = (name: string, message: ControlMessage) => {
      if (message.type === 'drain') this.questions[this.names.indexOf(name)]!.push(message);
      else this.finished.push(message);
    };
    this.shutdown = new Shutdown(() => this.names, send, patience, hasty, 0);
  }

  get underWay(): number {
    return this.links.flat(2).length;
  }

  put(from: number, to: number, left: number): void {
    if (from === to) return;
    this.sent[from]!++;
    this.links[from]![to]!.push({ to, left });
  }

  /** A frame arrives, and may make another one. */
  arrive(from: number, to: number, next: number): void {
    const frame = this.links[from]![to]!.shift();
    if (frame === undefined) return;
    if (frame.left > 0) this.put(to, next, frame.left - 1);
    this.processed[to]!++;
  }

  answer(member: number): void {
    const question = this.questions[member]!.shift();
    if (question === undefined) return;
    const report: Report = {
      type: 'drained',
      round: question.round,
      epoch: this.epochs[member]!,
      sourcesEnded: this.ended[member]!,
      settled: this.settled[member]!,
      sent: this.sent[member]!,
      processed: this.processed[member]!,
      unsent: 0,
      cut: this.cuts[member]!,
    };
    this.answers.push({ from: this.names[member]!, report });
  }

  report(): void {
    const answer = this.answers.shift();
    if (answer !== undefined) this.shutdown.report(answer.from, answer.report);
  }
}

const member = fc.nat(2);
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('push' as const), from: member, to: member, left: fc.nat(3) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('arrive' as const), from: member, to: member, next: member }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), member }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('report' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tick' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end' as const), member }) },
);

describe('a clean shutdown', () => {
  it('finishes never while a message is under way, and always when none is any more', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
        const members = new Members(3);
        const check = () => {
          if (members.finished.length === 0) return;
          expect(members.underWay, 'messages under way').to.equal(0);
          expect(members.ended).to.deep.equal([true, true, true]);
        };
        const take = (one: (typeof steps)[number]) => {
          switch (one.do) {
            case 'push':
              // Only sources that have not ended make messages out of nothing.
              if (!members.ended[one.from]) members.put(one.from, one.to, one.left);
              return;
            case 'arrive':
              return members.arrive(one.from, one.to, one.next);
            case 'answer':
              return members.answer(one.member);
            case 'report':
              return members.report();
            case 'tick':
              return members.shutdown.tick(0, true);
            case 'end':
              members.ended[one.member] = true;
              return;
          }
        };
        for (const one of steps) {
          take(one);
          check();
        }
        members.ended.fill(true);
        for (let round = 0; round < 100 && members.finished.length === 0; round++) {
          for (const from of [0, 1, 2]) for (const to of [0, 1, 2]) members.arrive(from, to, (to + 1) % 3);
          for (const one of [0, 1, 2]) members.answer(one);
          while (members.answers.length > 0) members.report();
          members.shutdown.tick(0, true);
          check();
        }
        expect(members.finished).to.deep.equal(
          Array.from({ length: 3 }, () => ({ type: 'finish', complete: true, keepFiles: false })),
        );
      }),
      { numRuns: 400 },
    ));

  it('is not deceived by one round in which as many messages were processed as sent', () => {
    const members = new Members(2);
    members.ended.fill(true);
    members.put(0, 1, 1);
    members.shutdown.tick(0, true);
    members.answer(1);
    members.arrive(0, 1, 0);
    // Processed at w1, which has answered; the message that this made is on its way to w0.
    expect(members.underWay).to.equal(1);
    members.processed[0] = 1;
    members.answer(0);
    members.report();
    members.report();
    expect(members.finished).to.deep.equal([]);
  });

  it('asks again only when all have answered, and heeds no answer of another round', () => {
    const members = new Members(2);
    members.shutdown.tick(0, true);
    members.shutdown.tick(1, true);
    expect(members.questions.map((all) => all.length)).to.deep.equal([1, 1]);
    members.answer(0);
    members.answer(1);
    members.report();
    members.report();
    members.shutdown.tick(2, true);
    expect(members.questions.map((all) => all[0]!.round)).to.deep.equal([2, 2]);
    const ended = { epoch: 1, sourcesEnded: true, settled: true };
    const stale: Report = { type: 'drained', round: 1, ...ended, sent: 0, processed: 0, unsent: 0, cut: 0 };
    members.ended.fill(true);
    for (let i = 0; i < 4; i++) for (const name of members.names) members.shutdown.report(name, stale);
    expect(members.finished).to.deep.equal([]);
  });

  /** All answer, and all answers come. @returns what was asked */
  function playRound(members: Members, now: number): Drain | undefined {
    members.shutdown.tick(now, true);
    const asked = members.questions[0]![0];
    members.names.forEach((_, member) => members.answer(member));
    members.names.forEach(() => members.report());
    return asked;
  }

  it('takes a last checkpoint once nothing is under way, and ends when all are in it', () => {
    const members = new Members(2);
    members.ended.fill(true);
    members.settled.fill(false);
    expect(playRound(members, 0)?.quiet).to.equal(0);
    expect(playRound(members, 1)?.quiet).to.equal(0);
    members.cuts[1] = 9;
    expect(playRound(members, 2)).to.include({ quiet: 1, after: 0 });
    members.settled[0] = true;
    for (let now = 3; now < 6; now++) expect(playRound(members, now)?.quiet).to.equal(1);
    expect(members.finished).to.deep.equal([]);
    members.settled[1] = true;
    for (let now = 6; now < 9; now++) playRound(members, now);
    expect(members.finished).to.have.length(2);
  });

  it('waits for a checkpoint that nobody had been cut for when nothing was under way', () => {
    const members = new Members(2);
    members.ended.fill(true);
    members.settled.fill(false);
    members.cuts.splice(0, 2, 4, 5);
    playRound(members, 0);
    playRound(members, 1);
    members.cuts.fill(6);
    expect(playRound(members, 2)).to.include({ quiet: 1, after: 5 });
    expect(playRound(members, 3)).to.include({ quiet: 1, after: 5 });
  });

  it('says in which epoch nothing is under way: in another one a last checkpoint would not have it all', () => {
    const members = new Members(2);
    members.ended.fill(true);
    members.settled.fill(false);
    for (let now = 0; now < 3; now++) playRound(members, now);
    members.epochs.fill(2);
    const asked = [3, 4, 5, 6].map((now) => playRound(members, now)?.quiet);
    expect(asked).to.deep.equal([1, 0, 2, 2]);
  });

  it('compares no counts of different epochs: those of a new one begin anew', () => {
    const members = new Members(2);
    members.ended.fill(true);
    members.epochs[1] = 2;
    for (let now = 0; now < 5; now++) playRound(members, now);
    expect(members.finished).to.deep.equal([]);
    members.epochs[0] = 2;
    for (let now = 5; now < 8; now++) playRound(members, now);
    expect(members.finished).to.have.length(2);
  });

  it('asks who has not answered again: it may have been started anew; a second answer is no second round', () => {
    const members = new Members(2);
    members.ended.fill(true);
    members.shutdown.tick(0, true);
    members.answer(0);
    members.report();
    members.questions[1]!.length = 0;
    members.shutdown.tick(2e9, true);
    expect(members.questions.map((all) => all.length)).to.deep.equal([0, 1]);
    const [question] = members.questions[1]!;
    members.questions[1]!.push(question!);
    members.answer(1);
    members.answer(1);
    members.report();
    members.report();
    expect(members.finished).to.deep.equal([]);
  });

  const tick = 50e6;

  /** Ticks until the shutdown is given up. @returns after how many nanoseconds */
  function givenUpAfter(members: Members, allThere: boolean, start = 0): number {
    for (let now = start; now < start + 100 * patience; now += tick) {
      members.shutdown.tick(now, allThere);
      if (members.finished.length > 0) return now - start;
    }
    return Infinity;
  }

  it('is given up when it makes no progress for too long: the files stay', () => {
    const members = new Members(2);
    expect(givenUpAfter(members, true)).to.be.within(patience, patience + 2 * tick);
    expect(members.finished).to.deep.equal(
      Array.from({ length: 2 }, () => ({ type: 'finish', complete: false, keepFiles: true })),
    );
    members.shutdown.tick(1000 * patience, true);
    expect(members.finished).to.have.length(2);
  });

  it('gives members that cannot be reached more time to come back', () => {
    expect(givenUpAfter(new Members(2), false)).to.be.within(4 * patience, 4 * patience + 2 * tick);
  });

  it('does not count time in which its own worker stood still', () => {
    const members = new Members(2);
    members.shutdown.tick(0, true);
    members.shutdown.tick(1000 * patience, true);
    expect(members.finished).to.deep.equal([]);
    expect(givenUpAfter(members, true, 1000 * patience)).to.be.greaterThan(patience / 2);
  });

  it('is not given up while something moves', () => {
    const members = new Members(2);
    for (let now = 0; now < 10 * patience; now += tick) {
      members.put(0, 1, 0);
      members.shutdown.tick(now, true);
      for (const one of [0, 1]) members.answer(one);
      while (members.answers.length > 0) members.report();
    }
    expect(members.finished).to.deep.equal([]);
  });

  it('does not wait for messages when it is hasty, only for sources', () => {
    const members = new Members(2, true);
    members.put(0, 1, 0);
    const round = () => {
      members.shutdown.tick(0, true);
      for (const one of [0, 1]) members.answer(one);
      while (members.answers.length > 0) members.report();
    };
    round();
    expect(members.finished).to.deep.equal([]);
    members.ended.fill(true);
    round();
    expect(members.finished).to.have.length(2);
  });
});
