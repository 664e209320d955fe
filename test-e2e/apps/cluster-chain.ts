import {
  application,
  computation,
  framedTcpSource,
  source,
  stateComputation,
  tcpSink,
  type Pipeline,
} from '@wallaroo/worker';

/**
 * Every chain of one to three stages, side by side behind one source: `c` a stateless computation, `s` one with
 * state, `kc` and `ks` the same behind a `keyBy`. `SENDER ID` goes into all of them; out of each comes
 * `CHAIN SENDER ID TAG,TAG,TAG`, a tag for each stage: the process, and for those with state `:COUNT`.
 */
interface Tagged {
  readonly sender: string;
  readonly id: number;
  readonly tags: readonly string[];
}

const stages = ['c', 's', 'kc', 'ks'];
/** What `keyBy` divides the number of a message by, as first, second and third stage. */
const divisors = [7, 5, 3];

class Count {
  value = 0;
}

const decoder = (bytes: Buffer, start: number, end: number): Tagged => {
  const [sender = '', id] = bytes.toString('latin1', start, end).split(' ');
  return { sender, id: Number(id), tags: [] };
};
const tagged = ({ sender, id, tags }: Tagged, tag: string): Tagged => ({ sender, id, tags: [...tags, tag] });

function withStage(input: Pipeline<Tagged>, kind: string, position: number, name: string): Pipeline<Tagged> {
  const keyed = kind.startsWith('k')
    ? input.keyBy(({ id }) => `${position} ${id % divisors[position]!}`)
    : input;
  return keyed.to(
    kind.endsWith('s')
      ? stateComputation(name, Count, (message: Tagged, state) =>
          tagged(message, `${process.pid}:${++state.value}`),
        )
      : computation(name, (message: Tagged) => tagged(message, `${process.pid}`)),
  );
}

const one = stages.map((stage) => [stage]);
const two = one.flatMap((chain) => stages.map((stage) => [...chain, stage]));
const three = two.flatMap((chain) => stages.map((stage) => [...chain, stage]));
const input = source('in', framedTcpSource({ decoder }));

export default application(
  'cluster chain',
  ...[...one, ...two, ...three].map((chain) => {
    const name = chain.join('-');
    return chain
      .reduce<Pipeline<Tagged>>(
        (before, kind, position) => withStage(before, kind, position, `${name} ${position}`),
        input,
      )
      .toSink(
        tcpSink({ name, encoder: ({ sender, id, tags }) => `${name} ${sender} ${id} ${tags.join(',')}\n` }),
      );
  }),
);
