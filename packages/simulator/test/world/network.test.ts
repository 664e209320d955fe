import { expect } from 'chai';
import fc from 'fast-check';
import { ToyWorld } from '../support/toy.js';
import type { Segmentation } from '../../src/world/socket.js';

describe('the simulated network', () => {
  it('connects, and tells both ends', () => {
    const toys = new ToyWorld();
    toys.connect(1, 'control');
    expect(toys.toy(0).told).to.include('connected 1');
    expect(toys.toy(1).told).to.include('accepted control 10.0.0.1');
  });

  it('brings every byte over once and in order, however it cuts them', () =>
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 60 }), { maxLength: 30 }),
        fc.constantFrom<Segmentation>('whole', 'random', 'crumbs'),
        fc.nat(),
        (texts, segmentation, seed) => {
          const latency = { leastMs: 0.1, mostMs: 100, tailChance: 0.3, tailMs: 1000 };
          const toys = new ToyWorld({ seed, segmentation, latency });
          const connection = toys.connect();
          toys.pass(3000);
          for (const text of texts) {
            toys.write(0, connection, text);
            toys.pass(0.2 + (text.length % 3));
          }
          toys.pass(20_000);
          expect(toys.toy(1).text).to.equal(texts.join(''));
        },
      ),
      { numRuns: 60 },
    ));

  it('keeps the order of writes, also of those that arrive at the same moment', () => {
    for (let seed = 0; seed < 50; seed++) {
      const toys = new ToyWorld({ seed, latency: { leastMs: 0.1, mostMs: 40, tailChance: 0, tailMs: 1 } });
      const connection = toys.connect();
      toys.pass(100);
      const numbers = Array.from({ length: 30 }, (_, i) => `${i};`);
      for (const number of numbers) {
        toys.write(0, connection, number);
        toys.pass(0.2);
      }
      toys.pass(1000);
      expect(toys.toy(1).text).to.equal(numbers.join(''));
    }
  });

  it('cuts what comes into pieces of its own, and glues pieces together', () => {
    const toys = new ToyWorld({ segmentation: 'crumbs' });
    const connection = toys.connect();
    toys.write(0, connection, 'a'.repeat(300), 'b'.repeat(300));
    toys.pass(100);
    expect(toys.toy(1).text).to.equal('a'.repeat(300) + 'b'.repeat(300));
    expect(toys.toy(1).pieces.length).to.be.greaterThan(2);
    const slow = new ToyWorld({ segmentation: 'whole' });
    const other = slow.connect();
    slow.world.hosts[1]!.stall();
    slow.write(0, other, 'a', 'b');
    slow.pass(100);
    slow.world.hosts[1]!.goOn();
    slow.pass(1);
    expect(slow.toy(1).pieces).to.deep.equal([2]);
  });

  it('refuses where nobody listens', () => {
    const toys = new ToyWorld();
    toys.world.hosts[1]!.kill(false);
    toys.connect();
    expect(toys.toy(0).told).to.include('closed 1 refused');
  });

  it('does not answer where the system is down, and gives up after a while', () => {
    const toys = new ToyWorld();
    toys.world.hosts[1]!.kill(true);
    toys.connect();
    toys.pass(10_000);
    expect(toys.toy(0).told).not.to.include('closed 1 timed out');
    toys.pass(20_000);
    expect(toys.toy(0).told).to.include('closed 1 timed out');
  });

  it('tells the end of a connection behind the bytes that were sent before it', () => {
    for (let seed = 0; seed < 30; seed++) {
      const toys = new ToyWorld({ seed });
      const connection = toys.connect();
      toys.act(0, ({ ports }) => {
        ports.network.write(connection, Buffer.from('last words'));
        ports.network.close(connection);
      });
      toys.pass(100);
      const { told, text } = toys.toy(1);
      expect('last words'.startsWith(text)).to.equal(true);
      if (told.includes('closed accepted ended')) expect(told.at(-1)).to.equal('closed accepted ended');
      expect(told.filter((line) => line.startsWith('closed'))).to.have.length(1);
      // Who closes is told nothing more.
      expect(toys.toy(0).told.filter((line) => line.startsWith('closed'))).to.have.length(0);
    }
  });

  it('resets both ends, and may cut bytes off anywhere', () => {
    const arrived = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const toys = new ToyWorld({ seed, latency: { leastMs: 5, mostMs: 6, tailChance: 0, tailMs: 6 } });
      const connection = toys.connect();
      toys.pass(20);
      toys.write(0, connection, '0123456789');
      toys.pass(1);
      expect(toys.world.network.reset(0, 1)).to.equal(1);
      toys.pass(3000);
      expect(toys.toy(0).told).to.include('closed 1 reset');
      expect(toys.toy(1).told).to.include('closed accepted reset');
      arrived.add(toys.toy(1).text.length);
    }
    expect(arrived.size).to.be.greaterThan(4);
  });

  it('holds back what a partition is in the way of, in one direction only', () => {
    const toys = new ToyWorld();
    const connection = toys.connect();
    const path = toys.world.network.path(0, 1);
    path.block();
    toys.write(0, connection, 'there');
    toys.write(1, toys.toy(1).last, 'back');
    toys.pass(1000);
    expect(toys.toy(1).text).to.equal('');
    expect(toys.toy(0).bytes.get(connection)?.toString()).to.equal('back');
    path.unblock();
    toys.pass(100);
    expect(toys.toy(1).text).to.equal('there');
  });

  it('holds up one connection while others go on', () => {
    const toys = new ToyWorld();
    const connection = toys.connect();
    expect(toys.world.network.stall(0, 1, 'control', 500)).to.equal(0);
    expect(toys.world.network.stall(0, 1, 'data', 500)).to.equal(1);
    const held = toys.toy(1).last;
    const other = toys.connect(2);
    toys.write(0, connection, 'late');
    toys.pass(1);
    toys.write(0, other, 'soon');
    toys.pass(100);
    expect(toys.toy(1).text).to.equal('soon');
    expect(toys.toy(1).bytes.has(held)).to.equal(false);
    toys.pass(1000);
    expect(toys.toy(1).bytes.get(held)?.toString()).to.equal('late');
  });

  it('lets a half-open connection be silent for ever', () => {
    const toys = new ToyWorld();
    const connection = toys.connect();
    expect(toys.world.network.halfOpen(0, 1, false)).to.equal(1);
    toys.write(0, connection, 'there');
    toys.write(1, toys.toy(1).last, 'back');
    toys.act(0, ({ ports }) => ports.network.close(connection));
    toys.pass(30_000);
    expect(toys.toy(1).text).to.equal('');
    expect(toys.toy(1).told.some((line) => line.startsWith('closed'))).to.equal(false);
  });

  it('answers for a process that is gone when somebody still sends to it', () => {
    const toys = new ToyWorld();
    const connection = toys.connect();
    toys.world.hosts[1]!.kill(true);
    toys.write(0, connection, 'nobody hears');
    toys.pass(1000);
    expect(toys.toy(0).told).not.to.include('closed 1 reset');
    toys.world.hosts[1]!.boot();
    toys.write(0, connection, 'somebody else answers');
    toys.pass(100);
    expect(toys.toy(0).told).to.include('closed 1 reset');
  });

  it('complains of bytes that are changed after they were handed over', () => {
    const toys = new ToyWorld();
    const complaints: string[] = [];
    toys.world.watches.push({ complained: (what) => complaints.push(what) });
    const connection = toys.connect();
    const bytes = Buffer.from('mine');
    toys.act(0, ({ ports }) => ports.network.write(connection, bytes));
    toys.pass(0.1);
    bytes.fill(0);
    toys.pass(100);
    expect(complaints).to.deep.equal(['toy0 changed bytes after writing them']);
    expect(toys.toy(1).text).to.equal('mine');
  });
});
