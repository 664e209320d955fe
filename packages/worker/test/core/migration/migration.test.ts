import { expect } from 'chai';
import { Engine } from '../../../src/core/engine/engine.js';
import { Boundary } from '../../../src/core/link/boundary.js';
import { frameKind, makeFrame } from '../../../src/core/link/frame.js';
import { Receiver } from '../../../src/core/link/receiver.js';
import { defaultTiming } from '../../../src/core/link/timing.js';
import type { Route } from '../../../src/core/membership/cluster-state.js';
import type { Peer } from '../../../src/core/membership/peer.js';
import { Migration } from '../../../src/core/migration/migration.js';
import { planApplication } from '../../../src/core/topology/planner.js';
import { application, source, type SinkConfig, type SourceConfig } from '../../../src/index.js';
import { Lines } from '../support/members.js';

const never = () => {
  throw new Error('nobody opens it');
};
const network = { dial: () => undefined, write: () => undefined, close: () => undefined };
const slots = 8;
const ownersOf = (place: number) => Array<number>(slots).fill(place);

/** One of the workers a, b and c, whose links to the others keep what they are given. */
class Bench {
  readonly migration: Migration;
  /** Routes of which all has come. */
  readonly arrived: number[] = [];
  private readonly peers: Peer[];

  constructor(readonly name: string) {
    const config: SourceConfig<string> = { kind: 'test', decoder: String, open: never };
    const sink: SinkConfig<string> = { kind: 'test', encoder: () => '', open: never };
    const engine = new Engine(
      planApplication(application({ name: 'moved', slots }, source('in', config).toSink(sink))),
      {
        ...{ worker: name, clock: { now: () => 0 }, log: new Lines() },
        output: () => ({ write: () => true }),
        turnOpened: () => undefined,
      },
    );
    this.peers = ['a', 'b', 'c'].filter((other) => other !== name).map((other) => peerNamed(other));
    this.migration = new Migration({
      ...{ name, engine, planted: new Set() },
      peers: () => this.peers,
      output: () => [],
      held: () => undefined,
      arrived: (version) => void this.arrived.push(version),
      wake: () => undefined,
    });
  }

  to(name: string): Boundary {
    return this.peers.find((peer) => peer.name === name)!.data.boundary;
  }

  sends(name: string, frames: number): void {
    for (let i = 0; i < frames; i++) this.to(name).send(makeFrame(frameKind.batch));
  }

  /** An epoch begins with the route still open; `reborn` has been started again. */
  epoch(route: Route, reborn?: string): void {
    this.migration.review(route);
    if (reborn !== undefined) this.to(reborn).restart({ epoch: 2, from: 1, to: 2 }, true);
    this.migration.begin(route, ownersOf(1));
  }
}

function peerNamed(name: string): Peer {
  const hooks = {
    newConnection: never,
    hello: never,
    welcomed: () => true,
    refused: () => undefined,
    opened: () => undefined,
    full: () => undefined,
    held: () => undefined,
  };
  const boundary = new Boundary(network, defaultTiming, hooks, { epoch: 1, from: 1, to: 1 });
  return { name, data: { boundary, receiver: new Receiver(network) } } as unknown as Peer;
}

/** Of frames about a route. */
function payloadOf(version: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(version);
  return payload;
}

describe('the move of slots', () => {
  const route = (version: number): Route => ({ version, slots: [1, 2], from: 'a', to: 'b' });

  describe('at the worker that gives them', () => {
    it('waits for the barrier of this route from everybody, not for a late one of another', () => {
      const a = new Bench('a');
      a.migration.begin(route(7), ownersOf(1));
      const received = (from: string, version: number) =>
        a.migration.received(from, frameKind.barrier, payloadOf(version), 0, 4);
      received('b', 7);
      received('c', 6);
      expect(a.to('b').sent, 'nothing is shipped').to.equal(0);
      received('c', 7);
      expect(a.to('b').sent, 'the end of the state').to.equal(1);
    });
  });

  describe('at the worker that takes them', () => {
    it('waits for the end of the state of this route, not for one of another that was sent again', () => {
      const b = new Bench('b');
      b.migration.begin(route(7), ownersOf(1));
      const received = (version: number) => {
        b.migration.received('a', frameKind.stateEnd, payloadOf(version), 0, 4);
        b.migration.drain(() => true);
        return b.arrived;
      };
      expect(received(6)).to.deep.equal([]);
      expect(received(7)).to.deep.equal([7]);
    });

    it('puts in no state of another route that was sent again: it may have changed since', () => {
      const b = new Bench('b');
      b.migration.begin(route(7), ownersOf(1));
      const noState = Buffer.from([...payloadOf(6), 0xff, 0xff]);
      b.migration.received('a', frameKind.state, noState, 0, noState.length);
      noState.writeUInt32BE(7);
      const put = () => b.migration.received('a', frameKind.state, noState, 0, noState.length);
      expect(put).to.throw('state belongs to a stage of the plan');
    });
  });

  describe('at a worker that only knows of it', () => {
    it('lets go of what stands before its barrier when the route is done', () => {
      const c = new Bench('c');
      c.sends('a', 3);
      c.migration.begin(route(7), ownersOf(1));
      c.sends('a', 2);
      c.migration.end(7, ownersOf(1));
      expect([c.to('a').acknowledged, c.to('a').sent]).to.deep.equal([4, 6]);
    });

    it('keeps what stands behind its first barrier, though an epoch has had it send another one', () => {
      const c = new Bench('c');
      c.sends('a', 3);
      c.migration.begin(route(7), ownersOf(1));
      c.sends('a', 2);
      c.epoch(route(7));
      c.migration.end(7, ownersOf(1));
      expect([c.to('a').acknowledged, c.to('a').sent]).to.deep.equal([4, 7]);
    });

    it('does so as well when numbers begin anew, with a giver that was started again', () => {
      const c = new Bench('c');
      c.sends('a', 3);
      c.to('a').processed(2);
      c.migration.begin(route(7), ownersOf(1));
      c.sends('a', 2);
      c.epoch(route(7), 'a');
      // The third of the three, and the barrier.
      c.migration.end(7, ownersOf(1));
      expect([c.to('a').acknowledged, c.to('a').sent]).to.deep.equal([2, 5]);
    });

    it('keeps all when it has sent nothing before: its former life may have sent the barrier', () => {
      const c = new Bench('c');
      c.migration.begin(route(7), ownersOf(1));
      c.sends('a', 2);
      c.migration.end(7, ownersOf(1));
      expect([c.to('a').acknowledged, c.to('a').sent]).to.deep.equal([0, 3]);
    });
  });
});
