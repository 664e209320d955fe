import { expect } from 'chai';
import fc from 'fast-check';
import { LinkWorld } from '../support/link-world.js';

type Step =
  | { readonly do: 'send'; readonly bytes: number }
  | { readonly do: 'advance'; readonly milliseconds: number }
  | { readonly do: 'deliver'; readonly end: 'sender' | 'receiver'; readonly count: number }
  | { readonly do: 'pump'; readonly count: number }
  | { readonly do: 'damage'; readonly at: number }
  | { readonly do: 'catchUp'; readonly end: 'sender' | 'receiver' }
  | { readonly do: 'die'; readonly end: 'sender' | 'receiver' }
  | {
      readonly do:
        'connect' | 'reset' | 'acknowledge' | 'pause' | 'resume' | 'retain' | 'release' | 'newEpoch';
    };

function take(world: LinkWorld, step: Step): void {
  switch (step.do) {
    case 'send':
      return world.send(step.bytes);
    case 'advance':
      return world.advance(step.milliseconds);
    case 'deliver':
      return world.deliver(step.end, step.count);
    case 'pump':
      return world.pump(step.count);
    case 'damage':
      return world.damage(step.at);
    case 'catchUp':
      return world.catchUp(step.end);
    case 'die':
      return world.die(step.end);
    case 'pause':
      world.running = false;
      return;
    case 'resume':
      world.running = true;
      return;
    case 'retain':
      world.retaining = true;
      return;
    case 'release':
      // Only when nothing is kept for later any more, as the data path does.
      return world.release();
    default:
      return world[step.do]();
  }
}

/** What must hold at every moment. */
function check(world: LinkWorld): void {
  world.noteForgotten();
  world.processed.forEach((frames, receiverLife) => {
    const last = new Map<number, number>();
    for (const { life, number } of frames) {
      const before = last.get(life);
      const expected = before === undefined ? world.expectedFirst.get(`${receiverLife} ${life}`) : before + 1;
      expect(number, `what receiver ${receiverLife} processes of sender ${life}`).to.equal(expected);
      last.set(life, number);
    }
    const lives = frames.map(({ life }) => life);
    expect(lives, 'lives of the sender').to.deep.equal([...lives].sort((a, b) => a - b));
  });
  world.forgotten.forEach((number, life) => {
    const processed = world.processed.flat().filter((frame) => frame.life === life);
    const most = Math.max(0, ...processed.map((frame) => frame.number));
    expect(number, `what sender ${life} forgets`).to.be.at.most(most);
    if (world.retained?.life === life) expect(number).to.be.lessThan(world.retained.number);
  });
}

const end = fc.constantFrom<'sender' | 'receiver'>('sender', 'receiver');
const of = (...names: ('connect' | 'reset' | 'acknowledge' | 'pause' | 'resume' | 'retain' | 'release')[]) =>
  fc.constantFrom<Step>(...names.map((name) => ({ do: name })));

const motion: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), bytes: fc.nat(60) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      milliseconds: fc.constantFrom(10, 50, 100, 600, 3000),
    }),
  },
  { weight: 3, arbitrary: of('connect') },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      end,
      count: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.constant(100_000)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pump' as const), count: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 3, arbitrary: of('acknowledge') },
  { weight: 2, arbitrary: of('pause', 'resume') },
  { weight: 1, arbitrary: of('reset') },
  { weight: 1, arbitrary: of('retain', 'release') },
);

const fault: fc.Arbitrary<Step> = fc.record({ do: fc.constant('damage' as const), at: fc.nat(500) });
const restart: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'newEpoch' }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('catchUp' as const), end }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), end }) },
);

/** Connects, so that runs do not spend themselves on waiting for that. */
const opening: readonly Step[] = [
  { do: 'advance', milliseconds: 50 },
  { do: 'connect' },
  { do: 'deliver', end: 'receiver', count: 1000 },
  { do: 'deliver', end: 'sender', count: 1000 },
];

function run(steps: readonly Step[]): LinkWorld {
  const world = new LinkWorld();
  for (const step of [...opening, ...steps]) {
    take(world, step);
    check(world);
  }
  world.settle();
  check(world);
  expect(world.settled, 'all that was sent has been processed and acknowledged').to.equal(true);
  return world;
}

describe('a link between two workers', () => {
  it('hands on every frame once and in order, over any number of broken connections', () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 12, arbitrary: motion }, fault), { maxLength: 80, size: 'max' }),
        (steps) => {
          const world = run(steps);
          expect(world.processed[1]).to.deep.equal(
            Array.from({ length: world.sent[1]! }, (_, i) => ({ life: 1, number: i + 1 })),
          );
        },
      ),
      { numRuns: 120 },
    ));

  it('loses nothing and repeats nothing over epochs and new lives of either end', () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 9, arbitrary: motion }, { weight: 2, arbitrary: restart }), {
          maxLength: 100,
          size: 'max',
        }),
        (steps) => void run(steps),
      ),
      { numRuns: 150 },
    ));

  const send: Step = { do: 'send', bytes: 5 };
  const arrive: Step = { do: 'deliver', end: 'receiver', count: 10_000 };
  const answer: Step = { do: 'deliver', end: 'sender', count: 10_000 };

  it('acknowledges nothing that waits to be processed', () => {
    const world = new LinkWorld();
    for (const step of [
      ...opening,
      { do: 'pause' },
      send,
      send,
      arrive,
      { do: 'acknowledge' },
      answer,
    ] as Step[]) {
      take(world, step);
    }
    expect(world.receiver.received).to.equal(2);
    expect(world.receiver.processed + world.boundary.acknowledged).to.equal(0);
    expect(world.receiver.heldBytes).to.equal(2 * 13);
    world.running = true;
    world.pump(1);
    world.acknowledge();
    world.deliver('sender', 10_000);
    expect(world.boundary.acknowledged).to.equal(1);
    expect(world.boundary.unacknowledgedBytes).to.equal(33 + 13);
    expect(world.receiver.heldBytes).to.equal(13);
  });

  it('keeps the frame of which something waits, and those behind it, until that is released', () => {
    const world = new LinkWorld();
    for (const step of [...opening, send, arrive, { do: 'retain' }, send, send, arrive] as Step[])
      take(world, step);
    world.acknowledge();
    world.deliver('sender', 10_000);
    expect([world.receiver.processed, world.boundary.acknowledged]).to.deep.equal([3, 1]);
    world.release();
    world.acknowledge();
    world.deliver('sender', 10_000);
    expect(world.boundary.acknowledged).to.equal(3);
  });

  it('sends what was not acknowledged to the next life of its receiver, numbered anew', () => {
    const world = run([
      send,
      send,
      arrive,
      { do: 'acknowledge' },
      answer,
      send,
      arrive,
      { do: 'die', end: 'receiver' },
    ]);
    expect(world.processed[1]).to.deep.equal([1, 2, 3].map((number) => ({ life: 1, number })));
    expect(world.processed[2]).to.deep.equal([{ life: 1, number: 3 }]);
    expect([world.receiver.received, world.boundary.sent]).to.deep.equal([1, 1]);
  });

  it('processes what the former life of its sender had sent before what the new one sends', () => {
    const world = run([
      { do: 'pause' },
      send,
      send,
      arrive,
      { do: 'die', end: 'sender' },
      { do: 'catchUp', end: 'sender' },
      { do: 'catchUp', end: 'receiver' },
      send,
    ]);
    expect(world.processed[1]).to.deep.equal([
      { life: 1, number: 1 },
      { life: 1, number: 2 },
      { life: 2, number: 1 },
    ]);
  });

  it('holds thousands of frames and gives them back in order', () => {
    const world = new LinkWorld();
    for (const step of [...opening, { do: 'pause' }] as Step[]) take(world, step);
    for (let i = 0; i < 3000; i++) world.send(0);
    world.deliver('receiver', 1e9);
    world.running = true;
    world.pump(1500);
    for (let i = 0; i < 100; i++) world.send(0);
    world.deliver('receiver', 1e9);
    world.settle();
    check(world);
    expect(world.processed[1]).to.have.length(3100);
    expect(world.receiver.heldBytes).to.equal(0);
  });
});
