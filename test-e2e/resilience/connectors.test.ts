import { expect } from 'chai';
import { endClusters, type Member } from '../support/cluster.js';
import { eventually } from '../support/changes.js';
import { Bridge } from '../support/connectors.js';
import { RawClient } from '../support/raw-client.js';

/** Between a source and a sink that speak the connector protocol, each message counts once, whatever dies. */
describe('a cluster between connectors', () => {
  afterEach(endClusters);
  afterEach(() => RawClient.closeAll());

  const progress = (bridge: Bridge, messages: number) =>
    eventually(() => bridge.sink.lines.length >= messages, `${messages} messages at the sink`);

  for (const workers of [1, 2]) {
    it(`brings each message once, with ${workers} workers`, async () => {
      const bridge = await Bridge.start({ workers });
      const clients = [bridge.client('a', 1000), bridge.client('b', 500)];
      for (const client of clients) await client.waitForOutput(/finished/);
      await bridge.cluster.stop();
      bridge.expectExact({ a: 1000, b: 500 });
    });
  }

  it('when workers are killed, one after the other', async () => {
    const bridge = await Bridge.start({ workers: 2 });
    const { members } = bridge.cluster;
    const clients = members.map((member) => bridge.client(member.name, 3000, [member]));
    for (const [at, victim] of [
      [500, 1],
      [2000, 0],
      [4000, 1],
    ] as const) {
      await progress(bridge, at);
      await members[victim]!.kill();
      await members[victim]!.launch().ready();
    }
    for (const client of clients) await client.waitForOutput(/finished/);
    await bridge.cluster.stop();
    bridge.expectExact({ initializer: 3000, w2: 3000 });
  });

  it('when the sink is killed', async () => {
    const bridge = await Bridge.start();
    const client = bridge.client('a', 4000);
    for (const at of [500, 1500]) {
      await progress(bridge, at);
      await bridge.sink.kill();
      await bridge.sink.launch();
    }
    await client.waitForOutput(/finished/);
    await bridge.cluster.stop();
    bridge.expectExact({ a: 4000 });
  });

  it('when the client is killed: the next one goes on where the cluster stands', async () => {
    const bridge = await Bridge.start();
    let client = bridge.client('a', 4000);
    for (const at of [500, 1500]) {
      await progress(bridge, at);
      client.kill('SIGKILL');
      await client.finished();
      client = bridge.client('a', 4000);
    }
    const [, after] = await client.waitForOutput(/opened after (\d+)/);
    expect(Number(after)).to.be.at.least(1500);
    await client.waitForOutput(/finished/);
    await bridge.cluster.stop();
    bridge.expectExact({ a: 4000 });
  });

  it('when all of them are killed at once', async () => {
    const bridge = await Bridge.start({ workers: 2 });
    const { members } = bridge.cluster;
    let client = bridge.client('a', 4000, [members[1]!]);
    for (const at of [500, 1500]) {
      await progress(bridge, at);
      client.kill('SIGKILL');
      await Promise.all([...members.map((member) => member.kill()), bridge.sink.kill(), client.finished()]);
      await bridge.sink.launch();
      for (const member of members) member.launch();
      await bridge.cluster.ready();
      client = bridge.client('a', 4000, [members[1]!]);
    }
    await client.waitForOutput(/finished/);
    await bridge.cluster.stop();
    bridge.expectExact({ a: 4000 });
  });

  it('lets in a client that knows nothing but the bytes of the protocol', async () => {
    // On every interface: the client is told the one that it came to.
    const bridge = await Bridge.start({ workers: 2, host: '' });
    const [initializer, w2] = bridge.cluster.members as [Member, Member];
    const client = await RawClient.connect(initializer.port('in'));
    const hello = '00' + '0005302e302e31' + '000677617920696e' + '0001 70' + '0001 69';
    client.send(hello);
    await client.expect('01' + '000000c8');
    const stream = '00000000000000aa';
    client.send('03' + stream + '0004 6e616d65' + '0000000000000007');
    await client.expect('04' + '01' + stream + 'ffffffffffffffff');
    // The same again is refused, with what it says itself.
    client.send('03' + stream + '0004 6e616d65' + '0000000000000007');
    await client.expect('04' + '00' + stream + '0000000000000007');
    const message = (id: string, text: string) =>
      '05' + stream + id + 'fffffffffffffffe' + '0003 6b6579' + Buffer.from(text).toString('hex');
    client.send(message('0000000000000001', 'k 1'));
    client.send(message('0000000000000001', 'k 1'));
    client.send(message('0000000000000005', 'k 2'));
    // Some checkpoint covers all of it: five frames are paid back by then.
    let credits = 0;
    for (let position = ''; position !== '0000000000000005';) {
      const ack = (await client.next()).toString('hex');
      const [, paid = '', positions = ''] = /^06([0-9a-f]{8})(.*)$/.exec(ack) ?? [];
      credits += parseInt(paid, 16);
      position = positions.replace(/^00000001/, '').replace(stream, '');
    }
    expect(credits).to.equal(5);
    // A worker dies: this client is told to come again, to where it was, and goes on from there.
    await w2.kill();
    await w2.launch().ready();
    const address = Buffer.from(`127.0.0.1:${initializer.port('in')}`).toString('hex');
    await client.expect('07' + '0000000f' + address);
    await client.closed;
    const again = await RawClient.connect(initializer.port('in'));
    again.send(hello);
    await again.expect('01' + '000000c8');
    again.send('03' + stream + '0004 6e616d65' + '0000000000000000');
    await again.expect('04' + '01' + stream + '0000000000000005');
    again.send(message('0000000000000006', 'k 3'));
    again.send('08' + stream);
    let last = '';
    while (!last.endsWith('00000001' + stream + '0000000000000006'))
      last = (await again.next()).toString('hex');
    again.send('09');
    await again.expect('02' + '0018' + Buffer.from('Unable to decode message').toString('hex'));
    await again.closed;
    // A frame that is too long is not even looked at.
    const careless = await RawClient.connect(initializer.port('in'));
    careless.sendBytes('00004001');
    await careless.closed;
    await bridge.cluster.stop();
    expect(bridge.sink.lines.sort()).to.deep.equal(['k 1 1', 'k 2 2', 'k 3 3']);
  });

  describe('has a stream at one worker at a time', () => {
    it('and refuses it at others, until its client has gone', async () => {
      const bridge = await Bridge.start({ workers: 2 });
      const clients = await Promise.all(
        bridge.cluster.members.map((member) => RawClient.connect(member.port('in'))),
      );
      const [here, there] = clients as [RawClient, RawClient];
      for (const client of clients) {
        client.send('00' + '0005302e302e31' + '0006 77617920696e' + '0000' + '0000');
        await client.expect('01' + '000000c8');
      }
      const stream = '00000000000000bb';
      const notify = '03' + stream + '0001 6e' + '0000000000000009';
      here.send(notify);
      await here.expect('04' + '01' + stream + 'ffffffffffffffff');
      there.send(notify);
      await there.expect('04' + '00' + stream + '0000000000000009');
      here.send('05' + stream + '0000000000000003' + '0000000000000000' + '0000' + '6b2031');
      // It goes without a word: what it has sent counts, and the other one goes on behind it.
      await here.end();
      let answer = '';
      for (let refusals = 0; !answer.startsWith('0401'); refusals++) {
        expect(refusals).to.be.lessThan(1000);
        there.send(notify);
        answer = (await there.nextBut('06')).toString('hex');
      }
      expect(answer).to.equal('04' + '01' + stream + '0000000000000003');
      there.send('05' + stream + '0000000000000003' + '0000000000000000' + '0000' + '6b2031');
      there.send('05' + stream + '0000000000000004' + '0000000000000000' + '0000' + '6b2032');
      await eventually(() => bridge.sink.lines.length === 2, 'both messages');
      await bridge.cluster.stop();
      expect(bridge.sink.lines).to.have.members(['k 1 1', 'k 2 2']);
    });

    it('and the next one after a crash', async () => {
      const bridge = await Bridge.start({ workers: 2 });
      const { members } = bridge.cluster;
      const client = bridge.client('a', 4000, [members[1]!, members[0]!]);
      for (const [at, victim] of [
        [500, 1],
        [1500, 0],
        [2500, 1],
      ] as const) {
        await progress(bridge, at);
        await members[victim]!.kill();
        await members[victim]!.launch().ready();
      }
      await client.waitForOutput(/finished/);
      await bridge.cluster.stop();
      bridge.expectExact({ a: 4000 });
    });

    for (const [who, index, host] of [
      ['a worker', 1, '127.0.0.1'],
      // The others are known to the cluster by addresses that clients reach, too.
      ['the worker that leads', 0, '0.0.0.0'],
    ] as const) {
      it(`and sends its client to one that stays when ${who} leaves`, async () => {
        const bridge = await Bridge.start({ workers: 3, host });
        const { members } = bridge.cluster;
        const leaving = members[index]!;
        const client = bridge.client('a', 10_000, [leaving]);
        const others = members.filter((member) => member !== leaving);
        const elsewhere = bridge.client('b', 10_000, others);
        await progress(bridge, 1000);
        await bridge.shrink(others[0]!, leaving);
        await client.waitForOutput(/restarted at/);
        await leaving.finished();
        for (const one of [client, elsewhere]) await one.waitForOutput(/finished/);
        await bridge.sink.process.waitForOutput(new RegExp(`left ${leaving.name}`));
        await bridge.cluster.stop(others[0]!);
        bridge.expectExact({ a: 10_000, b: 10_000 });
        const ports = others.map((member) => `${member.port('in')}`);
        const told = /restarted at 127.0.0.1:(\d+)/.exec(client.stdout)![1];
        expect(ports).to.include(told);
      });
    }
  });
});
