import { expect } from 'chai';
import { Dice } from '../../src/random/dice.js';
import { ms, Schedule } from '../../src/world/schedule.js';
import { SinkPace } from '../../src/world/sink.js';
import { TwoPhaseSink } from '../../src/world/two-phase-sink.js';

class Bench {
  readonly schedule = new Schedule(Dice.of(1).stream('ties'));
  readonly votes: string[] = [];
  readonly sink = new TwoPhaseSink(
    this.schedule,
    // A seed whose sink is none of those that take long.
    Dice.of(2),
    new SinkPace(Dice.of(1), { leastMs: 1, mostMs: 2, tailChance: 0, tailMs: 2 }),
  );

  ask(checkpoint: number, text: string): void {
    this.sink.take(Buffer.from(text));
    this.sink.prepare(checkpoint, 0, {
      yes: () => this.votes.push(`${checkpoint} yes`),
      no: () => this.votes.push(`${checkpoint} no`),
    });
  }

  pass(): void {
    while (this.schedule.next(this.schedule.now + ms(10_000)));
  }

  get committed(): string {
    return Buffer.concat(this.sink.committed).toString();
  }
}

describe('a simulated sink that commits in two phases', () => {
  it('lets out what it has prepared, when that counts', () => {
    const bench = new Bench();
    bench.ask(1, 'a');
    bench.pass();
    expect(bench.committed).to.equal('');
    bench.sink.commit(1);
    expect(bench.committed).to.equal('a');
  });

  it('has what it voted against with the next checkpoint, once and in order', () => {
    const bench = new Bench();
    bench.sink.refusing++;
    bench.ask(1, 'a');
    bench.pass();
    bench.sink.refusing--;
    bench.ask(2, 'b');
    bench.pass();
    bench.sink.commit(2);
    expect(bench.votes).to.deep.equal(['1 no', '2 yes']);
    expect(bench.committed).to.equal('ab');
  });

  it('forgets questions when it dies, remembers votes, and hears then what was decided', () => {
    const bench = new Bench();
    bench.ask(1, 'a');
    bench.pass();
    bench.ask(2, 'b');
    bench.sink.leave();
    bench.sink.commit(1);
    expect(bench.committed).to.equal('');
    bench.pass();
    bench.sink.comeBack();
    expect(bench.committed).to.equal('a');
    bench.ask(3, 'c');
    bench.pass();
    bench.sink.commit(3);
    expect(bench.votes).to.deep.equal(['1 yes', '2 no', '3 yes']);
    expect(bench.committed).to.equal('abc');
  });

  it('forgets what does not belong to the checkpoint that everything goes back to', () => {
    const bench = new Bench();
    for (const [nth, text] of ['a', 'b'].entries()) {
      bench.ask(nth + 1, text);
      bench.pass();
    }
    let restored = false;
    bench.sink.restore(1, () => (restored = true));
    bench.pass();
    expect(restored).to.equal(true);
    bench.sink.commit(2);
    expect(bench.committed).to.equal('a');
  });
});
