import type { Dice } from '../../packages/simulator/src/random/dice.js';
import type { Member } from '../support/cluster.js';
import type { Proxy } from '../support/proxy.js';
import type { SequenceCluster } from '../support/sequence-cluster.js';

/** What a fault may use. */
export interface Grounds {
  readonly load: SequenceCluster;
  readonly proxy: Proxy;
  readonly dice: Dice;
  /** Members that run and are no more than that: neither coming nor going. */
  readonly settledJoiners: readonly Member[];
  kill(...members: readonly Member[]): Promise<void>;
  launch(...members: readonly Member[]): void;
  grow(count: number): readonly Member[];
  shrink(leaver: Member): Promise<void>;
  rotate(member: Member): Promise<void>;
  pause(msMax: number): Promise<void>;
}

export interface Fault {
  readonly kind: string;
  possible?(on: Grounds): boolean;
  /** @returns whom it has met */
  act(on: Grounds): Promise<readonly Member[]>;
}

const membersMax = 5;

const anyOf = ({ load, dice }: Grounds) => dice.pick(load.members);
const someOf = (on: Grounds) => {
  const first = anyOf(on);
  return on.load.members.filter((member) => member === first || on.dice.chance(0.4));
};
const mayGrow = ({ load }: Grounds) => load.members.length < membersMax;
const mayShrink = ({ settledJoiners }: Grounds) => settledJoiners.length > 0;

/** Where others reach a worker, which may have been started a moment ago. */
async function portOf(on: Grounds, victim: Member): Promise<number> {
  await victim.waitFor(/data: listening on/);
  return on.dice.chance(0.5) ? victim.dataPort : victim.controlPort;
}

async function killAndLaunch(on: Grounds, victims: readonly Member[]): Promise<readonly Member[]> {
  await on.kill(...victims);
  await on.pause(1000);
  on.launch(...victims);
  return victims;
}

async function stall(on: Grounds, port: number): Promise<void> {
  const link = on.proxy.to(port);
  link.stall(on.dice.chance(0.5) ? 'both' : 'there');
  await on.pause(2000);
  link.resume();
}

export const faults: readonly Fault[] = [
  { kind: 'kill one', act: (on) => killAndLaunch(on, [anyOf(on)]) },
  { kind: 'kill several', act: (on) => killAndLaunch(on, someOf(on)) },
  { kind: 'kill all', act: (on) => killAndLaunch(on, on.load.members) },
  {
    kind: 'kill during recovery',
    async act(on) {
      const first = await killAndLaunch(on, [anyOf(on)]);
      await on.pause(2000);
      const second = on.dice.chance(0.5) ? first : [anyOf(on)];
      return [...first, ...(await killAndLaunch(on, second))];
    },
  },
  {
    kind: 'stop for a while',
    async act(on) {
      const victim = anyOf(on);
      victim.process.kill('SIGSTOP');
      await on.pause(2500);
      victim.process.kill('SIGCONT');
      return [victim];
    },
  },
  {
    kind: 'reset connections',
    async act(on) {
      const victim = anyOf(on);
      on.proxy.to(await portOf(on, victim)).reset();
      return [victim];
    },
  },
  {
    kind: 'stall connections',
    async act(on) {
      const victim = anyOf(on);
      await stall(on, await portOf(on, victim));
      return [victim];
    },
  },
  {
    kind: 'restart the connector sink',
    async act(on) {
      await on.load.connectors!.restartSink(() => on.pause(1000));
      return [];
    },
  },
  {
    kind: 'rotate',
    async act(on) {
      const worker = anyOf(on);
      await on.rotate(worker);
      return [worker];
    },
  },
  {
    kind: 'rotate and kill',
    async act(on) {
      const worker = anyOf(on);
      await on.rotate(worker);
      await on.pause(300);
      return killAndLaunch(on, [worker]);
    },
  },
  {
    kind: 'grow',
    possible: mayGrow,
    act: async (on) => on.grow(on.dice.chance(0.3) && on.load.members.length < membersMax - 1 ? 2 : 1),
  },
  {
    kind: 'kill during grow',
    possible: mayGrow,
    async act(on) {
      const joiners = on.grow(1);
      await on.pause(2000);
      return killAndLaunch(on, on.dice.chance(0.4) ? joiners : [anyOf(on)]);
    },
  },
  {
    kind: 'shrink',
    possible: mayShrink,
    async act(on) {
      const leaver = on.dice.pick(on.settledJoiners);
      await on.shrink(leaver);
      return [leaver];
    },
  },
  {
    kind: 'kill during shrink',
    possible: mayShrink,
    async act(on) {
      const leaver = on.dice.pick(on.settledJoiners);
      await on.shrink(leaver);
      await on.pause(500);
      const victims = [on.dice.chance(0.4) ? leaver : anyOf(on)].filter(({ process }) => !process.outcome);
      return killAndLaunch(on, victims);
    },
  },
];
