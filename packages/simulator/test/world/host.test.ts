import { expect } from 'chai';
import { type Toy, ToyWorld } from '../support/toy.js';

const file = (text: string) => ({
  topology: Buffer.from(text),
  workers: [],
  addresses: [],
  control: { host: '', port: 0 },
  data: { host: '', port: 0 },
  checkpoint: 0,
  epoch: 0,
});

describe('a simulated host', () => {
  it('carries wishes out in order, and lets a kill cut between any two or within one', () => {
    const texts = new Set<string>();
    for (let wishes = 0; wishes <= 3; wishes++) {
      const toys = new ToyWorld();
      const connection = toys.connect();
      toys.world.hosts[0]!.process!.doom = { wishesLeft: wishes, part: 0.5, power: false };
      toys.write(0, connection, 'aaaa', 'bbbb', 'cccc');
      toys.pass(100);
      expect(toys.world.hosts[0]!.alive).to.equal(wishes === 3);
      texts.add(toys.toy(1).text);
    }
    expect([...texts]).to.deep.equal(['aa', 'aaaabb', 'aaaabbbbcc', 'aaaabbbbcccc']);
  });

  it('tells a dead process nothing, and a new one nothing that was for the dead one', () => {
    const toys = new ToyWorld();
    toys.act(0, ({ ports }) => ports.storage.store(1, file('one')));
    toys.world.hosts[0]!.kill(false);
    toys.world.hosts[0]!.boot();
    toys.pass(100);
    expect(toys.lives).to.have.length(3);
    expect(toys.lives[0]!.told).to.deep.equal(['start']);
    expect(toys.toy(0).told).to.deep.equal(['start']);
  });

  it('keeps of a write that a kill came into the way of all or nothing', () => {
    const files = new Set<string>();
    for (let seed = 0; seed < 30; seed++) {
      const toys = new ToyWorld({ seed });
      toys.act(0, ({ ports }) => ports.storage.store(1, file('old')));
      toys.pass(30);
      toys.act(0, ({ ports }) => ports.storage.store(2, file('new')));
      toys.pass(0.5);
      toys.world.hosts[0]!.kill(false);
      toys.pass(100);
      files.add(String(toys.world.hosts[0]!.disk.file));
    }
    expect([...files].sort()).to.deep.equal(['new', 'old']);
  });

  it('does operations on disk one after the other', () => {
    const toys = new ToyWorld();
    toys.act(0, ({ ports }) => {
      ports.storage.store(1, file('one'));
      ports.storage.store(2, file('two'));
      ports.storage.remove(3);
    });
    toys.pass(100);
    expect(toys.toy(0).told).to.deep.equal(['start', 'stored 1', 'stored 2', 'stored 3']);
    expect(toys.world.hosts[0]!.disk.file).to.equal(undefined);
  });

  it('does nothing while it is stalled, and then all at once', () => {
    const toys = new ToyWorld();
    const host = toys.world.hosts[0]!;
    toys.pass(500);
    const { ticks } = toys.toy(0);
    expect(ticks).to.be.within(9, 10);
    host.stall();
    toys.act(0, (toy) => toy.told.push('first'));
    toys.pass(2);
    toys.act(0, (toy) => toy.told.push('second'));
    toys.pass(500);
    expect(toys.toy(0).told).to.deep.equal(['start']);
    host.goOn();
    toys.pass(1);
    expect(toys.toy(0).told).to.deep.equal(['start', 'first', 'second']);
    // Ticks that were missed are not made up for.
    expect(toys.toy(0).ticks).to.be.within(ticks, ticks + 1);
  });

  it('ends with its core, and says how', () => {
    const toys = new ToyWorld();
    const ended: string[] = [];
    toys.world.watches.push({ ended: (process, end) => ended.push(`${process.name} ${end}`) });
    toys.act(0, ({ ports }) => ports.ended(undefined));
    toys.act(1, () => {
      throw new Error('a bug');
    });
    toys.pass(10);
    expect(ended.sort()).to.deep.equal(['toy0 exit', 'toy1 exit']);
    expect(toys.world.hosts[0]!.process!.fate).to.deep.equal({ kind: 'exited', failure: undefined });
    expect(toys.world.hosts[1]!.process!.fate).to.have.nested.property('failure.message', 'a bug');
  });

  it('hands sinks what they are given, tells what they hold, and flushes them', () => {
    const toys = new ToyWorld();
    toys.act(0, ({ ports }) => {
      const shared = Buffer.from('one ');
      if (ports.output('out').write(shared, [])) shared.fill(0);
      ports.output('out').write(Buffer.from('two'), []);
      ports.ends.flushSinks();
    });
    toys.pass(100);
    const process = toys.world.hosts[0]!.process!;
    expect(Buffer.concat(process.sinks.get('out')!.received).toString()).to.equal('one two');
    expect((process.core as Toy).told.at(-1)).to.equal('sinks flushed');
    expect((process.core as Toy).told).to.include('out holds 0');
  });

  it('gives every process a clock of its own, which runs with virtual time', () => {
    const toys = new ToyWorld();
    const [one, two] = [toys.toy(0).ports.clock.now(), toys.toy(1).ports.clock.now()];
    expect(one).not.to.equal(two);
    toys.pass(7);
    expect(toys.toy(0).ports.clock.now() - one).to.equal(7e6);
  });
});
