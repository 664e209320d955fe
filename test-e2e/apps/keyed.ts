import {
  application,
  computation,
  framedTcpSource,
  source,
  stateComputation,
  tcpSink,
  utf8,
} from '@wallaroo/worker';

/**
 * Two pipelines for operators to ask about: `words` (13 connections) counts by word behind two stateless
 * computations, `all` counts everything with one key. Both write `WORD NUMBER` lines to one sink each.
 */
class Count {
  value = 0;
}

const trim = computation('trim', (word: string) => word.trim());
const lower = computation('lower', (word: string) => word.toLowerCase());
const countWords = stateComputation(
  'count words',
  Count,
  (word: string, count) => `${word} ${++count.value}`,
);
const countAll = stateComputation('count all', Count, (_: string, count) => `all ${++count.value}`);
const encoder = (line: string) => `${line}\n`;

export default application(
  'an application with "quotes" and \\backslashes\\',
  source('words', framedTcpSource({ decoder: utf8.decode, parallelism: 13 }))
    .to(trim)
    .to(lower)
    .keyBy((word) => word)
    .to(countWords)
    .toSink(tcpSink({ encoder })),
  source('all', framedTcpSource({ decoder: utf8.decode, parallelism: 2 }))
    .collect()
    .to(countAll)
    .toSink(tcpSink({ encoder, name: 'second' })),
);
