import {
  application,
  computationMulti,
  framedTcpSource,
  source,
  stateComputation,
  tcpSink,
  utf8,
} from '@wallaroo/worker';

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

/** `--no-journal`: with resilience, what was read since the last checkpoint may be lost. */
export default function wordCount(args: readonly string[]) {
  const sourceJournal = !args.includes('--no-journal');
  return application(
    'Word Count',
    source('lines', framedTcpSource({ decoder: utf8.decode, sourceJournal }))
      .to(split)
      .keyBy((word) => word)
      .to(count)
      .toSink(tcpSink({ encoder: ({ word, count }) => `${word} => ${count}\n` })),
  );
}
