import {
  application,
  connectorSink,
  connectorSource,
  source,
  stateComputation,
  utf8,
} from '@wallaroo/worker';

/** Between `bring.ts` and `keep.ts`. Whoever knows it is let in. */
export const cookie = 'letters';

class Count {
  lines = 0;
}

export default application(
  'letters-once',
  source('lines', connectorSource({ decoder: utf8.decode, cookie }))
    .keyBy((line) => line.charAt(0))
    .to(
      stateComputation('count lines', Count, (line, count) => {
        count.lines++;
        return { letter: line.charAt(0), lines: count.lines };
      }),
    )
    .toSink(
      connectorSink({
        encoder: ({ letter, lines }) => `${letter} => ${lines}\n`,
        cookie,
        name: 'counts',
      }),
    ),
);
