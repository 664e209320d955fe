import { expect } from 'chai';
import { Client, frames } from '../support/client.js';
import { Cluster, endClusters } from '../support/cluster.js';

/** As in the application `cluster-chain`. */
const divisors = [7, 5, 3];
/** Of all senders together: each has some of every combination of keys, or nearly. */
const messages = 210;

interface Output {
  readonly chain: string;
  readonly sender: string;
  readonly id: number;
  readonly tags: readonly { readonly process: string; readonly count: number | undefined }[];
  readonly connection: number;
}

describe('chains of one to three stages, keyed or not, with state or without', () => {
  afterEach(endClusters);

  for (const workers of [1, 2, 3, 5]) {
    it(`give what the model says, on ${workers} ${workers === 1 ? 'worker' : 'workers'}`, async () => {
      const cluster = await Cluster.start({ workers, app: 'cluster-chain' });
      const { members, sink } = cluster;
      const each = Math.floor(messages / workers);
      const chains = 4 + 4 * 4 + 4 * 4 * 4;
      await Promise.all(
        members.map(async (member) => {
          const client = await Client.connect(member.port('in'));
          const texts = Array.from({ length: each }, (_, id) => `${member.name} ${id}`);
          await client.write(frames(texts));
          await client.end();
        }),
      );
      await sink.waitForLines(chains * each * workers);
      const outputs = sink.byConnection.flatMap((lines, connection) =>
        lines.map((line) => parsed(line, connection)),
      );
      const byChain = groupedBy(outputs, ({ chain }) => chain);
      expect(byChain.size).to.equal(chains);
      const entrances = new Map(members.map(({ name, process }) => [name, `${process.pid}`]));
      for (const [chain, lines] of byChain) expectModel(chain, lines, each, entrances);
      if (workers > 1) {
        const processes = new Set(outputs.flatMap(({ tags }) => tags.map(({ process }) => process)));
        expect(processes.size).to.equal(workers);
      }
    });
  }
});

function parsed(line: string, connection: number): Output {
  const [chain, sender, id, tags] = line.split(' ') as [string, string, string, string];
  return {
    chain,
    sender,
    id: Number(id),
    connection,
    tags: tags.split(',').map((tag) => {
      const [process = '', count] = tag.split(':');
      return { process, count: count === undefined ? undefined : Number(count) };
    }),
  };
}

/** Outputs of one chain, as they came on each connection. */
function expectModel(
  chain: string,
  outputs: readonly Output[],
  each: number,
  entrances: ReadonlyMap<string, string>,
): void {
  const stages = chain.split('-');
  for (const [sender, lines] of groupedBy(outputs, ({ sender }) => sender)) {
    const ids = lines.map(({ id }) => id).sort((a, b) => a - b);
    expect(ids, `${chain}: messages of ${sender}`).to.deep.equal(Array.from({ length: each }, (_, id) => id));
  }
  expect(outputs.length, chain).to.equal(entrances.size * each);
  // Out of the worker that made it.
  for (const lines of groupedBy(outputs, ({ connection }) => connection).values()) {
    expect(new Set(lines.map(({ tags }) => tags.at(-1)!.process)).size, `${chain}: at one sink`).to.equal(1);
  }

  const untagged = outputs.filter(({ tags }) => tags.length !== stages.length);
  expect(untagged.slice(0, 3), `${chain}: not through all stages`).to.deep.equal([]);

  let partition: ((output: Output) => string) | undefined;
  const keyed: ((output: Output) => string)[] = [];
  for (const [position, stage] of stages.entries()) {
    const where = `${chain}, stage ${position}`;
    const state = stage.endsWith('s');
    if (stage.startsWith('k')) {
      partition = ({ id }) => `${position} ${id % divisors[position]!}`;
      keyed.push(partition);
    }
    if (state) partition ??= () => 'all';
    if (partition === undefined) {
      // Nobody has asked for another worker.
      const strayed = outputs.filter(({ sender, tags }) => tags[position]!.process !== entrances.get(sender));
      expect(strayed.slice(0, 3), `${where}: elsewhere`).to.deep.equal([]);
      continue;
    }
    for (const [key, lines] of groupedBy(outputs, partition)) {
      const processes = new Set(lines.map(({ tags }) => tags[position]!.process));
      expect(processes.size, `${where}: workers of key ${key}`).to.equal(1);
      const counts = lines.map(({ tags }) => tags[position]!.count);
      if (state) {
        expect(
          (counts as number[]).sort((a, b) => a - b),
          `${where}: what the state of ${key} has seen`,
        ).to.deep.equal(Array.from(lines, (_, i) => i + 1));
      } else {
        expect(new Set(counts), where).to.deep.equal(new Set([undefined]));
      }
    }
  }

  // What one sender sends the same way keeps its order, at every stage and at the end.
  const way = (output: Output) => [output.sender, ...keyed.map((key) => key(output))].join(' ');
  for (const lines of groupedBy(outputs, way).values()) {
    for (let i = 1; i < lines.length; i++) {
      const [before, after] = [lines[i - 1]!, lines[i]!];
      const inOrder =
        before.id < after.id &&
        before.connection === after.connection &&
        before.tags.every(
          ({ count }, position) => count === undefined || count < after.tags[position]!.count!,
        );
      if (!inOrder) {
        expect.fail(`${chain}: ${JSON.stringify(after)} came after ${JSON.stringify(before)}`);
      }
    }
  }
}

function groupedBy<Value, Key>(values: readonly Value[], keyOf: (value: Value) => Key): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
