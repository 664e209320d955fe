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

export default application(
  'Word Count',
  source('lines', framedTcpSource({ decoder: utf8.decode }))
    .to(split)
    .keyBy((word) => word)
    .to(count)
    .toSink(tcpSink({ encoder: ({ word, count }) => `${word} => ${count}\n` })),
);
