import { expect } from 'chai';
import { CheckpointPace } from '../../../src/core/checkpoint/pace.js';
import { Lines } from '../support/members.js';

const second = 1e9;
const part = (name: string) => ({ name, file: 0, offset: 1, sum: 2, journal: 0 });
const stream = { source: 's', stream: 1n, position: 2n };

describe('the pace of checkpoints', () => {
  let log: Lines;
  let newest: number;
  let pace: CheckpointPace;

  beforeEach(() => {
    log = new Lines();
    newest = 0;
    pace = new CheckpointPace(second, log, () => newest);
  });

  /** Begins one, and lets all members do their part. */
  const whole = (at: number, tookNs: number) => {
    const checkpoint = pace.begin(1, ['a', 'b'], at);
    for (const name of ['a', 'b']) pace.stored(checkpoint, part(name), []);
    pace.recorded(checkpoint, at + tookNs);
    return checkpoint;
  };

  it('is whole when the parts of all members are there, in the order of the members', () => {
    const checkpoint = pace.begin(1, ['a', 'b'], 0);
    expect(pace.active).to.equal(true);
    pace.stored(checkpoint, part('b'), [stream]);
    pace.stored(checkpoint, part('b'), []);
    expect(pace.complete()).to.equal(undefined);
    pace.stored(checkpoint - 1, part('a'), []);
    expect(pace.complete(), 'the part of another one').to.equal(undefined);
    pace.stored(checkpoint, part('a'), []);
    expect(pace.complete()).to.deep.equal({ checkpoint, parts: [part('a'), part('b')], streams: [stream] });
  });

  it('lets the next one begin an interval after the last one counts, or at once when asked to', () => {
    expect(pace.due(0)).to.equal(true);
    whole(10 * second, 2 * second);
    expect(pace.active).to.equal(false);
    expect(pace.due(13 * second - 1)).to.equal(false);
    expect(pace.due(13 * second)).to.equal(true);
    whole(20 * second, 0);
    pace.hasten();
    expect(pace.due(20 * second)).to.equal(true);
  });

  it('never gives a number twice, not after one was given up, nor in another epoch or under another leader', () => {
    const numbers = [whole(0, 0)];
    newest = numbers[0]!;
    // Others were cut for it, whatever has become of it.
    numbers.push((newest = pace.begin(1, ['a'], 0)));
    pace.failed('a', newest, 'why', 0);
    numbers.push((newest = pace.begin(1, ['a'], 0)));
    pace.reset();
    numbers.push((newest = pace.begin(2, ['a'], 0)));
    newest += 5;
    const other = new CheckpointPace(second, log, () => newest);
    numbers.push(other.begin(2, ['a'], 0));
    expect(numbers).to.deep.equal([...new Set(numbers)].sort((one, next) => one - next));
    expect(numbers.at(-1)).to.equal(newest + 1);
  });

  it('gives up on one that takes too long, says who is late, and waits twice as long for the next one', () => {
    const first = pace.begin(1, ['a', 'b'], 0);
    pace.stored(first, part('a'), []);
    pace.watch(5 * second - 1);
    expect(pace.active).to.equal(true);
    pace.watch(5 * second);
    expect(pace.active).to.equal(false);
    expect(log.lines).to.have.length(1);
    expect(log.lines[0]).to.match(/^warning .*is given up after 5 s: b not through/);
    pace.stored(first, part('b'), []);
    expect(pace.complete(), 'too late').to.equal(undefined);
    expect(pace.due(6 * second - 1)).to.equal(false);
    expect(pace.due(6 * second)).to.equal(true);
    pace.begin(1, ['a', 'b'], 6 * second);
    pace.watch(16 * second - 1);
    expect(pace.active).to.equal(true);
    pace.watch(16 * second);
    expect(pace.active).to.equal(false);
  });

  it('has a limit that follows a slow disk, within bounds', () => {
    const limit = () => {
      const at = 1e6 * second;
      const checkpoint = pace.begin(1, ['a'], at);
      let seconds = 1;
      for (; pace.active; seconds++) pace.watch(at + seconds * second);
      pace.recorded(checkpoint, at);
      return seconds - 1;
    };
    whole(0, 4 * second);
    expect(limit()).to.equal(16);
    whole(0, second);
    expect(limit()).to.equal(16);
    for (let i = 0; i < 10; i++) whole(0, 0);
    expect(limit()).to.equal(5);
    whole(0, 400 * second);
    expect(limit()).to.equal(600);
  });

  it('says once why checkpoints fail, and once that they work again', () => {
    for (let i = 0; i < 3; i++) pace.failed('b', pace.begin(1, ['a', 'b'], 0), 'no space left', 0);
    expect(log.lines).to.have.length(1);
    expect(log.lines[0]).to.match(/^error .*failed: b: no space left\. The one before still counts\./);
    pace.failed('b', pace.begin(1, ['a', 'b'], 0), 'another reason', 0);
    expect(log.lines).to.have.length(2);
    whole(0, 0);
    whole(0, 0);
    expect(log.lines).to.have.length(3);
    expect(log.lines[2]).to.match(/checkpoints work again/);
  });

  it('takes no notice of a failure of another one, and forgets what is open when it is reset', () => {
    const checkpoint = pace.begin(1, ['a'], 0);
    pace.failed('a', checkpoint - 1, 'why', 0);
    expect(pace.active).to.equal(true);
    pace.reset();
    expect(pace.active).to.equal(false);
    expect(pace.due(0)).to.equal(true);
    pace.stored(checkpoint, part('a'), []);
    expect(pace.complete()).to.equal(undefined);
  });
});
