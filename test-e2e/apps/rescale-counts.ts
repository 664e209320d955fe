import {
  application,
  computation,
  framedTcpSource,
  source,
  stateComputation,
  stateComputationMulti,
  tcpSink,
  utf8,
} from '@wallaroo/worker';

/**
 * Counts the same thing in every way that state can be kept, for tests that move it from worker to worker.
 *
 * `in` takes `KEY NUMBER`; the part of KEY before its first `.` is its group. By key, by group and by key again,
 * each stage writes how many messages of that key it has seen. `all` takes the same and counts with one state for
 * all keys, then by key. Numbers run from 1 for each key: as long as nothing is lost, repeated or out of order,
 * all counts are the number.
 */
interface Counted {
  readonly key: string;
  /** The number that came with the message, then what each stage has counted. */
  readonly counts: readonly number[];
}

/** A state whose members can be seen. */
class Count {
  seen = 0;

  next(): number {
    return ++this.seen;
  }
}

/** A state that nobody can see into: it has a codec of its own. */
class HiddenCounts {
  readonly #seen = new Map<string, number>();

  static encode(counts: HiddenCounts): Uint8Array {
    return Buffer.from(JSON.stringify([...counts.#seen]));
  }

  static decode(bytes: Uint8Array): HiddenCounts {
    const counts = new HiddenCounts();
    const entries = JSON.parse(Buffer.from(bytes).toString()) as [string, number][];
    for (const [key, seen] of entries) counts.#seen.set(key, seen);
    return counts;
  }

  next(key: string): number {
    return nextIn(this.#seen, key);
  }
}

const hidden = {
  create: HiddenCounts,
  codec: {
    encode: (counts: HiddenCounts) => HiddenCounts.encode(counts),
    decode: (bytes: Uint8Array) => HiddenCounts.decode(bytes),
  },
};

const byKey = ({ key }: Counted) => key;
const byGroup = ({ key }: Counted) => key.split('.')[0]!;

const countInClass = (name: string) =>
  stateComputation(name, Count, (message: Counted, state) => counted(message, state.next()));
const countHidden = (name: string) =>
  stateComputationMulti(name, hidden, (message: Counted, state) => [
    counted(message, state.next(message.key)),
  ]);
const countInMap = (name: string) =>
  stateComputation(
    name,
    () => new Map<string, number>(),
    (message: Counted, state) => counted(message, nextIn(state, message.key)),
  );

const input = (name: string) => source(name, framedTcpSource({ decoder: utf8.decode, parallelism: 20 }));
const numbers = (name: string) =>
  computation(name, (text: string): Counted => {
    const [key = '', number] = text.split(' ');
    return { key, counts: [Number(number)] };
  });
const output = (name: string) =>
  tcpSink({ name, encoder: ({ key, counts }: Counted) => `${name} ${key} ${counts.join(' ')}\n` });

export default application(
  'rescale counts',
  input('in')
    .to(numbers('read in'))
    .keyBy(byKey)
    .to(countInClass('by key'))
    .keyBy(byGroup)
    .to(countHidden('by group'))
    .keyBy(byKey)
    .to(countInMap('by key again'))
    .toSink(output('in')),
  input('all')
    .to(numbers('read all'))
    .collect()
    .to(countInMap('all together'))
    .keyBy(byKey)
    .to(countInClass('afterwards'))
    .toSink(output('all')),
);

function counted({ key, counts }: Counted, count: number): Counted {
  return { key, counts: [...counts, count] };
}

function nextIn(counts: Map<string, number>, key: string): number {
  const next = (counts.get(key) ?? 0) + 1;
  counts.set(key, next);
  return next;
}
