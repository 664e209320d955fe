import { application, computationMulti, source, stateComputation, utf8 } from '@wallaroo/worker';
import { sinkFor, sourceFor } from './ends.js';

const split = computationMulti('split', (line: string) =>
  line
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== ''),
);

const count = stateComputation(
  'count',
  () => ({ count: 0 }),
  (word: string, state) => {
    state.count++;
    return { word, count: state.count };
  },
);

export default function wordCount(args: readonly string[]) {
  return application(
    'Word Count',
    source('lines', sourceFor(args, utf8.decode))
      .to(split)
      .keyBy((word) => word)
      .to(count)
      .toSink(sinkFor(args, ({ word, count }) => `${word} => ${count}\n`)),
  );
}
