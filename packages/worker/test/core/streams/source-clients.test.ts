import { encodeConnectorFrame, nothingSeen, type ConnectorMessage } from '@wallaroo/protocol';
import { expect } from 'chai';
import { SourceClients } from '../../../src/core/streams/source-clients.js';
import type { SourceSession } from '../../../src/core/streams/source-session.js';

const credits = 10;

/** The clients of a source whose worker gets every stream that it asks for. */
class Bench {
  readonly clients: SourceClients;
  readonly released: [stream: bigint, position: bigint][] = [];

  constructor(resilience: boolean) {
    this.clients = new SourceClients({
      resilience,
      claim: (_stream, answer) => answer(nothingSeen),
      release: (stream, position) => void this.released.push([stream, position]),
    });
  }

  /** One that has greeted, unless it has only connected. */
  client(greets = true): Client {
    return new Client(this.clients, greets);
  }
}

class Client {
  readonly got: ConnectorMessage[] = [];
  closed = false;
  private readonly session: SourceSession;

  constructor(clients: SourceClients, greets: boolean) {
    this.session = clients.connected({
      ...{ cookie: 'c', maxCredits: credits, refillCredits: 0 },
      address: () => 'here:1',
      send: (message) => void this.got.push(message),
      close: () => {
        this.closed = true;
        clients.disconnected(this.session);
      },
      deliver: () => undefined,
      warn: () => undefined,
    });
    if (greets) this.say({ type: 'hello', version: '0.0.1', cookie: 'c', program: 'p', instance: 'i' });
  }

  say(message: ConnectorMessage): this {
    const frame = encodeConnectorFrame(message);
    this.session.receive(frame, 4, frame.length);
    return this;
  }

  /** Brings a stream with one message. */
  sends(stream: bigint): this {
    this.say({ type: 'notify', stream, name: 's', pointOfReference: nothingSeen });
    return this.say({
      ...{ type: 'message', stream, id: 7n, eventTime: 0n },
      ...{ key: Buffer.alloc(0), bytes: Buffer.from('x') },
    });
  }

  get restarts(): string[] {
    return this.got.flatMap((message) => (message.type === 'restart' ? [message.address ?? ''] : []));
  }
}

describe('the clients of a source', () => {
  it('may go when a checkpoint counts that was cut after the last of what they have sent', () => {
    const { clients, ...bench } = new Bench(true);
    const client = new Client(clients, true).sends(1n);
    const before = clients.cut();
    let gone = 0;
    clients.leave(() => gone++);
    expect(clients.leaving).to.equal(true);
    clients.committed(before);
    expect(gone, 'what came since may be in no checkpoint').to.equal(0);
    const last = clients.cut();
    clients.committed(last);
    clients.committed(last);
    expect(gone).to.equal(1);
    clients.sendAway('there:2');
    expect(client.restarts).to.deep.equal(['there:2']);
    expect(client.closed).to.equal(true);
    expect(bench.released).to.deep.equal([[1n, 7n]]);
  });

  for (const [what, resilience, greets] of [
    ['without checkpoints', false, true],
    ['when there are none', true, undefined],
  ] as const) {
    it(`may go at once ${what}`, () => {
      const { clients } = new Bench(resilience);
      if (greets === true) new Client(clients, true).sends(1n);
      let gone = 0;
      clients.leave(() => gone++);
      expect(gone).to.equal(1);
    });
  }

  it('begin again here when everything goes back, but for those that have sent nothing; nobody waits then', () => {
    const bench = new Bench(true);
    const sender = bench.client().sends(1n);
    const fresh = bench.client(false);
    let gone = 0;
    bench.clients.leave(() => gone++);
    bench.clients.restore();
    expect(gone).to.equal(1);
    expect(sender.restarts).to.deep.equal(['here:1']);
    expect([sender.closed, fresh.closed]).to.deep.equal([true, false]);
    expect([...bench.clients.positions()]).to.deep.equal([]);
    expect(bench.released, 'the cluster has taken it back itself').to.deep.equal([]);
  });

  it('get their credits back with each checkpoint that counts', () => {
    const bench = new Bench(true);
    const client = bench.client().sends(1n);
    client.got.splice(0);
    bench.clients.committed(bench.clients.cut());
    const positions = [{ stream: 1n, pointOfReference: 7n }];
    expect(client.got).to.deep.equal([{ type: 'ack', credits: 2, positions }]);
  });
});
