import {
  application,
  computationMulti,
  framedTcpSource,
  source,
  stateComputation,
  tcpSink,
  utf8,
} from '@wallaroo/worker';

const punctuation = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

class Count {
  occurrences = 0;
}

export default application(
  'word-count',
  source('lines', framedTcpSource({ decoder: utf8.decode }))
    .to(computationMulti('split into words', words))
    .keyBy((word) => word)
    .to(
      stateComputation('count word', Count, (word, count) => {
        count.occurrences++;
        return { word, occurrences: count.occurrences };
      }),
    )
    .toSink(tcpSink({ encoder: ({ word, occurrences }) => `${word} => ${occurrences}\n` })),
);

/** What stands between blanks, in lower case and without the punctuation around it. */
function words(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[ \n]/)
    .map(withoutPunctuation)
    .filter((word) => word !== '');
}

/** Punctuation inside a word belongs to it: `don't`, `well-known`. */
function withoutPunctuation(word: string): string {
  let start = 0;
  let end = word.length;
  while (start < end && punctuation.has(word.charAt(start))) start++;
  while (end > start && punctuation.has(word.charAt(end - 1))) end--;
  return word.slice(start, end);
}
